"""What callers send, into types: bodies and query strings; a refusal names the member and what would do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from werkzeug.exceptions import BadRequest

from api.kernel.problems import INVALID_DATA, invalid
from engine.errors import Invalid
from engine.validation import faults

NUL: Final = "must not contain the character U+0000"
SHOWN: Final = 48  # characters of a name that a caller invented


def body(decoder: msgspec.json.Decoder[Any], data: bytes) -> Any:
    """A JSON document as the decoder's type. Raises Invalid, BadRequest where it is no JSON."""
    try:
        value = decoder.decode(data)
        if b"\\u0000" in data:
            _refuse_nul(msgspec.json.decode(data))
    except msgspec.ValidationError as error:
        raise _explained(error, decoder.type, data) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    return value


def _explained(error: msgspec.ValidationError, kind: Any, data: bytes) -> Invalid:
    try:
        given = msgspec.json.decode(data)
    except msgspec.DecodeError:  # a number that is none here, 1e400 for one
        return invalid(error)
    return explained(error, kind, given)


def query(kind: Any, given: Mapping[str, str]) -> Any:
    """A query string as `kind`. Raises Invalid."""
    _refuse_nul(given)
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise explained(error, kind, given, strict=False) from None


def explained(error: msgspec.ValidationError, kind: Any, given: Any, *, strict: bool = True) -> Invalid:
    """msgspec's refusal of `given`, with everything that is wrong with it."""
    return Invalid(INVALID_DATA, faults(given, kind, strict=strict) or invalid(error).fields)


def _refuse_nul(given: Any) -> None:
    """PostgreSQL's text knows no such character."""
    places = {place: [NUL] for place in _with_nul(given, "")}
    if places:
        raise Invalid(INVALID_DATA, places)


def _with_nul(given: Any, where: str) -> Iterator[str]:
    if isinstance(given, str) and "\0" in given:
        yield where or "body"
    elif isinstance(given, Mapping):
        for name, value in given.items():
            shown = name.replace("\0", "\\0")[:SHOWN]
            inner = f"{where}.{shown}" if where else shown
            yield from [inner] if "\0" in name else _with_nul(value, inner)
    elif isinstance(given, list):
        for position, value in enumerate(given):
            yield from _with_nul(value, f"{where}[{position}]")
