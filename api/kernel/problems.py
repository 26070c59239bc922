"""From any exception to an HTTP problem (status, message, fields); each application renders it its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from werkzeug.exceptions import HTTPException

from api.http.message import phrase
from engine.errors import Conflict, Invalid, StoreError, VoltrioError
from engine.validation import DOCUMENT, place_and_fault, plainly

INVALID_DATA: Final = "The given data was invalid."
NO_DATABASE: Final = "The database did not serve this request; see /health/ready, and the node's log."


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error on its way out; `error` is its cause, for renderers that say more (CALLERROR details)."""

    status: int
    message: str
    fields: Mapping[str, list[str]] = {}
    headers: Mapping[str, str] = {}
    error: VoltrioError | None = None


Render = Callable[[Problem], tuple[int, object]]  # → status, body


class TooSlowError(VoltrioError):
    """The request was not done within its time; the database is away or overloaded."""

    http_status = 503


def of_ours(error: VoltrioError) -> Problem:
    """What the database said stands in the log: it may name hosts, users, tables and other people's data."""
    fields = error.fields if isinstance(error, Invalid | Conflict) else {}
    headers = {"Retry-After": "5"} if error.http_status in {429, 503} else {}
    message = NO_DATABASE if isinstance(error, StoreError) else str(error)
    return Problem(status=error.http_status, message=message, fields=fields, headers=headers, error=error)


def of_http(error: HTTPException) -> Problem:
    """The framework's errors: unknown addresses, wrong methods, too large or slow bodies, our own bugs."""
    kept = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    return Problem(status=status, message=error.description or phrase(status), headers=kept)


def invalid(error: msgspec.ValidationError) -> Invalid:
    """msgspec's message, taken apart: `evses[0].uid` → what is wrong with it."""
    where, what = place_and_fault(str(error))
    return Invalid(INVALID_DATA, {where.removeprefix(".") or DOCUMENT: [plainly(what)]})
