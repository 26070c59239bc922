"""Shapes of edits into SQL: each is compiled once and kept. Values are arguments, which have names here."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import lru_cache
from typing import Final

import msgspec
from sqlalchemy import (
    Delete,
    LargeBinary,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    delete,
    false,
    func,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert

from engine.store.compiling import KEPT, Statement, compiled, scope, within
from engine.store.editing import Editing, Kind
from engine.store.filters import Column, Operator, compared
from engine.store.tables.access import audit_log
from engine.store.tables.declare import path_to_tenant
from engine.store.tables.inventory import operators

KEY: Final = "_key"  # the column that says what the audit trail calls the row
CHANGED: Final = "last_updated_at"


class Shape(msgspec.Struct, frozen=True):
    """All of an edit that its statement depends on."""

    editing: Editing
    kind: Kind
    values: tuple[str, ...]
    new: tuple[str, ...]
    conditions: tuple[tuple[str, Operator, Hashable], ...]  # field, operator, variant
    operators: int  # how many operators the caller may see: 0 all, 1 one, 2 several or none
    returning: tuple[str, ...]


@lru_cache(KEPT)
def statement(shape: Shape) -> Statement:
    """Arguments: filter_0…, value_<column>…, operators, actor, action, subject, details."""
    editing, is_new = shape.editing, shape.kind in {Kind.ADD, Kind.SET}
    made = _inserted(shape) if is_new else _deleted(shape) if shape.kind is Kind.DELETE else _updated(shape)
    names = dict.fromkeys((*shape.returning, *(("id",) if editing.beside else ())))
    column: Column = editing.table.c[editing.key]
    text = func.encode(column, "hex") if isinstance(column.type, LargeBinary) else column.cast(Text)
    key = text.label(KEY)
    written = made.returning(*(editing.table.c[name] for name in names), key).cte("written")
    subject = bindparam("subject", type_=Text()).concat(written.c[KEY])
    said = [bindparam(name, type_=audit_log.c[name].type) for name in ("actor", "action", "details")]
    entry = insert(audit_log).from_select(("actor", "action", "details", "subject"), select(*said, subject))
    result = select(*(written.c[name] for name in shape.returning)).add_cte(entry.cte("audited"))
    for number, column in enumerate(editing.beside if is_new else ()):
        rows = insert(column.table).from_select([column.name], select(written.c.id))
        result = result.add_cte(rows.on_conflict_do_nothing().cte(f"beside_{number}"))
    return compiled(result)


def _inserted(shape: Shape) -> Insert:
    """Selected from what the row would belong to: there are no values where that is not the caller's."""
    table = shape.editing.table
    values: dict[str, Column] = {name: _value(table, name) for name in (*shape.new, *shape.values)}
    link, *further = path_to_tenant(table) or (None,)
    rows = select(*values.values())
    if link is not None and not further and link.table is not operators:
        values[link.name] = operators.c.id
        rows = select(*values.values()).where(_home(shape.operators))
    elif shape.operators and further and link is not None:
        target = table.metadata.tables[link.info["refers_to"]]
        rows = rows.where(target.c.id == values[link.name], scope(target, shape.operators))
    elif shape.operators:
        rows = rows.where(false())
    made = insert(table).from_select(list(values), rows)
    if shape.kind is Kind.ADD:
        return made
    assert shape.editing.unique is not None  # noqa: S101 - declared of what is set
    changes = {name: made.excluded[name] for name in shape.values} | _stamp(table)
    return made.on_conflict_do_update(index_elements=shape.editing.unique, set_=changes)


def _home(number: int) -> Column:
    """The operator that gets a new row: the only one, else the default operator if it is among them."""
    if number == 1:
        return within(operators.c.id, number)
    return and_(operators.c.is_default, within(operators.c.id, number) if number else true())


def _updated(shape: Shape) -> Update:
    table = shape.editing.table
    changes = {name: _value(table, name) for name in shape.values} | _stamp(table)
    return update(table).values(changes).where(*_this(shape))


def _deleted(shape: Shape) -> Update | Delete:
    editing = shape.editing
    if editing.removal is not None:
        return update(editing.table).values(dict(editing.removal)).where(*_this(shape))
    return delete(editing.table).where(*_this(shape))


def _this(shape: Shape) -> Iterator[Column]:
    editing = shape.editing
    yield editing.alive
    if shape.operators:
        yield scope(editing.table, shape.operators)
    for number, (name, operator, variant) in enumerate(shape.conditions):
        yield compared(editing.table.c[name], operator, variant, f"filter_{number}")


def _value(table: Table, name: str) -> Column:
    return bindparam(f"value_{name}", type_=table.c[name].type)


def _stamp(table: Table) -> dict[str, Column]:
    return {CHANGED: func.now()} if CHANGED in table.c else {}
