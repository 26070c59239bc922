"""What a payload type allows, as plain data read off its Struct, and which keyword a single value breaks.

Only structure and limits live here; what to do with a document that breaks them is `engine.ocpp.policy`'s.
Values are as `json` gives them, with Decimal for numbers that are no integers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeAlias

import msgspec
from msgspec import inspect

from engine.domain.state import Frozen
from engine.ocpp.messages import VENDOR_ID_LENGTH, CustomData
from engine.ocpp.step import Message


class Text(Frozen, frozen=True):
    longest: int | None = None


class Choice(Frozen, frozen=True):
    values: frozenset[str]
    folded: Mapping[str, str]  # `fold(value)` → value


class Whole(Frozen, frozen=True):
    least: int
    most: int


class Number(Frozen, frozen=True):
    """`places`: digits allowed after the point (`multipleOf` 0.1 → 1); None: any, and it is a float."""

    places: int | None = None
    least: float | None = None
    most: float | None = None


class Flag(Frozen, frozen=True):
    pass


class Moment(Frozen, frozen=True):
    pass


class Open(Frozen, frozen=True):
    """Any JSON value."""


class Many(Frozen, frozen=True):
    item: Shape
    least: int = 0
    most: int | None = None


class Member(Frozen, frozen=True):
    """A member of an object; `key` names it for rules and quirks: `SampledValue.unit`."""

    name: str
    key: str
    required: bool
    shape: Shape


class Record(Frozen, frozen=True):
    """An object. `exact`: it holds numbers that only the walk checks, so there is no fast path for it.

    `timed`: there are times somewhere in it. `open`: it may have any other members too (`customData`).
    `kind` is its Struct, None where that cannot be told from its values by msgspec alone.
    """

    name: str
    members: tuple[Member, ...]
    names: frozenset[str]
    folded: Mapping[str, str]  # `fold(member name)` → member name
    exact: bool = False
    timed: bool = False
    open: bool = False
    kind: type[Message] | None = None


# Bounds of decimals. Until they are checked, a peer's number is compared but not calculated with.
MAX_NUMBER = 2**63
MAX_FLOAT = Decimal("1e308")

Shape: TypeAlias = Text | Choice | Whole | Number | Flag | Moment | Open | Many | Record


CUSTOM_DATA = Record(
    name="CustomData",
    members=(
        Member(
            name="vendorId", key="CustomData.vendorId", required=True, shape=Text(longest=VENDOR_ID_LENGTH)
        ),
    ),
    names=frozenset({"vendorId"}),
    folded={"vendorid": "vendorId"},
    open=True,
)


def fold(text: str) -> str:
    """What two spellings of one name have in common: letters and digits, without case."""
    return re.sub(r"[^a-z0-9]", "", text.casefold())


@cache
def record_of(kind: type[Message]) -> Record:
    """The shape of a payload type."""
    members = []
    for field in msgspec.structs.fields(kind):
        declared = inspect.type_info(field.type)
        members.append(
            Member(
                name=field.encode_name,
                key=f"{kind.__name__}.{field.encode_name}",
                required=field.required,
                shape=_shape(declared),
            )
        )
    exact = any(_exact(member.shape) for member in members)
    free = any(_is_free(member.shape) for member in members)
    return Record(
        name=kind.__name__,
        members=tuple(members),
        names=frozenset(member.name for member in members),
        folded={fold(member.name): member.name for member in members},
        exact=exact,
        timed=any(_timed(member.shape) for member in members),
        kind=None if exact or free else kind,
    )


def _exact(shape: Shape) -> bool:
    match shape:
        case Many(item=item):
            return _exact(item)
        case Record(exact=exact):
            return exact
        case Number(places=places):
            return places is not None
    return False


def _timed(shape: Shape) -> bool:
    match shape:
        case Many(item=item):
            return _timed(item)
        case Record(timed=timed):
            return timed
    return isinstance(shape, Moment)


def _is_free(shape: Shape) -> bool:
    match shape:
        case Many(item=item):
            return _is_free(item)
        case Record(kind=kind, open=is_open):
            return kind is None and not is_open
    return isinstance(shape, Open)


def _shape(kind: inspect.Type) -> Shape:
    match kind:
        case inspect.StructType(cls=cls):
            return record_of(cls)
        case inspect.ListType(item_type=item, min_length=least, max_length=most):
            return Many(item=_shape(item), least=least or 0, most=most)
        case inspect.LiteralType(values=values):
            names = tuple(str(value) for value in values)
            return Choice(values=frozenset(names), folded=_unambiguous(names))
        case inspect.StrType(max_length=longest):
            return Text(longest=longest)
        case inspect.IntType(ge=least, le=most) if least is not None and most is not None:
            return Whole(least=least, most=most)
        case inspect.FloatType(ge=floor, le=ceiling):
            return Number(least=floor, most=ceiling)
        case inspect.Metadata(type=inspect.DecimalType(), extra={"multiple_of": str(step)}):
            return Number(places=_places(Decimal(step)))
        case inspect.DateTimeType():
            return Moment()
        case inspect.BoolType():
            return Flag()
        case inspect.AnyType():
            return Open()
        case inspect.CustomType(cls=cls) if cls is CustomData:
            return CUSTOM_DATA
    raise TypeError(f"no shape for {kind!r}")


def _unambiguous(names: tuple[str, ...]) -> dict[str, str]:
    """Folded spellings that mean exactly one of the names."""
    spellings = [fold(name) for name in names]
    return {fold(name): name for name in names if spellings.count(fold(name)) == 1}


def _places(step: Decimal) -> int:
    _, digits, exponent = step.as_tuple()
    if digits != (1,) or not isinstance(exponent, int) or exponent > 0:
        raise TypeError(f"multipleOf {step}: only 1, 0.1, 0.01 … are understood")
    return -exponent


def fault(shape: Shape, value: Any) -> str | None:
    """The keyword that a value breaks by itself, or None. Members and items are not looked at."""
    return FAULTS[type(shape)](shape, value)


def _is_unicode(text: str) -> bool:
    """Whether the text can be encoded: JSON can spell lone surrogates, which are no characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _choice_fault(shape: Choice, value: Any) -> str | None:
    if not isinstance(value, str):
        return "type"
    return None if value in shape.values else "enum"


