"""Turns a payload into its Struct: straight through where it is right, else by the station's policy.

*strict* answers the CALLERROR that the version's specification names; *repair* mends what real chargers get
wrong and names each repair; *observe* is *repair* whose repairs the caller also logs. The single repairs are
in `engine.ocpp.mending`, their data in `engine.ocpp.quirks`. Whatever the bytes are, `decode` raises nothing.

Of a name that an object has twice the last value counts, as in every JSON parser here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn, TypeAlias

import msgspec

from engine.domain.state import Frozen, Policy
from engine.masking import masked_members
from engine.ocpp.mending import NO, REPAIRS
from engine.ocpp.messages import CustomData, decode_hook
from engine.ocpp.quirks import Place, Quirks, quirks_of
from engine.ocpp.rpc import MAX_DESCRIPTION, Code
from engine.ocpp.shapes import Many, Member, Number, Open, Record, Shape, Text, fault, fold, record_of
from engine.ocpp.step import Message, Refusal

MAX_REPAIRS = (
    200  # of a message: what it costs all others. A station that needs more makes the same one again
)
MAX_REPAIRS_PER_VALUE = 4  # steps on one value; each removes one deviation
MAX_INTEGER_DIGITS = 20  # longer ones are beyond every bound, and must not cost a conversion

# Which JSON-schema keyword fails → which error the specification names (OCPP-J 1.6 §4.2.3, table 7).
FAULTS_16: Mapping[str, Code] = {
    "json": Code.FORMAT_VIOLATION,  # "syntactically incorrect"
    "elements": Code.FORMAT_VIOLATION,
    "structure": Code.FORMAT_VIOLATION,  # "or not conform the PDU structure": the payload is no object
    "additionalProperties": Code.FORMAT_VIOLATION,
    "required": Code.PROTOCOL_ERROR,  # "payload is incomplete"
    "type": Code.TYPE_CONSTRAINT_VIOLATION,  # "violates data type constraints"
    "format": Code.TYPE_CONSTRAINT_VIOLATION,  # dateTime is a data type
    "maxLength": Code.TYPE_CONSTRAINT_VIOLATION,  # so is CiString20Type
    "pattern": Code.PROPERTY_CONSTRAINT_VIOLATION,  # "contains an invalid value"
    "enum": Code.PROPERTY_CONSTRAINT_VIOLATION,
    "range": Code.PROPERTY_CONSTRAINT_VIOLATION,  # minimum, maximum
    "multipleOf": Code.PROPERTY_CONSTRAINT_VIOLATION,
    "items": Code.OCCURRENCE_CONSTRAINT_VIOLATION,  # minItems, maxItems
    "repairs": Code.FORMAT_VIOLATION,
}
# 2.0.1 part 4 §4.3: only what is no JSON is "syntactically incorrect", and cardinality includes 1..1.
FAULTS_2X: Mapping[str, Code] = {
    **FAULTS_16,
    "elements": Code.RPC_FRAMEWORK_ERROR,  # "not a valid RPC request"
    "structure": Code.PROTOCOL_ERROR,
    "additionalProperties": Code.PROTOCOL_ERROR,
    "required": Code.OCCURRENCE_CONSTRAINT_VIOLATION,
}
FREE_TEXT = Text()
WORDS: Mapping[str, str] = {
    "json": "not valid JSON",
    "elements": "followed by more elements; a message ends with its payload",
    "structure": "must be an object",
    "additionalProperties": "no such member",
    "required": "missing",
    "type": "wrong type",
    "format": "not an RFC 3339 time stamp with a time zone",
    "maxLength": "too long",
    "pattern": "contains a NUL character",
    "enum": "not one of the allowed values",
    "range": "out of range",
    "multipleOf": "too many decimal places",
    "items": "wrong number of items",
    "repairs": f"more than {MAX_REPAIRS} deviations from the schema, which are not mended",
}


class Decoded(Frozen, frozen=True):
    """A message that can be worked with. `repairs` names the rules applied, `places` where, one each."""

    message: Message
    repairs: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


class ViolationError(Exception):
    """Internal: a value breaks a keyword of its schema, beyond repair."""

    def __init__(self, keyword: str, path: Path) -> None:
        super().__init__(keyword, path)
        self.keyword = keyword
        self.path = path


Path: TypeAlias = "tuple[Path, str | int] | None"  # linked, because it is rarely written out; None is `$`


def _written(path: Path) -> str:
    """`$.meterValue[0].timestamp`"""
    if path is None:
        return "$"
    parent, step = path
    return f"{_written(parent)}[{step}]" if isinstance(step, int) else f"{_written(parent)}.{step}"


def received(kind: type, value: object) -> object:
    """`decode_hook` for what comes from outside: what vendors add is stored as it is, so without secrets."""
    custom = decode_hook(kind, value)
    return CustomData(masked_members(custom)) if isinstance(custom, CustomData) else custom


class _Decoders(dict[type[Message], "msgspec.json.Decoder[Message] | None"]):
    """One strict decoder per payload type; None where only the walk can tell right from wrong.

    A hot path may use one directly, leaving to `decode` what the decoder refuses, and any payload with the
    escape `\\u0000` in it. `hook` is msgspec's `dec_hook`.
    """

    def __init__(self, hook: Callable[[type, object], object]) -> None:
        super().__init__()
        self.hook = hook

    def __missing__(self, kind: type[Message]) -> msgspec.json.Decoder[Message] | None:
        decoder = None if record_of(kind).exact else msgspec.json.Decoder(kind, dec_hook=self.hook)
        self[kind] = decoder
        return decoder


DECODERS = _Decoders(received)
OURS = _Decoders(decode_hook)  # of what people here send: to the letter
# The first and the last day there are stand for "never set" and "for ever". In UTC they may be days that do
# not exist, so they are read as their neighbours.
CALENDAR_ENDS: Final = re.compile(rb'"(9999-12-31|0001-01-01)([Tt ][0-9:.]+(?:[Zz]|[+-][0-9:]+)?")')


def _a_day_inside(found: re.Match[bytes]) -> bytes:
    return b'"' + (b"9999-12-30" if found[1] == b"9999-12-31" else b"0001-01-02") + found[2]


def decode(  # noqa: PLR0917 - the station's three words stand together, as in every call
    kind: type[Message],
    payload: bytes,
    policy: Policy,
    vendor: str = "",
    model: str = "",
    version: str = "ocpp1.6",
    *,
    decoders: _Decoders = DECODERS,
) -> Decoded | Refusal:
    """A payload as a message of `kind`, or the CALLERROR that answers it.

    `vendor` and `model` choose the quirks (what BootNotification said, "" before that).
    """
    if b"9999-12-31" in payload or b"0001-01-01" in payload:
        payload = CALENDAR_ENDS.sub(_a_day_inside, payload)
    decoder = decoders[kind]
    # PostgreSQL's text cannot hold NUL. Hardly a payload has an escape at all, and one byte is found fastest.
    if decoder is not None and (b"\\" not in payload or b"\\u0000" not in payload):
        try:
            return Decoded(message=decoder.decode(payload))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # what is wrong, and whether it can be mended, is found out below
    quirks = quirks_of(vendor, model) if policy is not Policy.STRICT else None
    try:
        return _walked(kind, payload, quirks, decoders.hook)
    except ViolationError as violation:
        code = (FAULTS_16 if version == "ocpp1.6" else FAULTS_2X)[violation.keyword]
        description = f"{_written(violation.path)}: {WORDS[violation.keyword]}"
        return Refusal(code=code, description=description[:MAX_DESCRIPTION])


def _walked(
    kind: type[Message], payload: bytes, quirks: Quirks | None, hook: Callable[[type, object], object]
) -> Decoded:
    walk = _Walk(quirks)
    try:
        document = _parse(payload, walk)
        # "If there is no payload JSON allows … null" (OCPP-J 1.6 §4.2.1)
        value = walk.record(record_of(kind), {} if document is None else document, None)
        message = msgspec.convert(value, kind, dec_hook=hook)
    except RecursionError:
        raise ViolationError("json", None) from None
    except msgspec.ValidationError:
        raise ViolationError("structure", None) from None
    return Decoded(message=message, repairs=tuple(walk.repairs), places=tuple(map(_written, walk.places)))


def _parse(payload: bytes, walk: _Walk) -> Any:
    """The document with numbers as int or Decimal; a profile may rewrite text that is not JSON."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise ViolationError("json", None) from None
    try:
        return _loads(text)
    except ValueError:
        for pattern, replacement in walk.quirks.rewrites if walk.quirks else ():
            text = re.sub(pattern, replacement, text)
        try:
            document = _loads(text)
        except ValueError:
            raise ViolationError("elements" if _are_several(text) else "json", None) from None
        walk.note("rewrite", None)
        return document


