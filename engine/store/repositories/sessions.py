"""Charging sessions as they are read: with their running totals and their price."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from engine.domain.caller import Caller
from engine.domain.changes import EventPublished
from engine.domain.pricing import Billed, cost
from engine.domain.session.review import Review
from engine.domain.starting import Pending
from engine.domain.state import Frozen, Price
from engine.errors import Conflict, NotFound
from engine.store.fields import read
from engine.store.plan import Plan, Row, fetch
from engine.store.readings import SESSIONS
from engine.store.repositories.base import Audit, Repository, equal


class SessionRow(Frozen, frozen=True):
    """`amount` is the price so far in `currency`, by the tariff at the start; None without one.

    Power, current, voltage and charging state are present values: None once the session is closed.
    `soc_percent` is the last.
    """

    id: int
    operator_id: int
    charge_point_id: int
    identity: str
    evse_number: int
    connector_number: int
    transaction_id: str | None  # None: it has not begun
    status: str  # pending | active | finished | expired | failed
    reason: str | None
    id_tag: str | None
    id_tag_id: int | None
    user_id: int | None
    authorization_id: int | None
    reservation_id: int | None
    meter_start_wh: int
    meter_stop_wh: int | None
    energy_wh: int
    power_w: float | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None
    started_at: datetime  # of one that has not begun: when it was asked for
    stopped_at: datetime | None
    expires_at: datetime | None  # by then one that was asked for begins
    stop_id_tag: str | None
    charging_state: str | None  # as the charger names it; None: it does not (OCPP 1.6)
    remote_start_id: int | None
    offline: bool
    review: Sequence[str]
    released: Sequence[str]  # what a person has lifted of it, when and who
    released_at: datetime | None
    released_by: str | None
    corrected_at: datetime | None  # when a person has said what it came to
    waived: str | None  # why it costs nothing
    currency: str | None
    amount: Decimal | None
    last_updated_at: datetime


class Settlement(Frozen, frozen=True):
    """What a person has decided of a session that is over. `corrected`: other than what was reported."""

    energy_wh: int
    stopped_at: datetime | None
    waived: str | None
    corrected: bool
    news: EventPublished


SETTLE: Final = """
with settled as (
    update sessions
    set energy_wh = $3, stopped_at = $4, waived = $5,
        corrected_at = case when $6 then $7 else corrected_at end,
        released = released || review, review = '{}', released_at = $7, released_by = $8, last_updated_at = $7
    where id = $1 and last_updated_at = $2 and status = 'finished'
    returning id
)
insert into events (type, subject, operator_id, payload, created_at)
select $9, $10, $11, $12, $7 from settled returning id
"""
OVERDUE: Final = """
select id, operator_id, charge_point_id, evse_number, id_tag, authorization_id, started_at as asked_at,
       expires_at, status
from sessions where status = 'pending' and expires_at <= $1 order by expires_at limit $2
"""
# The fields that the price is made of.
PRICED: Final = (
    *("currency", "transaction_id", "price_per_session", "price_per_kwh", "price_per_minute", "energy_wh"),
    *("started_at", "start_received_at", "stopped_at", "stop_received_at", "review", "released", "waived"),
    "read_at",
)


def amount(row: Row) -> Decimal | None:
    """The price so far of a session as it is read; None without a tariff, or before it has begun."""
    if row["currency"] is None or row["transaction_id"] is None:
        return None
    price = Price(
        currency=row["currency"],
        per_session=row["price_per_session"],
        per_kwh=row["price_per_kwh"],
        per_minute=row["price_per_minute"],
    )
    billed = Billed(
        energy_wh=row["energy_wh"],
        started_at=row["started_at"],
        start_received_at=row["start_received_at"],
        stopped_at=row["stopped_at"],
        stop_received_at=row["stop_received_at"],
        clock_was_wrong=Review.CLOCK_DRIFT in (*row["review"], *row["released"]),
        waived=row["waived"] is not None,
    )
    return cost(price, billed, row["read_at"]).total


def session_row(row: Row) -> SessionRow:
    """A session with its price so far."""
    more = {"identity": row["station"], "amount": amount(row)}
    return SessionRow(
        **{name: row[name] for name in SessionRow.__struct_fields__ if name not in more}, **more
    )


class Sessions(Repository):
    """Sessions are written by the journal; what people decide of one that is over is written here."""

    async def overdue(self, at: datetime, *, limit: int) -> Sequence[Pending]:
        """Those asked for that should have begun by `at`, longest overdue first."""
        return [read(Pending, row) for row in await self._database.fetch(OVERDUE, at, limit)]

    async def get(self, caller: Caller, session_id: int) -> SessionRow:
        """Raises NotFound."""
        plan = Plan(caller=caller, reading=SESSIONS, where=equal("id", session_id), limit=1)
        rows = await fetch(self._database, plan)
        if not rows:
            raise NotFound(f"no session {session_id}")
        return session_row(rows[0])

    async def settle(
        self, caller: Caller, session: SessionRow, settled: Settlement, audit: Audit
    ) -> SessionRow:
        """Write what a person has decided of a session. Raises Conflict where it is not as it was read."""
        news = settled.news
        written = await self._write(
            audit,
            SETTLE,
            session.id,
            session.last_updated_at,
            settled.energy_wh,
            settled.stopped_at,
            settled.waived,
            settled.corrected,
            news.created_at,
            audit.actor,
            news.type,
            news.subject,
            news.operator_id,
            news.payload.decode(),
        )
        if not written:
            raise Conflict(f"session {session.id} has changed meanwhile: look at it again")
        return await self.get(caller, session.id)
