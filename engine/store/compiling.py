"""Shapes of plans into SQL: each is compiled once and kept. Values are arguments, which have names here."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Select,
    Table,
    and_,
    bindparam,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import asyncpg

from engine.domain.state import Frozen
from engine.store.filters import Column, Operator, compared
from engine.store.reading import Order, Reading
from engine.store.tables.declare import path_to_tenant

DIALECT: Final = asyncpg.dialect()  # type: ignore[no-untyped-call]
KEPT: Final = 4_096  # statements; shapes come from declarations, of whose filters clients choose
PARENT: Final = "_parent"  # the column of an include's statement that says whose child a row is


class Statement(Frozen, frozen=True):
    """SQL, its arguments by name in the order of their numbers, and the values that the declarations fix."""

    sql: str
    names: Sequence[str]
    fixed: Mapping[str, Any]

    def arguments(self, given: Mapping[str, Any]) -> list[Any]:
        return [given[name] if name in given else self.fixed[name] for name in self.names]


class Shape(msgspec.Struct, frozen=True):
    """All of a plan that its statement depends on."""

    reading: Reading
    fields: tuple[str, ...]
    conditions: tuple[tuple[str, Operator, Hashable], ...]  # field, operator, variant
    operators: int  # how many operators the caller may see: 0 all, 1 one, 2 several or none
    order: tuple[Order, ...]
    after: bool = False
    skip: bool = False
    children_by: tuple[str, ...] = ()  # the fields that name the parent; none: it is no include


@lru_cache(KEPT)
def page(shape: Shape) -> Statement:
    """Arguments: filter_0…, key_0…, operators, limit, skip."""
    statement = _selected(shape).limit(bindparam("limit", type_=BigInteger()))
    if shape.skip:
        statement = statement.offset(bindparam("skip", type_=BigInteger()))
    return compiled(statement)


@lru_cache(KEPT)
def count(shape: Shape) -> Statement:
    """How many rows there are on all pages, up to `limit`; without what is joined to them where that goes."""
    rows: Select[Any] = select(literal_column("1")).where(*_conditions(shape))
    if set(rows.get_final_froms()) - {shape.reading.table}:
        rows = rows.select_from(shape.reading.source)
    else:
        rows = rows.select_from(shape.reading.table)
    counted = rows.limit(bindparam("limit", type_=BigInteger())).subquery("counted")
    return compiled(select(func.count()).select_from(counted))


@lru_cache(KEPT)
def children(shape: Shape) -> Statement:
    """The children of all parents at once, up to `limit` of each; parents_0… are the parents' keys."""
    columns = [shape.reading.fields[name] for name in shape.children_by]
    keys = [bindparam(f"parents_{number}", type_=ARRAY(one.type)) for number, one in enumerate(columns)]
    names = [f"key_{number}" for number in range(len(keys))]
    parents = func.unnest(*keys).table_valued(*names, name="parents").render_derived()
    theirs = [column == parents.c[name] for column, name in zip(columns, names, strict=True)]
    of_one = _selected(shape).where(*theirs).limit(bindparam("limit", type_=BigInteger()))
    found = of_one.lateral("children")
    key = func.row(*parents.c).label(PARENT)
    return compiled(select(key, found).select_from(parents.join(found, true())))


def _selected(shape: Shape) -> Select[Any]:
    fields = shape.reading.fields
    statement = select(*(fields[name].label(name) for name in shape.fields)).select_from(shape.reading.source)
    ordered = (fields[one.field].desc() if one.descending else fields[one.field].asc() for one in shape.order)
    return statement.where(*_conditions(shape)).order_by(*ordered)


def _conditions(shape: Shape) -> Iterator[Column]:
    reading = shape.reading
    yield reading.always
    if shape.operators:
        yield scope(reading.table, shape.operators)
    for number, (name, operator, variant) in enumerate(shape.conditions):
        condition = compared(reading.fields[name], operator, variant, f"filter_{number}")
        if name in reading.lookups:
            own, key = reading.lookups[name]
            keys = select(key).where(condition).correlate(None).scalar_subquery()
            condition = own == func.any(func.array(keys))
        yield condition
    if shape.after:
        yield _behind([(reading.fields[one.field], one.descending) for one in shape.order])


def scope(table: Table, operators: int) -> Column:
    """Whether a row belongs to an operator that the caller may see; rows of the node itself never do."""
    path = path_to_tenant(table)
    if not path:
        return false()
    *links, tenant = path
    condition = within(tenant, operators)
    for link in reversed(links):
        target = table.metadata.tables[link.info["refers_to"]]
        condition = select(target.c.id).where(target.c.id == link, condition).correlate(link.table).exists()
    return condition


def within(tenant: Column, operators: int) -> Column:
    """Whether that is the number of an operator that the caller may see."""
    if operators == 1:  # an equation lets an index by operator bring the rows in order
        return tenant == bindparam("operators", type_=BigInteger())
    return tenant == func.any(bindparam("operators", type_=ARRAY(BigInteger())))


def _behind(order: Sequence[tuple[Column, bool]]) -> Column:
    """Rows behind the one whose values in the order are the arguments."""
    keys = [bindparam(f"key_{number}", type_=column.type) for number, (column, _) in enumerate(order)]
    columns = [column for column, _ in order]
    if len({descending for _, descending in order}) == 1:
        place, mine = tuple_(*keys), tuple_(*columns)
        return mine < place if order[0][1] else mine > place
    alternatives = []
    for number, (column, descending) in enumerate(order):
        behind = column < keys[number] if descending else column > keys[number]
        same = [columns[earlier] == keys[earlier] for earlier in range(number)]
        alternatives.append(and_(*same, behind))
    return or_(*alternatives)


def compiled(statement: Select[Any]) -> Statement:
    made = statement.compile(dialect=DIALECT)
    return Statement(sql=made.string, names=tuple(made.positiontup or ()), fixed=dict(made.params))