def _whole_fault(shape: Whole, value: Any) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return "range" if isinstance(value, Decimal) and value.copy_abs() >= MAX_NUMBER else "type"
    return None if shape.least <= value <= shape.most else "range"


def _type_fault(kind: type) -> Callable[[Any, Any], str | None]:
    return lambda shape, value: None if isinstance(value, kind) else "type"


def _text_fault(shape: Text, value: Any) -> str | None:
    if not isinstance(value, str):
        return "type"
    if "\0" in value:
        return "pattern"
    if not _is_unicode(value):
        return "json"
    return "maxLength" if shape.longest is not None and len(value) > shape.longest else None


def _number_fault(shape: Number, value: Any) -> str | None:
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        return "type"
    number = Decimal(value)
    bound = MAX_FLOAT if shape.places is None else MAX_NUMBER
    low = shape.least is not None and number < Decimal(shape.least)
    high = shape.most is not None and number > Decimal(shape.most)
    if low or high or number.copy_abs() > bound:
        return "range"
    return None if shape.places is None or _used_places(number) <= shape.places else "multipleOf"


def _used_places(number: Decimal) -> int:
    """Digits after the point that are not zeros at the end: by scale, because 8.1 is no binary fraction."""
    _, digits, exponent = number.as_tuple()
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return -int(exponent) - zeros if number else 0


def _moment_fault(shape: Moment, value: Any) -> str | None:
    if not isinstance(value, str):
        return "type"
    try:
        moment = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return "format"
    try:
        moment.astimezone(UTC)  # what is no day of the calendar in UTC can be neither stored nor compared
    except OverflowError:
        return "format"
    return None if moment.tzinfo else "format"


FAULTS: Mapping[type[Shape], Callable[[Any, Any], str | None]] = {
    Text: _text_fault,
    Choice: _choice_fault,
    Whole: _whole_fault,
    Number: _number_fault,
    Flag: _type_fault(bool),
    Moment: _moment_fault,
    Many: _type_fault(list),
    Record: _type_fault(dict),
    Open: lambda shape, value: None,
}
