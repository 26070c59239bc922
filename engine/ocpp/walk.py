"""The slow reading of a payload: one pass over the raw document beside its shape, mending what may be mended.

It is for documents that the strict decoder refuses. What of them fits is not walked: a record inside that can
be converted as it is stays as it is, so that one deviation among thousands of values costs little more than
one value alone (`engine.ocpp.policy` chooses; the single repairs are in `engine.ocpp.mending`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from engine.ocpp.document import are_several, loads
from engine.ocpp.mending import NO, REPAIRS
from engine.ocpp.outcome import Decoded, Path, ViolationError, written
from engine.ocpp.quirks import Place, Quirks
from engine.ocpp.rpc import ENCODER
from engine.ocpp.shapes import Many, Member, Number, Open, Record, Shape, Text, fault, fold, record_of
from engine.ocpp.step import Message

MAX_REPAIRS = 200  # of a message. A station that needs more makes the same mistake again and again
MAX_REPAIRS_PER_VALUE = 4  # steps on one value; each removes one deviation

FREE_TEXT = Text()

Hook: TypeAlias = Callable[[type, object], object]


def walk(kind: type[Message], payload: bytes, quirks: Quirks | None, hook: Hook) -> Decoded:
    """Raises ViolationError."""
    state = _Walk(quirks, hook, escaped=b"\\u" in payload)
    try:
        document = _parse(payload, state)
        # "If there is no payload JSON allows … null" (OCPP-J 1.6 §4.2.1)
        value = state.record(record_of(kind), {} if document is None else document, None)
        message = msgspec.convert(value, kind, dec_hook=state.hook)
    except RecursionError:
        raise ViolationError("json", None) from None
    except msgspec.ValidationError:
        raise ViolationError("structure", None) from None
    return Decoded(message=message, repairs=tuple(state.repairs), places=tuple(map(written, state.places)))


def _parse(payload: bytes, state: _Walk) -> Any:
    """The raw document; a profile may rewrite text that is not JSON."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise ViolationError("json", None) from None
    try:
        return loads(text)
    except ValueError:
        for pattern, replacement in state.quirks.rewrites if state.quirks else ():
            text = re.sub(pattern, replacement, text)
        try:
            document = loads(text)
        except ValueError:
            raise ViolationError("elements" if are_several(text) else "json", None) from None
        state.note("rewrite", None)
        return document


class _Walk:
    """One pass over a raw document beside its shape. Without quirks it is strict and changes nothing."""

    def __init__(self, quirks: Quirks | None, hook: Hook, *, escaped: bool) -> None:
        self.quirks = quirks
        self.escaped = escaped  # there may be characters in it that no text may hold
        self.repairs: list[str] = []
        self.places: list[Path] = []
        self.spent = 0  # repairs made, those inside of what was dropped after all included
        self.hook = hook

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
            fitting = self._fitting(shape, value)
            return self.record(shape, value, path) if fitting is NO else fitting
        if isinstance(shape, Many):
            return self._many(shape, value, path, place)
        if isinstance(shape, Number):
            return float(value) if shape.places is None else Decimal(value)
        return self.free(value, path) if isinstance(shape, Open) else value

    def _fitting(self, shape: Record, value: Any) -> Any:
        """The record as a Struct where nothing in it has to be mended, else NO."""
        if shape.kind is None:
            return NO
        try:
            fitting = msgspec.convert(value, shape.kind, dec_hook=self._free_first)
            if self.escaped and b"\\u0000" in ENCODER.encode(fitting):
                return NO
        except (msgspec.ValidationError, UnicodeEncodeError):
            return NO
        return fitting

    def _free_first(self, kind: type, value: object) -> object:
        return self.hook(kind, _with_floats(value))

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


def _with_floats(value: Any) -> Any:
    """A value of no given shape, its numbers as the fast path would have made them."""
    match value:
        case Decimal():
            return float(value)
        case list():
            return [_with_floats(item) for item in value]
        case dict():
            return {name: _with_floats(item) for name, item in value.items()}
    return value


def _is_empty(value: Any) -> bool:
    """What chargers put where nothing belongs (2.0.1 part 4 §4.1.5 forbids all of them)."""
    return (
        value in ([], {}) if isinstance(value, list | dict) else isinstance(value, str) and not value.strip()
    )


def _printable(name: str) -> str:
    """A peer's member name as it may stand in a description or a log."""
    return re.sub(r"[^A-Za-z0-9_.-]", "?", name[:40])
