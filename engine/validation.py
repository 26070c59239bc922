"""Everything that is wrong with a document, member by member and in plain words.

msgspec refuses a document at its first fault and names types of Python. That is right for the fast path; this
module is for the person who has to mend the document. Pure.
"""

from __future__ import annotations

import enum
import re
import types
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

import msgspec

Faults: TypeAlias = dict[str, list[str]]

DOCUMENT: Final = "body"  # the place of a fault of the whole document
SHOWN: Final = 48  # characters of a name that the sender invented
MOST: Final = 50  # faults named of one document
LOOKED_AT: Final = 1_000  # parts of one list or object
MISSING: Final = "is missing"

KINDS: Final[Mapping[str, str]] = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "bytes": "text in base64",
    "datetime": "a time with its zone, such as 2030-12-31T23:59:59Z",
    "date": "a date, such as 2030-12-31",
    "time": "a time of day, such as 23:59:59",
    "uuid": "a UUID",
}
BOUNDS: Final[Mapping[str, str]] = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
_KIND: Final = r"`(?P<kind>[^`]*)`"
_BOUND: Final = r"(?P<sign>[<>]=?) (?P<bound>\S+)"
MOMENT: Final = f"must be {KINDS['datetime']}"

# What msgspec says → what we say; the first pattern that fits.
WORDS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (rf"Expected {_KIND}, got `(?P<got>[^`]*)`", "must be {kind}, not {got}"),
        (r"Expected `(?:str|array|object)` of length >= 1", "must not be empty"),
        (rf"Expected `str` of length {_BOUND}", "must have {bound} characters"),
        (rf"Expected `(?:array|object)` of length {_BOUND}.*", "must have {bound} entries"),
        (rf"Expected {_KIND} {_BOUND}", "must be {bound}"),
        (rf"Expected {_KIND} of length (?P<length>\d+).*", "must have {length} entries"),
        (rf"Expected {_KIND} that's a multiple of (?P<step>\S+)", "must be a multiple of {step}"),
        (rf"Expected {_KIND} matching regex (?P<regex>.*)", "must have the form {regex}"),
        (r"Expected `datetime` with.*|Invalid RFC3339.*datetime", MOMENT),
        (r"Object missing required field `(?P<name>.*)`", MISSING),
        (rf"Expected {_KIND}", "must be {kind}"),
        (r"Integer value out of range", "is too large a number"),
        (r"Invalid (?P<what>UUID|base64 encoded string)", "is no valid {what}"),
    )
)


def faults(given: Any, kind: Any, *, strict: bool = True) -> Faults:
    """Place → what is wrong there, for all of `given` that does not fit the type `kind`; empty if it fits.

    A place is spelled `evses[0].uid`; that of the document itself is `body`. `strict` as in msgspec.convert:
    False takes numbers that are text.
    """
    found: Faults = {}
    for where, what in _faults(given, kind, "", strict):
        if len(found) >= MOST:
            break
        found.setdefault(where or DOCUMENT, []).append(what)
    return found


def _faults(given: Any, kind: Any, where: str, strict: bool) -> Iterator[tuple[str, str]]:
    if plain_type(kind) is msgspec.Raw:  # anything; it is looked at later
        return
    try:
        msgspec.convert(given, kind, strict=strict)
    except (msgspec.ValidationError, OverflowError) as error:
        inner = _inside(given, kind, where, strict)
        yield next(inner, (where, _leaf(error, given, kind)))
        yield from inner


