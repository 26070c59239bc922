"""What can be read of a table, declared once: its fields, their order, and what can be included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Column as TableColumn
from sqlalchemy import Table, true
from sqlalchemy.sql.selectable import FromClause

from engine.domain.state import Frozen
from engine.store.filters import Column


class Order(Frozen, frozen=True):
    """A field that is never null, to sort by; the last of several is unique."""

    field: str
    descending: bool = False


class Include(Frozen, frozen=True):
    """Children of a page's rows, the first `most` of each; `on` says which fields agree (theirs, ours).

    With `one` it is the child itself, or None, instead of a list.
    """

    reading: Reading
    on: Mapping[str, str]
    most: int = 100
    one: bool = False


class Reading:
    """Fields by name; without any they are the table's columns.

    `source` joins to the table what fields are taken from; `always` holds for every row that is shown.
    `lookups` are fields of another table, with the columns that lead there (ours, theirs): a condition on one
    first finds the keys, for which our table has an index.
    """

    def __init__(
        self,
        table: Table,
        *,
        order: Sequence[Order],
        fields: Mapping[str, Column] | None = None,
        source: FromClause | None = None,
        always: Column | None = None,
        lookups: Mapping[str, tuple[Column, Column]] | None = None,
        includes: Mapping[str, Include] | None = None,
    ) -> None:
        self.table = table
        self.is_plain = fields is None and source is None  # it has the table's own columns and no others
        self.order = tuple(order)
        self.fields: Mapping[str, Column] = dict(table.c) if fields is None else fields
        self.source = table if source is None else source
        self.always = true() if always is None else always
        self.lookups = lookups or {}
        self.includes = includes or {}
        for one in self.order:
            column = self.fields[one.field]
            if isinstance(column, TableColumn) and column.nullable:
                raise ValueError(f"{table.name} cannot be sorted by {one.field}, which may be null")
