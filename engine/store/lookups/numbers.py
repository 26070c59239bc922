"""New numbers; none is ever given twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.domain.lookups import NewIds
from engine.store.database import Connection
from engine.store.lookups.asked import Asked

SESSION_IDS: Final = "voltrio_ids"  # transactionIds of OCPP 1.6: 32 bits
ROW_IDS: Final = "voltrio_row_ids"


async def new_ids(connection: Connection, asked: Asked[NewIds]) -> Sequence[tuple[int, ...]]:
    sessions = iter(await _numbers(connection, SESSION_IDS, sum(one.session for _, one in asked)))
    rows = iter(await _numbers(connection, ROW_IDS, sum(one.rows for _, one in asked)))
    return [
        (*(next(sessions) for _ in range(one.session)), *(next(rows) for _ in range(one.rows)))
        for _, one in asked
    ]


async def _numbers(connection: Connection, sequence: str, count: int) -> list[int]:
    if not count:
        return []
    rows = await connection.fetch(
        "select nextval($1::text::regclass) from generate_series(1, $2)", sequence, count
    )
    return [row[0] for row in rows]
