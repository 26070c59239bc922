"""Charging sessions as they are read: with the totals of their newest meter value and their price."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from engine.domain.pricing import Billed, cost
from engine.domain.session.review import Review
from engine.domain.starting import Pending
from engine.domain.state import Frozen, Price
from engine.errors import Conflict, NotFound
from engine.store.loading_sessions import pending
from engine.store.repositories.base import MAX_PAGE, Audit, Repository, page

EventPlace = tuple[int, datetime, str, int]  # seq_no, timestamp, event_type, content


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


class MeterValueRow(Frozen, frozen=True):
    """One MeterValue; `samples` is the JSON array as received."""

    timestamp: datetime
    sample_key: int
    received_at: datetime
    energy_wh: int | None
    register_wh: int | None
    power_w: float | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None
    samples: str


class PeriodRow(Frozen, frozen=True):
    """A stretch of one charging state; energies are totals of the session at its ends."""

    started_at: datetime
    stopped_at: datetime | None
    charging_state: str
    energy_start_wh: int
    energy_stop_wh: int | None


class TransactionEventRow(Frozen, frozen=True):
    """One event of a transaction as it was told; `payload` is JSON."""

    seq_no: int
    timestamp: datetime
    event_type: str  # Started | Updated | Ended
    trigger_reason: str
    offline: bool
    payload: str
    received_at: datetime
    content: int  # tells apart those that are alike in all of the above but their payload


class SessionFilter(Frozen, frozen=True):
    """Absent members do not filter. `started_from` is included, `started_until` is not."""

    identity: str | None = None
    status: str | None = None
    id_tag: str | None = None
    started_from: datetime | None = None
    started_until: datetime | None = None
    held: bool | None = None


SELECT: Final = """
select s.id, s.operator_id, s.charge_point_id, c.network_id as identity, s.evse_number, s.connector_number,
       s.transaction_id, s.status, s.reason, s.id_tag, s.id_tag_id, s.user_id, s.authorization_id,
       s.reservation_id, s.meter_start_wh, s.meter_stop_wh,
       coalesce(s.energy_wh, m.energy_wh, 0) as energy_wh,
       p.power_w, p.current_a, p.voltage_v, m.soc_percent,
       s.started_at, s.stopped_at, s.stop_id_tag, s.remote_start_id, s.offline, s.review, s.waived,
       case when s.status = 'active' then s.charging_state end as charging_state,
       s.released, s.released_at, s.released_by,
       s.last_updated_at, s.expires_at,
       t.currency, t.price_per_session, t.price_per_kwh, t.price_per_minute,
       s.start_received_at, s.stop_received_at, now() as read_at
from sessions s
join charge_points c on c.id = s.charge_point_id
left join tariffs t on t.id = s.tariff_id
left join session_totals m on m.session_id = s.id
left join session_totals p on p.session_id = s.id and s.status = 'active'
"""
# Each comparison has an index of its own; where several filters are given the planner takes the narrowest.
FILTERS: Final = {
    "identity": "s.charge_point_id = any(select id from charge_points where network_id = ${})",
    "status": "s.status = ${}",
    "id_tag": "lower(s.id_tag) = lower(${})",
    "started_from": "s.started_at >= ${}",
    "started_until": "s.started_at < ${}",
}
METER_VALUES: Final = """
select timestamp, sample_key, received_at, energy_wh, register_wh, power_w, current_a, voltage_v,
       soc_percent, samples
from meter_values
where session_id = $1 and (timestamp, sample_key) > ($2, $3)
order by timestamp, sample_key limit $4
"""
EVENTS: Final = """
select e.seq_no, e.timestamp, e.event_type, e.trigger_reason, e.offline, e.payload, e.received_at, e.content
from sessions s
join transaction_events e
  on e.charge_point_id = s.charge_point_id and e.transaction_id = s.transaction_id and e.session_id = s.id
where s.id = $1 and (e.seq_no, e.timestamp, e.event_type, e.content) > ($2, $3, $4, $5)
order by e.seq_no, e.timestamp, e.event_type, e.content limit $6
"""
RELEASE: Final = """
update sessions
set released = released || review, released_at = now(), released_by = $3, review = '{}',
    last_updated_at = now()
where id = $1 and review = $2 and status not in ('pending', 'active')
returning id
"""
HELD: Final = {True: "s.review <> '{}'", False: "s.review = '{}'"}
OVERDUE: Final = """
select id, operator_id, charge_point_id, evse_number, id_tag, authorization_id, started_at as asked_at,
       expires_at, status
