"""What callers send, into types: bodies and query strings; a refusal names the member and what would do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import accumulate, islice
from typing import Any, Final

import msgspec
from werkzeug.exceptions import BadRequest, NotFound

from api.kernel.problems import INVALID_DATA, invalid
from engine.errors import Invalid
from engine.validation import MOST, faults

NUL: Final = "must not contain the character U+0000"
POSITION: Final = re.compile(r"\[\d+\]$")  # in a list
SHOWN: Final = 48  # characters of a name that a caller invented
MAX_DEPTH: Final = 64  # objects and lists within each other
STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in STEPS)
# Possessive, and with an end that may be missing: linear in whatever is thrown at it.
STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def body(decoder: msgspec.json.Decoder[Any], data: bytes) -> Any:
    """A JSON document as the decoder's type. Raises Invalid, BadRequest where it is no JSON."""
    _refuse_what_is_no_text(data)
    try:
        value = decoder.decode(data)
        if b"\\u0000" in data:
            _refuse_nul(msgspec.json.decode(data))
    except msgspec.ValidationError as error:
        raise _explained(error, decoder.type, data) from None
    except msgspec.DecodeError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    return value


def _refuse_what_is_no_text(data: bytes) -> None:
    """JSON between systems is UTF-8 (RFC 8259 §8.1), and its depth may be limited (§9)."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body is not UTF-8, at byte {error.start}") from None
    if is_too_deep(data):
        raise BadRequest(f"the body has more than {MAX_DEPTH} objects and lists within each other")


def is_too_deep(data: bytes) -> bool:
    """Whether more than MAX_DEPTH objects and lists of a JSON document stand within each other."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return False
    brackets = STRING.sub(b"", data).translate(None, NO_BRACKETS)
    return max(accumulate(map(STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH


def _explained(error: msgspec.ValidationError, kind: Any, data: bytes) -> Invalid:
    try:
        given = msgspec.json.decode(data)
    except msgspec.DecodeError:  # a number that is none here, 1e400 for one
        return invalid(error)
    return explained(error, kind, given)


def address(variables: Mapping[str, Any]) -> None:
    """The variables of a path. Raises NotFound for what nothing can be called."""
    if any(True for value in variables.values() for _ in _with_nul(value, "")):
        raise NotFound


def query(kind: Any, given: Mapping[str, Any]) -> Any:
    """A query string as `kind`. Raises Invalid, which names parameters and not a place in their lists."""
    _refuse_nul(given)
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        found: dict[str, list[str]] = {}
        for place, faults_there in explained(error, kind, given, strict=False).fields.items():
            found.setdefault(POSITION.sub("", place), []).extend(faults_there)
        raise Invalid(INVALID_DATA, found) from None


def explained(error: msgspec.ValidationError, kind: Any, given: Any, *, strict: bool = True) -> Invalid:
    """msgspec's refusal of `given`, with everything that is wrong with it."""
    return Invalid(INVALID_DATA, faults(given, kind, strict=strict) or invalid(error).fields)


def _refuse_nul(given: Any) -> None:
    """PostgreSQL's text knows no such character."""
    places = {place: [NUL] for place in islice(_with_nul(given, ""), MOST)}
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
