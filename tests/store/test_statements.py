"""Every change has its statement, which writes what the change says, and may be repeated."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
import pytest

from engine.domain import changes
from engine.domain.access import StationRecord
from engine.domain.changes import Change
from engine.store import Store
from engine.store.fields import fields
from engine.store.statements import RANK, STATEMENTS, Statement
from engine.store.writer import waves

from .conftest import NOW, at, closed, opened

DECLARED = [kind for kind in vars(changes).values() if inspect.isclass(kind) and issubclass(kind, Change)]
VALUES: dict[type, Any] = {
    int: 1,
    float: 1.5,
    str: "text",
    bool: True,
    datetime: NOW,
    bytes: b'{"a": 1}',
    changes.Json: changes.Json(b"[]"),
    tuple: ("clock_drift",),
}


def example(kind: type[Change], station: int) -> Change:
    values = {}
    for field in fields(kind):
        values[field.name] = VALUES[field.plain]
    named = "id" if kind is changes.NetworkStatusChanged else "charge_point_id"
    return kind(**values | ({named: station} if named in values else {}))


def test_every_change_has_one_statement() -> None:
    assert Counter(statement.change for statement in STATEMENTS) == Counter(DECLARED) - Counter([Change])


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: s.change.__name__)
def test_a_statement_uses_every_column_of_its_change(statement: Statement) -> None:
    _, body = re.split(r"\bas r\([^()]*\)\)", statement.sql, maxsplit=1)  # behind `batch`
    unused = [name for name in statement.change.__struct_fields__ if not re.search(rf"\b{name}\b", body)]
    assert unused == []


async def test_every_statement_runs_and_may_be_repeated(
    store: Store, station: StationRecord, dsn: str
) -> None:
    await store.journal.commit([opened(station.id)])
    for statement in STATEMENTS:
        row = example(statement.change, station.id)
        if isinstance(row, changes.SessionOpened):
            row = opened(station.id)
        await store.journal.commit([row])
        await store.journal.commit([row])
    connection = await store._database.run(asyncpg.connect(dsn))
    try:
        assert await store._database.run(connection.fetchval("select count(*) from meter_values")) == 1
        stored = await store._database.run(connection.fetchrow("select * from orphans"))
        assert msgspec.json.decode(stored["payload"]) == {"a": 1}
    finally:
        connection.terminate()


def test_kinds_go_in_the_order_of_their_rank() -> None:
    order = [statement.change for statement, _ in waves([closed(), opened(1)])]
    # A session that is closed before it is opened is not what callers say, but its order is theirs.
    assert order == [changes.SessionClosed, changes.SessionOpened]
    assert [s.change for s, _ in waves([closed(1), opened(1, 2)])] == [
        changes.SessionOpened,
        changes.SessionClosed,
    ]


def test_a_correction_keeps_its_order() -> None:
    reopened = changes.SessionReopened(id=1, last_updated_at=at(1))
    last = closed(1, reason="remote")
    planned = waves([closed(1), reopened, last])
    assert [s.change for s, _ in planned] == [
        changes.SessionClosed,
        changes.SessionReopened,
        changes.SessionClosed,
    ]
    assert planned[2][1] == [last]
    assert RANK[changes.SessionReopened] > RANK[changes.SessionClosed]


def test_rows_of_one_kind_stay_together() -> None:
    rows = [changes.SessionReviewed(id=n, review="x", last_updated_at=NOW) for n in range(5)]
    assert [(s.change, len(kept)) for s, kept in waves(rows)] == [(changes.SessionReviewed, 5)]
