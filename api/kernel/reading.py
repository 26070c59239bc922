"""What callers send, into types: bodies and query strings; a refusal names the member and what would do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

import msgspec
from msgspec import inspect
from werkzeug.exceptions import BadRequest

from api.kernel.problems import INVALID_DATA, invalid
from api.kernel.types import path_to, words
from engine.errors import Invalid

NUL: Final = "must not contain the character U+0000"
UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
WRONG_WORD: Final = "Invalid enum value"
ANY_KEY: Final = "[...]"  # how msgspec names the place of a value in an object without fixed members
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
        raise explained(error, kind, given) from None


def explained(error: msgspec.ValidationError, kind: Any, given: Any) -> Invalid:
    """msgspec's refusal of `given`, with the name of what is wrong and what would do."""
    plain = invalid(error)
    ((where, (what,)),) = plain.fields.items()
    described = inspect.type_info(kind)
    if isinstance(described, inspect.DictType) and isinstance(given, Mapping):
        return Invalid(INVALID_DATA, dict(_faults(kind, given)) or plain.fields)
    if where.endswith(ANY_KEY) and isinstance(given, Mapping):
        # msgspec does not say which key of an object it was: try them one by one.
        name = where.removesuffix(ANY_KEY)
        held = given.get(name)
        members = held if isinstance(held, Mapping) else {}
        bad = [key for key, value in members.items() if not _fits(kind, {**given, name: {key: value}})]
        return Invalid(INVALID_DATA, {f"{name}.{key[:SHOWN]}": [what] for key in bad} or plain.fields)
    if named := UNKNOWN.fullmatch(what):
        return Invalid(INVALID_DATA, {named["name"][:SHOWN]: [_unknown(named["name"], described, where)]})
    if what.startswith(WRONG_WORD):
        allowed = ", ".join(words(path_to(described, where)[-1]))
        return Invalid(INVALID_DATA, {where: [f"{what}; allowed: {allowed}" if allowed else what]})
    return plain


def _fits(kind: Any, given: Any) -> bool:
    try:
        msgspec.convert(given, kind)
    except msgspec.ValidationError:
        return False
    return True


def _faults(kind: Any, given: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for name, value in given.items():
        try:
            msgspec.convert({name: value}, kind)
        except msgspec.ValidationError as error:
            ((_, what),) = invalid(error).fields.items()
            place = "the name: " if "key in" in str(error) else ""
            yield name[:SHOWN], [place + what[0]]


def _unknown(name: str, described: inspect.Type, where: str) -> str:
    owner = path_to(described, "" if where == "body" else where)[-1]
    names = [field.encode_name for field in owner.fields] if isinstance(owner, inspect.StructType) else []
    near = get_close_matches(name, names, 1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"is not known here{hint}; there are: {', '.join(names) or 'none'}"


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