from sessions where status = 'pending' and expires_at <= $1 order by expires_at limit $2
"""
FIRST_EVENT: Final = (-(2**63), datetime.fromisoformat("0001-01-02T00:00:00+00:00"), "", -(2**63))
BEGINNING: Final = (datetime.fromisoformat("0001-01-02T00:00:00+00:00"), -(2**63))
OPEN: Final = ("pending", "active")
MOMENTS: Final = ("start_received_at", "stop_received_at", "read_at")
PRICE: Final = ("price_per_session", "price_per_kwh", "price_per_minute")


class Sessions(Repository):
    """Sessions are written by the journal; people release what is held."""

    async def overdue(self, at: datetime, *, limit: int) -> Sequence[Pending]:
        """Those asked for that should have begun by `at`, longest overdue first."""
        return [pending(row) for row in await self._database.fetch(OVERDUE, at, limit)]

    async def list(
        self, narrow: SessionFilter | None = None, *, before: int | None = None, limit: int = 100
    ) -> Sequence[SessionRow]:
        """Newest first, those below the id `before`."""
        conditions, values = _conditions(narrow or SessionFilter())
        if before is not None:
            values.append(before)
            conditions.append(f"s.id < ${len(values)}")
        return await self._rows(conditions, values, "s.id desc", limit)

    async def tail(
        self, after: int = 0, narrow: SessionFilter | None = None, *, limit: int = 100
    ) -> Sequence[SessionRow]:
        """Oldest first, those above the id `after`: for following new sessions."""
        conditions, values = _conditions(narrow or SessionFilter())
        values.append(after)
        return await self._rows([*conditions, f"s.id > ${len(values)}"], values, "s.id", limit)

    async def get(self, session_id: int) -> SessionRow:
        """Raises NotFound."""
        rows = await self._rows(["s.id = $1"], [session_id], "s.id", 1)
        if not rows:
            raise NotFound(f"no session {session_id}")
        return rows[0]

    async def meter_values(
        self, session_id: int, *, after: tuple[datetime, int] | None = None, limit: int = 100
    ) -> Sequence[MeterValueRow]:
        """In order of time, those behind (timestamp, sample_key) `after`."""
        return await self._many(MeterValueRow, METER_VALUES, session_id, *(after or BEGINNING), page(limit))

    async def periods(self, session_id: int) -> Sequence[PeriodRow]:
        """Charging and idle stretches, in order."""
        return await self._many(
            PeriodRow,
            "select started_at, stopped_at, charging_state, energy_start_wh, energy_stop_wh "
            "from charging_periods "
            "where session_id = $1 order by started_at",
            session_id,
        )

    async def events(
        self, session_id: int, *, after: EventPlace | None = None, limit: int = MAX_PAGE
    ) -> Sequence[TransactionEventRow]:
        """What a charger that speaks OCPP 2.x told of it, in the charger's order, behind `after`."""
        place = FIRST_EVENT if after is None else after
        return await self._many(TransactionEventRow, EVENTS, session_id, *place, page(limit))

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

    async def _rows(
        self, conditions: Sequence[str], values: Sequence[Any], order: str, limit: int
    ) -> Sequence[SessionRow]:
        where = f" where {' and '.join(conditions)}" if conditions else ""
        sql = f"{SELECT}{where} order by {order} limit ${len(values) + 1}"
        return [_priced(dict(row)) for row in await self._database.fetch(sql, *values, page(limit))]


def _conditions(narrow: SessionFilter) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    for name, condition in FILTERS.items():
        value = getattr(narrow, name)
        if value is not None:
            values.append(value)
            conditions.append(condition.format(len(values)))
    if narrow.held is not None:
        conditions.append(HELD[narrow.held])
    return conditions, values


def _priced(row: dict[str, Any]) -> SessionRow:
    start_received_at, stop_received_at, read_at = (row.pop(name) for name in MOMENTS)
    prices = [row.pop(name) for name in PRICE]
    amount = None
    if row["currency"] is not None and row["transaction_id"] is not None:
        price = Price(
            currency=row["currency"], per_session=prices[0], per_kwh=prices[1], per_minute=prices[2]
        )
        billed = Billed(
            energy_wh=row["energy_wh"],
            started_at=row["started_at"],
            start_received_at=start_received_at,
            stopped_at=row["stopped_at"],
            stop_received_at=stop_received_at,
            clock_was_wrong=Review.CLOCK_DRIFT in (*row["review"], *row["released"]),
            waived=row["waived"] is not None,
        )
        amount = cost(price, billed, read_at).total
    return SessionRow(amount=amount, **row)
