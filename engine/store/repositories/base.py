"""What all repositories share: rows into Structs, writes with their audit row, partial updates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg
import msgspec
from msgspec import UNSET

from engine.domain.state import Frozen
from engine.masking import masked_members
from engine.store.database import Connection, Database
from engine.store.edit import Edit, carry_out
from engine.store.filters import Condition, Operator
from engine.store.plan import Row

R = TypeVar("R", bound=msgspec.Struct)
T = TypeVar("T")
Settle: TypeAlias = Callable[[], Awaitable[None]]

MAX_PAGE: Final = 1_000
AUDIT: Final = "insert into audit_log (actor, action, subject, details) values ($1, $2, $3, $4)"


class Audit(Frozen, frozen=True):
    """Who did what to what. Secrets in `details` are masked when it is written."""

    actor: str
    action: str
    subject: str
    details: Mapping[str, Any] = {}


class Repository:
    """Queries of one family of tables. Raises Conflict, Invalid, NotFound, StoreError.

    `settle` returns when what was committed before is heard by this node.
    """

    def __init__(self, database: Database, settle: Settle) -> None:
        self._database = database
        self._settle = settle

    async def _edit(self, edit: Edit) -> Row:
        """Carry it out, and wait until this node goes by it."""
        row = await carry_out(self._database, edit)
        await self._settle()
        return row

    async def _many(self, kind: type[R], sql: str, *arguments: object) -> list[R]:
        return [kind(**row) for row in await self._database.fetch(sql, *arguments)]

    async def _one(self, kind: type[R], sql: str, *arguments: object) -> R | None:
        rows = await self._database.fetch(sql, *arguments)
        return kind(**rows[0]) if rows else None

    async def _write(self, audit: Audit, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Run one writing statement that returns the rows it changed; with an audit row if there are any."""

        async def work(connection: Connection) -> list[asyncpg.Record]:
            async with connection.transaction():
                rows = await connection.fetch(sql, *arguments)
                if rows:
                    await connection.execute(
                        AUDIT, audit.actor, audit.action, audit.subject, masked_members(audit.details)
                    )
            return rows

        return await self._change(work)

    async def _change(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a transaction that changes what people own, and wait until this node goes by it."""
        result = await self._database.translating(work)
        await self._settle()
        return result


def given(patch: msgspec.Struct) -> dict[str, Any]:
    """The members of a partial update that are there."""
    values = {name: getattr(patch, name) for name in patch.__struct_fields__}
    return {name: value for name, value in values.items() if value is not UNSET}


def equal(field: str, value: object) -> Sequence[Condition]:
    """What finds a row by one of its fields."""
    return (Condition(field=field, operator=Operator.EQUAL, value=value),)


def page(limit: int) -> int:
    return max(1, min(limit, MAX_PAGE))