def _are_several(text: str) -> bool:
    """Whether more than a payload stands where a message has its payload."""
    try:
        return len(_loads(f"[{text}]")) > 1
    except ValueError:
        return False


def _loads(text: str) -> Any:
    return json.loads(text, parse_float=_decimal, parse_int=_integer, parse_constant=_constant)


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:  # an exponent beyond what even Decimal can hold
        raise ValueError("number out of range") from None


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else _decimal(digits)


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class _Walk:
    """One pass over a raw document beside its shape. Without quirks it is strict and changes nothing."""

    def __init__(self, quirks: Quirks | None) -> None:
        self.quirks = quirks
        self.repairs: list[str] = []
        self.places: list[Path] = []
        self.spent = 0  # repairs made, those inside of what was dropped after all included

    def note(self, rule: str, path: Path) -> None:
        self.spent += 1
        if self.spent > MAX_REPAIRS:
            raise ViolationError("repairs", path)
        self._keep(rule, path)

    def _keep(self, rule: str, path: Path) -> None:
        self.repairs.append(rule)
        self.places.append(path)

    def record(self, shape: Record, value: Any, path: Path) -> dict[str, Any]:
        """An object; the first violation in the schema's order is raised, unknown members come last."""
        if not isinstance(value, dict):
            raise ViolationError("structure" if path is None else "type", path)
        given = self._renamed(shape, value, path, self.quirks) if self.quirks else value
        result = {}
        for member in shape.members:
            if member.required or member.name in given:
                item = self._member(member, given, (path, member.name))
                if item is not NO:
                    result[member.name] = item
        for name in given:
            if name not in shape.names:
                if shape.open:
                    result[self.free(name, path)] = self.free(given[name], (path, _printable(name)))
                    continue
                if not self.quirks:
                    raise ViolationError("additionalProperties", (path, _printable(name)))
                self.note("unknown-member", (path, _printable(name)))
        return result

    def _renamed(self, shape: Record, value: dict[str, Any], path: Path, quirks: Quirks) -> dict[str, Any]:
        """Members under another name or case of their name, put under the right one."""
        if shape.names.issuperset(value):
            return value
        if len(value) > len(shape.names) + MAX_REPAIRS:
            raise ViolationError("repairs", path)
        result = {name: item for name, item in value.items() if name in shape.names}
        for name, item in value.items():
            if name not in shape.names:
                meant = quirks.renames.get(f"{shape.name}.{name}") or shape.folded.get(fold(name), name)
                if meant != name and meant not in result:
                    self.note("member-name", (path, meant))
                    result[meant] = item
                else:
                    result[name] = item
        return result

    def _member(self, member: Member, given: Mapping[str, Any], path: Path) -> Any:
        """The value of a member that is required or given, or NO where it is dropped."""
        item = given.get(member.name, NO)
        if self.quirks and (item is NO or item is None):
            if member.key in self.quirks.defaults:
                self.note("default", path)
                return self.quirks.defaults[member.key]
            if item is None and not member.required:
                self.note("null-optional", path)
                return NO
        if item is NO:
            raise ViolationError("required", path)
        mark = len(self.repairs)
        try:
            return self.value(member.shape, item, path, member.key)
        except ViolationError:
            if not self.quirks:
                raise
            self._forget(mark)
            if member.key in self.quirks.instead:
                self._keep("member-replaced", path)
                return self.quirks.instead[member.key]
            if member.required:
                raise
            if _is_empty(item):
                rule = "empty-optional"
            elif member.key in self.quirks.expendable:
                rule = "member-dropped"
            else:
                raise
        self._keep(rule, path)
        return NO

    def value(self, shape: Shape, value: Any, path: Path, place: Place) -> Any:
        """A value as its shape wants it, mended as far as the policy allows."""
        keyword = fault(shape, value)
        if keyword is not None:
            value = self._fitted(keyword, shape, value, path, place)
        if isinstance(shape, Record):
            return self.record(shape, value, path)
        if isinstance(shape, Many):
            return self._many(shape, value, path, place)
        if isinstance(shape, Number):
            return float(value) if shape.places is None else Decimal(value)
        return self.free(value, path) if isinstance(shape, Open) else value

    def _fitted(self, keyword: str | None, shape: Shape, value: Any, path: Path, place: Place) -> Any:
        """The value after as many single repairs as it takes to fit."""
        for _ in range(MAX_REPAIRS_PER_VALUE):
            if keyword is None:
                return value
            value = self._mended(keyword, shape, value, path, place)
            keyword = fault(shape, value)
        if keyword is not None:
            raise ViolationError(keyword, path)
        return value

    def _mended(self, keyword: str, shape: Shape, value: Any, path: Path, place: Place) -> Any:
        if self.quirks:
            for rule, repair in REPAIRS.get((type(shape), keyword), ()):
                mended = repair(value, shape, place, self.quirks)
                if mended is not NO:
                    self.note(rule, path)
                    return mended
        raise ViolationError(keyword, path)

    def _many(self, shape: Many, value: list[Any], path: Path, place: Place) -> list[Any]:
        result: list[Any] = []
        first: ViolationError | None = None
        for index, item in enumerate(value):
            if self.quirks and self.spent >= MAX_REPAIRS and place in self.quirks.expendable:
                self._keep("rest-dropped", (path, index))
                break
            mark = len(self.repairs)
            try:
                result.append(self.value(shape.item, item, (path, index), place))
            except ViolationError as violation:
                if not self.quirks or place not in self.quirks.expendable:
                    raise
                first = first or violation
                self._forget(mark)
                self.spent += 1
                self._keep("item-dropped", (path, index))
        if not shape.least <= len(result) <= (len(result) if shape.most is None else shape.most):
            raise first or ViolationError("items", path)
        return result

    def free(self, value: Any, path: Path) -> Any:
        """A value of no given shape, its numbers as the fast path would have made them."""
        match value:
            case Decimal():
                return float(value)
            case str() if (keyword := fault(FREE_TEXT, value)) is not None:
                if keyword == "json" or not self.quirks:
                    raise ViolationError(keyword, path)
                self.note("nul-character", path)
                return value.replace("\0", "")
            case list():
                return [self.free(item, (path, index)) for index, item in enumerate(value)]
            case dict():
                return {
                    self.free(name, path): self.free(item, (path, _printable(name)))
                    for name, item in value.items()
                }
        return value

    def _forget(self, mark: int) -> None:
        """Repairs inside something that was dropped after all."""
        del self.repairs[mark:], self.places[mark:]


def _is_empty(value: Any) -> bool:
    """What chargers put where nothing belongs (2.0.1 part 4 §4.1.5 forbids all of them)."""
    return (
        value in ([], {}) if isinstance(value, list | dict) else isinstance(value, str) and not value.strip()
    )


def _printable(name: str) -> str:
    """A peer's member name as it may stand in a description or a log."""
    return re.sub(r"[^A-Za-z0-9_.-]", "?", name[:40])
