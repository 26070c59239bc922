"""What a listing is asked for: filters, order and page as types, and from a query string to a plan's parts.

Everything that a client may say has a bound, and all that is wrong is said at once.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from api.kernel.problems import INVALID_DATA
from api.kernel.views import Camel, Limit
from engine.domain.state import Frozen
from engine.errors import Invalid
from engine.node import Node
from engine.store.filters import Condition, Operator
from engine.store.plan import Row
from engine.store.reading import Order, Reading
from engine.store.tables.declare import path_to_tenant

MAX_TEXT: Final = 255  # characters of a filter's value
MAX_VALUES: Final = 100  # of a filter that takes several
MAX_CURSOR: Final = 2_000  # characters
MAX_SKIPPED: Final = 10_000  # rows that paging by number reads in vain; behind them there are cursors
OperatorId = Annotated[int, Meta(ge=0, le=2**63 - 1)]
PageNumber = Annotated[int, Meta(ge=1, le=MAX_SKIPPED)]

Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Aware = Annotated[datetime, Meta(tz=True)]
Orders: TypeAlias = Mapping[str, Sequence[Order]]
KINDS: Final[Mapping[type, Any]] = {str: Text, datetime: Aware, bool: bool, float: float, Decimal: Decimal}
BITS: Final = {"SMALLINT": 15, "INTEGER": 31, "BIGINT": 63}


class Filter(Frozen, frozen=True):
    """A parameter of a listing: how it compares which field; `kind` None: what the field's column holds.

    `custom` makes the condition where more than the value decides it.
    """

    operator: Operator
    field: str
    kind: Any = None
    custom: Callable[[Node, Any], Condition] | None = None


def equal(field: str, kind: Any = None) -> Filter:
    return Filter(operator=Operator.EQUAL, field=field, kind=kind)


def same_text(field: str) -> Filter:
    """Without regard to case."""
    return Filter(operator=Operator.SAME_TEXT, field=field)


def among(field: str, kind: Any = None) -> Filter:
    """One value, or several with commas between them."""
    return Filter(operator=Operator.AMONG, field=field, kind=kind)


def prefix(field: str) -> Filter:
    return Filter(operator=Operator.PREFIX, field=field)


def present(field: str) -> Filter:
    """`true`: there is one; `false`: there is none."""
    return Filter(operator=Operator.PRESENT, field=field, kind=bool)


def since(field: str) -> Filter:
    """That value and those behind it."""
    return Filter(operator=Operator.AT_LEAST, field=field)


def before(field: str) -> Filter:
    return Filter(operator=Operator.BELOW, field=field)


def above(field: str) -> Filter:
    return Filter(operator=Operator.ABOVE, field=field)


class Scope(Camel, frozen=True, kw_only=True):
    """`operatorId` narrows what a caller may see to one operator, to whom a new row then belongs."""

    operator_id: OperatorId | None = None


class Query(Camel, frozen=True, kw_only=True):
    """`cursor` is the `nextCursor` of the page before; `page` counts from 1, with the total of all rows."""

    limit: Limit = 100
    cursor: Annotated[str, Meta(max_length=MAX_CURSOR)] | None = None
    page: PageNumber | None = None


def custom(kind: Any, condition: Callable[[Node, Any], Condition]) -> Filter:
    return Filter(operator=Operator.EQUAL, field="", kind=kind, custom=condition)


def query_type(
    name: str, reading: Reading, filters: Mapping[str, Filter], orders: Orders, includes: Sequence[str]
) -> type[Query]:
    """The parameters of a listing; `filters` by their names outside."""
    fields: list[Any] = [
        (f"filter_{number}", _kind(reading, one) | None, msgspec.field(name=outside, default=None))
        for number, (outside, one) in enumerate(filters.items())
    ]
    if includes:
        some = Annotated[list[Literal[tuple(includes)]], Meta(max_length=MAX_VALUES)]  # type: ignore[valid-type,misc]
        fields.append(("include", some | None, None))
    if orders:
        words = Literal[tuple(orders)]  # type: ignore[valid-type]
        fields.append(("order", words, msgspec.field(default=next(iter(orders)))))
    if path_to_tenant(reading.table):
        fields.append(("operator_id", OperatorId | None, None))
    made = msgspec.defstruct(name, fields, bases=(Query,), frozen=True, kw_only=True, module=__name__)
    assert issubclass(made, Query)  # noqa: S101 - what was just asked for
    return made


def _kind(reading: Reading, one: Filter) -> Any:
    kind = one.kind if one.kind is not None else kind_of(reading, one.field)
    if one.operator is Operator.AMONG:
        return Annotated[list[kind], Meta(min_length=1, max_length=MAX_VALUES)]  # type: ignore[valid-type]
    return Annotated[kind, Meta(min_length=1)] if one.operator is Operator.PREFIX else kind


def kind_of(reading: Reading, name: str) -> Any:
    """What a field's column holds, within its bounds."""
    column = reading.fields[name].type
    if column.python_type is int:
        bits = BITS[column.compile()]
        return Annotated[int, Meta(ge=-(2**bits), le=2**bits - 1)]
    return KINDS[column.python_type]


