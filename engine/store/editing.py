"""How people write a table, declared once: what its rows are called, found by, and what of them is secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Table, UniqueConstraint, true

from engine.store.filters import Column
from engine.store.reading import Reading


class Kind(StrEnum):
    """What is done to a row; the word is the audit trail's, too."""

    ADD = "add"
    SET = "set"  # added, or changed where there is one of this key
    UPDATE = "update"
    DELETE = "delete"


class Editing:
    """The audit trail calls what was done `<name>.add`, and the row `<subject>:<key>`.

    `alive` holds for every row that can be changed. Where `removal` says so, a deleted row stays, with these
    values. `unique` names what SET finds a row by, and `beside` are columns of other tables, each of which
    gets a row for a new one. `rule` raises Invalid for values that the database would take.
    """

    def __init__(
        self,
        table: Table,
        name: str,
        *,
        key: str = "id",
        subject: str | None = None,
        unique: str | None = None,
        alive: Column | None = None,
        removal: Mapping[str, Column] | None = None,
        beside: Sequence[Column] = (),
        rule: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        self.table, self.name, self.key = table, name, key
        self.subject = subject or name
        # What a new row has not by itself.
        self.needed = frozenset(
            column.name for column in table.c if not column.nullable and column.server_default is None
        )
        self.unique = None if unique is None else uniques(table)[unique]
        self.alive = true() if alive is None else alive
        self.removal, self.beside, self.rule = removal, tuple(beside), rule

    def columns(self, reading: Reading) -> Mapping[str, str]:
        """The columns of this table that a reading has, by the names of its fields."""
        fields = reading.fields.items()
        return {name: one.name for name, one in fields if getattr(one, "table", None) is self.table}


def uniques(table: Table) -> Mapping[str, Sequence[Column]]:
    """What the database holds to be unique in a table, by its name there."""
    constraints = (one for one in table.constraints if isinstance(one, UniqueConstraint))
    found: dict[str, Sequence[Any]] = {str(one.name): tuple(one.columns) for one in constraints}
    return found | {str(one.name): tuple(one.expressions) for one in table.indexes if one.unique}
