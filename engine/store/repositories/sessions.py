"""Charging sessions as they are read: with the totals of their newest meter value and their price."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from engine.domain.caller import Caller, CallerKind
from engine.domain.pricing import Billed, cost
from engine.domain.session.review import Review
from engine.domain.starting import Pending
from engine.domain.state import Frozen, Price
from engine.errors import Conflict, NotFound
from engine.store.filters import Condition, Operator
from engine.store.loading_sessions import pending
from engine.store.plan import Plan, Row, fetch
from engine.store.readings import SESSIONS
from engine.store.repositories.base import Audit, Repository


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
    waived: str | None  # why it costs nothing
    currency: str | None
    amount: Decimal | None
    last_updated_at: datetime


RELEASE: Final = """
update sessions
set released = released || review, released_at = now(), released_by = $3, review = '{}',
    last_updated_at = now()
where id = $1 and review = $2 and status not in ('pending', 'active')
returning id
"""
OVERDUE: Final = """
select id, operator_id, charge_point_id, evse_number, id_tag, authorization_id, started_at as asked_at,
       expires_at, status
from sessions where status = 'pending' and expires_at <= $1 order by expires_at limit $2
"""
OPEN: Final = ("pending", "active")
# The fields that the price is made of.
PRICED: Final = (
    *("currency", "transaction_id", "price_per_session", "price_per_kwh", "price_per_minute", "energy_wh"),
    *("started_at", "start_received_at", "stopped_at", "stop_received_at", "review", "released", "waived"),
    "read_at",
)
READER: Final = Caller("store", CallerKind.NODE)


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
    """Sessions are written by the journal; people release what is held."""

    async def overdue(self, at: datetime, *, limit: int) -> Sequence[Pending]:
        """Those asked for that should have begun by `at`, longest overdue first."""
        return [pending(row) for row in await self._database.fetch(OVERDUE, at, limit)]

    async def get(self, session_id: int) -> SessionRow:
        """Raises NotFound."""
        this = Condition(field="id", operator=Operator.EQUAL, value=session_id)
        plan = Plan(caller=READER, reading=SESSIONS, where=(this,), limit=1)
        rows = await fetch(self._database, plan)
        if not rows:
            raise NotFound(f"no session {session_id}")
        return session_row(rows[0])

    async def release(self, session_id: int, *, actor: str, note: str | None = None) -> SessionRow:
        """A person has looked at what is held: it may be billed. Raises NotFound, Conflict."""
        row = await self.get(session_id)
        if not row.review:
            raise Conflict(f"session {session_id} is not held for review")
        if row.status in OPEN:
            raise Conflict(f"session {session_id} is {row.status}: release it when it is over")
        audit = Audit(
            actor=actor,
            action="session.release",
            subject=f"session:{session_id}",
            details={"review": row.review, "energy_wh": row.energy_wh, "note": note},
        )
        if not await self._write(audit, RELEASE, session_id, row.review, actor):
            raise Conflict(f"session {session_id} has changed meanwhile: look at it again")
        return await self.get(session_id)