def lists(filters: Mapping[str, Filter]) -> Callable[[Mapping[str, str]], Mapping[str, Any]]:
    """Takes values with commas apart, where a parameter takes several."""
    several = {"include", *(name for name, one in filters.items() if one.operator is Operator.AMONG)}

    def apart(given: Mapping[str, str]) -> Mapping[str, Any]:
        return {name: value.split(",") if name in several else value for name, value in given.items()}

    return apart


def conditions(node: Node, query: Query, filters: Mapping[str, Filter]) -> Sequence[Condition]:
    """Raises Invalid for a moment that no calendar has in UTC."""
    found: list[Condition] = []
    faults: dict[str, list[str]] = {}
    for number, (outside, one) in enumerate(filters.items()):
        value = getattr(query, f"filter_{number}")
        try:
            value = in_utc(value)
        except OverflowError:
            faults[outside] = ["is out of range"]
        if value is not None and one.custom is not None:
            found.append(one.custom(node, value))
        elif value is not None:
            found.append(Condition(field=one.field, operator=one.operator, value=value))
    if faults:
        raise Invalid(INVALID_DATA, faults)
    return found


def in_utc(value: Any) -> Any:
    """A moment as the database takes it, all else as it is. Raises OverflowError."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


class Place(Frozen, frozen=True):
    """Where a page begins."""

    after: Sequence[Any] | None
    skip: int


class Cursors:
    """The cursors of a listing in one order."""

    def __init__(self, reading: Reading, order: Sequence[Order]) -> None:
        self.order = order
        kinds = tuple(kind_of(reading, one.field) for one in order)
        self._decoder = msgspec.json.Decoder(tuple[kinds])  # type: ignore[valid-type]

    def place(self, query: Query) -> Place:
        """Raises Invalid."""
        if query.page is not None:
            skip = (query.page - 1) * query.limit
            if query.cursor is not None:
                raise Invalid(INVALID_DATA, {"page": ["goes without a cursor"]})
            if skip > MAX_SKIPPED:
                raise Invalid(INVALID_DATA, {"page": [f"is behind {MAX_SKIPPED} rows; follow nextCursor"]})
            return Place(after=None, skip=skip)
        return Place(after=None if query.cursor is None else self._key(query.cursor), skip=0)

    def behind(self, row: Row) -> str:
        """The cursor of the page behind this row."""
        key = [row[one.field] for one in self.order]
        return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")

    def _key(self, cursor: str) -> Sequence[Any]:
        """Raises Invalid for what `behind` never made."""
        try:
            text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            key = [in_utc(part) for part in self._decoder.decode(text)]
        except (ValueError, OverflowError, msgspec.DecodeError):
            raise Invalid(INVALID_DATA, {"cursor": ["is not one that was given out"]}) from None
        return key
