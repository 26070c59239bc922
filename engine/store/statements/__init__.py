"""The SQL of every `Change`: one statement per kind, which takes any number of rows as one JSON array.

JSON because msgspec encodes a batch in C at half the cost of asyncpg's array encoders, and the server unpacks
it on its own core. `batch` in the SQL below is that array as a relation, `latest` the last row per key. What
comes again in another commit, because a charger repeats it, changes nothing: except in logs, rows have keys.
A change whose members are columns of one table is appended, put or set there; the others are written as SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.domain.changes import Change
from engine.store.fields import fields
from engine.store.statements import device, drivers, energy, logs, sessions, stations
from engine.store.statements.writing import Statement

__all__ = ["BULK", "RANK", "STATEMENTS", "Statement"]

# In the order in which the journal writes: parents before children.
STATEMENTS: Final[Sequence[Statement]] = (
    *stations.STATEMENTS,
    *device.STATEMENTS,
    *energy.STATEMENTS,
    *drivers.STATEMENTS,
    *sessions.STATEMENTS,
    *logs.STATEMENTS,
)
RANK: Final[dict[type[Change], int]] = {statement.change: i for i, statement in enumerate(STATEMENTS)}
# The member that carries what a message brought, where there is one: the size of the row depends on it.
BULK: Final[dict[type[Change], str | None]] = {
    statement.change: next(
        (one.name for one in fields(statement.change) if one.kind == "json" or one.name == "payload"), None
    )
    for statement in STATEMENTS
}
