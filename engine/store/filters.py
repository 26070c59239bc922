"""What a listing may be narrowed by: one operator per way to compare, each with its SQL.

A condition's value is an argument of the statement, except where it shapes the statement itself: an index on
`where review <> '{}'` is used only if the statement says so in these words.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TypeAlias

from sqlalchemy import ARRAY, ColumnElement, bindparam, func, literal_column
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from engine.domain.state import Frozen

Column: TypeAlias = ColumnElement[Any]
EMPTY: Final[Column] = literal_column("'{}'")  # array
Parameter: TypeAlias = Callable[[TypeEngine[Any]], Column]  # makes the argument, of the type given


class Operator(StrEnum):
    """How a column is compared with a value. A null is equal to the value None only."""

    EQUAL = "equal"
    SAME_TEXT = "same_text"  # without regard to case
    AMONG = "among"  # the value is a list
    NONE_OF = "none_of"
    AT_LEAST = "at_least"
    ABOVE = "above"
    AT_MOST = "at_most"
    BELOW = "below"
    PREFIX = "prefix"
    PRESENT = "present"  # the value says whether there is one; an empty array is none
    JSON_PATH = "json_path"  # the value is (names on the way, what stands there)


class Condition(Frozen, frozen=True):
    """One field of a reading, compared with a value."""

    field: str
    operator: Operator
    value: Any

    @property
    def variant(self) -> Hashable:
        """What of the value stands in the statement itself."""
        return bool(self.value) if self.operator is Operator.PRESENT else self.value is None

    @property
    def argument(self) -> object:
        """What of the value is an argument."""
        if self.operator is Operator.PREFIX:
            return like(str(self.value))
        if self.operator is Operator.JSON_PATH:
            return document(*self.value)
        return list(self.value) if self.operator in LISTS else self.value


def like(prefix: str) -> str:
    """The pattern of LIKE for all texts that begin so."""
    return prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def document(path: Sequence[str], value: object) -> object:
    """The smallest JSON document that has `value` at `path`."""
    for name in reversed(path):
        value = {name: value}
    return value


def compared(column: Column, operator: Operator, variant: Hashable, name: str) -> Column:
    """The condition as SQL; its argument, if it has one, is called `name`."""
    if operator is Operator.PRESENT and isinstance(column.type, ARRAY):
        return column != EMPTY if variant else column == EMPTY
    if operator is Operator.PRESENT:
        return column.is_not(None) if variant else column.is_(None)
    if variant:
        return column.is_(None)
    return BUILDERS[operator](column, lambda kind: bindparam(name, type_=kind))


LISTS: Final = frozenset({Operator.AMONG, Operator.NONE_OF})
BUILDERS: Final[Mapping[Operator, Callable[[Column, Parameter], Column]]] = {
    Operator.EQUAL: lambda column, value: column == value(column.type),
    Operator.SAME_TEXT: lambda column, value: func.lower(column) == func.lower(value(column.type)),
    Operator.AMONG: lambda column, value: column == func.any(value(ARRAY(column.type))),
    Operator.NONE_OF: lambda column, value: column != func.all(value(ARRAY(column.type))),
    Operator.AT_LEAST: lambda column, value: column >= value(column.type),
    Operator.ABOVE: lambda column, value: column > value(column.type),
    Operator.AT_MOST: lambda column, value: column <= value(column.type),
    Operator.BELOW: lambda column, value: column < value(column.type),
    Operator.PREFIX: lambda column, value: column.like(value(column.type)),
    Operator.JSON_PATH: lambda column, value: column.op("@>")(value(JSONB())),
}