def _inside(given: Any, kind: Any, where: str, strict: bool) -> Iterator[tuple[str, str]]:
    """The faults of the parts of `given`; none where the whole is of another kind than expected."""
    kind = _chosen(given, kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(given, Mapping):
        yield from _of_struct(given, kind, where, strict)
    elif origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if isinstance(given, Mapping) and len(arguments) == 2:
            for name, value in islice(given.items(), LOOKED_AT):
                for _, what in _faults(name, arguments[0], "", strict):
                    yield _member(where, name), f"the name: {what}"
                yield from _faults(value, arguments[1], _member(where, name), strict)
    elif isinstance(given, list | tuple) and arguments and isinstance(origin, type):
        for position, value in enumerate(given[:LOOKED_AT]):
            yield from _faults(value, arguments[0], f"{where}[{position}]", strict)


def _of_struct(
    given: Mapping[str, Any], kind: type[msgspec.Struct], where: str, strict: bool
) -> Iterator[tuple[str, str]]:
    members = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, field in members.items():
        if name in given:
            yield from _faults(given[name], field.type, _member(where, name), strict)
        elif field.required:
            yield _member(where, name), MISSING + _allowed(field.type)
    if kind.__struct_config__.forbid_unknown_fields:
        for name in given:
            if name not in members and name != kind.__struct_config__.tag_field:
                yield _member(where, str(name)), unknown(str(name), members)


def unknown(name: str, known: Mapping[str, object]) -> str:
    """What to say of a member that there is not."""
    near = get_close_matches(name[:SHOWN], known, 1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"is not known here{hint}; there are: {', '.join(known) or 'none'}"


def _member(where: str, name: str) -> str:
    shown = name[:SHOWN]
    return f"{where}.{shown}" if where else shown


def _leaf(error: Exception, given: Any, kind: Any) -> str:
    """The fault of a value as a whole."""
    _, what = place_and_fault(str(error))
    words = choices(kind)
    if isinstance(given, str) and words:
        near = get_close_matches(given[:SHOWN], words, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        return f"is none of the allowed words{hint}; allowed: {', '.join(words)}"
    return plainly(what) + _allowed(kind)


def _allowed(kind: Any) -> str:
    words = choices(kind)
    return f"; allowed: {', '.join(words)}" if words else ""


def place_and_fault(message: str) -> tuple[str, str]:
    """msgspec's message taken apart: `.evses[0].uid` (empty: the document itself), and the fault."""
    what, _, place = message.rpartition(" - at `")
    path = place.removeprefix("key in ")
    if not (path.startswith("$") and path.endswith("`")):
        return "", message
    return path[1:-1], what


def plainly(what: str) -> str:
    """One message of msgspec in plain words; what is not of its making stays as it is."""
    for pattern, words in WORDS:
        if found := pattern.fullmatch(what):
            parts = {name: text or "" for name, text in found.groupdict().items()}
            if parts.get("sign"):
                parts["bound"] = f"{BOUNDS[parts['sign']]} {parts['bound'].removesuffix('.0')}"
            for name in ("kind", "got"):
                parts[name] = _kind(parts.get(name, ""))
            return words.format(**parts)
    return what


def _kind(text: str) -> str:
    """`int | null` as a person says it."""
    return " or ".join(KINDS.get(part, part) for part in text.split(" | "))


def choices(kind: Any) -> list[str]:
    """The words that an enumeration takes, in the order of their declaration; none for any other type."""
    kind = plain_type(kind)
    if get_origin(kind) is Literal:
        return [str(word) for word in get_args(kind)]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return [str(member.value) for member in kind]
    return []


def plain_type(kind: Any) -> Any:
    """A type without its annotations, and without what says that it may be absent."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        present = [part for part in get_args(kind) if part not in (type(None), msgspec.UnsetType)]
        if len(present) == 1:
            return plain_type(present[0])
    return kind


def _chosen(given: Any, kind: Any) -> Any:
    """Of a union the part that `given` is meant to be."""
    kind = plain_type(kind)
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    parts = [plain_type(part) for part in get_args(kind)]
    if isinstance(given, list | tuple):
        return next((part for part in parts if get_origin(part) in (list, tuple, set, frozenset)), kind)
    if not isinstance(given, Mapping):
        return kind
    structs = [part for part in parts if isinstance(part, type) and issubclass(part, msgspec.Struct)]
    for struct in structs:
        config = struct.__struct_config__
        if config.tag_field is not None and given.get(config.tag_field) == config.tag:
            return struct
    return structs[0] if len(structs) == 1 else kind
