"""Operations by name: what is asked of a charge point, whichever OCPP it speaks."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from api.admin import parameters
from api.admin.calls import MAX_TIMEOUT
from api.kernel import reading
from api.kernel.operations import Route
from api.kernel.problems import INVALID_DATA
from api.kernel.views import Camel
from engine.domain.caller import Caller
from engine.errors import Invalid
from engine.node import Node
from engine.ocpp.catalogue import ENCODINGS, OPERATIONS
from engine.ocpp.operation import Operation
from engine.operations import commands

NUMBERED: Final = "requestId"  # ours to give where the caller does not care
MAX_REQUEST_ID: Final = 2**31 - 1


class CommandBody(Camel, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`timeout` in seconds goes for each request that the command takes."""

    command: Annotated[str, Meta(min_length=1, max_length=64)]
    parameters: Mapping[str, Any] = {}
    timeout: Annotated[float, Meta(gt=0, le=MAX_TIMEOUT)] | None = None


class CommandView(Camel, frozen=True, kw_only=True):
    """A command: what it does and takes (`*` required), and the versions that have words for it."""

    command: str
    summary: str
    parameters: Sequence[str]
    types: Mapping[str, str]
    versions: Sequence[str]


async def listing(node: Node) -> list[CommandView]:
    return [_view(name, OPERATIONS[name]) for name in sorted(OPERATIONS)]


async def command(node: Node, identity: str, body: CommandBody, caller: Caller) -> Mapping[str, Any]:
    """As `calls.call`; 501 where the station has no such thing. A refusal of the station's is a verdict."""
    given = dict(body.parameters)
    operation = _operation(body.command, given)
    result = await commands.command(node, caller, identity, operation, body.timeout)
    answer: dict[str, Any] = msgspec.to_builtins(result)
    return answer if NUMBERED not in given else {**answer, NUMBERED: given[NUMBERED]}


def _operation(name: str, given: dict[str, Any]) -> Operation:
    """Typed; a request id that is wanted and not there is put into `given`. Raises Invalid."""
    kind = OPERATIONS.get(name)
    if kind is None:
        near = get_close_matches(name, OPERATIONS, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise Invalid(INVALID_DATA, {"command": [f"there is no command {name!r}{hint}"]})
    if f"{NUMBERED}*" in parameters.names(kind):
        given.setdefault(NUMBERED, secrets.randbelow(MAX_REQUEST_ID) + 1)
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise _taught(error, kind, given) from None


def _view(name: str, kind: type[Operation]) -> CommandView:
    return CommandView(
        command=name,
        summary=(kind.__doc__ or "").partition("\n")[0],
        parameters=parameters.names(kind),
        types=parameters.types(kind),
        versions=[version for version, known in ENCODINGS.items() if kind in known],
    )


def _taught(error: msgspec.ValidationError, kind: type[Operation], given: Mapping[str, Any]) -> Invalid:
    """What is wrong with which parameter, and all that there are."""
    fields = {
        "parameters" if where == "body" else f"parameters.{where}": [*what, parameters.sentence(kind)]
        for where, what in reading.explained(error, kind, given).fields.items()
    }
    return Invalid(INVALID_DATA, fields)


ROUTES = (
    Route("GET", "/commands", listing),
    Route("POST", "/stations/<identity>/command", command, limit=None),
)
