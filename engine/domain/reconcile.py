"""Which session a message means whose transaction id says nothing: matched by EVSE, tag, meter, time or kept.

A match must be the only one possible; what matches nothing is an orphan, acknowledged and kept until a start
that it fits is told.
"""

from __future__ import annotations

from datetime import UTC, datetime

from engine.domain.changes import Change, OrphanKept, OrphanResolved
from engine.domain.plausibility import energy_ceiling_wh
from engine.domain.sessions import Start
from engine.domain.state import ChargePoint, Orphan, Session
from ext.metering import JITTER_WH

STOP = "StopTransaction"
ORPHANS_KEPT = 100  # per charge point in memory; older ones are in the database alone


def session_on_evse(cp: ChargePoint, evse_number: int, at: datetime) -> Session | None:
    """The session that was open on the EVSE at `at`; there is never more than one."""
    for session in cp.sessions.values():
        if session.evse_number == evse_number and session.started_at <= at:
            return session
    return None


def session_of_stop(
    cp: ChargePoint, *, id_tag: str | None, meter_wh: int, at: datetime, numbered: bool
) -> Session | None:
    """The one open session that a stop with an unknown transaction id can mean, if there is exactly one.

    `numbered`: the id looks like a real one (it may be another charger's, or from before a loss of data), so
    the tag must say whose it is; an id that was never given (0, -1) may also come without a tag.
    """
    if numbered and id_tag is None:
        return None
    matches = [s for s in cp.sessions.values() if _fits(cp, s, id_tag, meter_wh, at)]
    return matches[0] if len(matches) == 1 else None


def _fits(cp: ChargePoint, session: Session, id_tag: str | None, meter_wh: int, at: datetime) -> bool:
    register = session.metering.register_wh
    reached = session.meter_start_wh if register is None else register
    since = session.metering.register_at or session.started_at
    return (
        at >= session.started_at
        and _same_tag(id_tag, session.id_tag)
        and meter_wh >= session.meter_start_wh
        and meter_wh >= reached - JITTER_WH
        and meter_wh - reached <= energy_ceiling_wh(cp.settings.max_power_w, at - since)
    )


def _same_tag(asked: str | None, known: str | None) -> bool:
    return asked is None or (known is not None and asked.casefold() == known.casefold())


def stop_of_start(cp: ChargePoint, start: Start) -> Orphan | None:
    """The kept stop that ends the transaction of `start`: the earliest that fits its tag, meter and time."""
    fitting = [
        o
        for o in cp.orphans
        if o.action == STOP
        and o.meter_wh is not None
        and o.timestamp >= start.at
        and _same_tag(o.id_tag, start.id_tag)
        and start.meter_wh
        <= o.meter_wh
        <= start.meter_wh + energy_ceiling_wh(cp.settings.max_power_w, o.timestamp - start.at)
    ]
    return min(fitting, key=lambda o: o.timestamp, default=None)


def is_kept(cp: ChargePoint, orphan: Orphan) -> bool:
    """Whether an orphan of the same meaning is among the unresolved ones."""
    key = orphan_key(orphan)
    return any(orphan_key(o) == key for o in cp.orphans)


def orphan_key(orphan: Orphan) -> str:
    """What makes a message the same message, however often it is told."""
    at = orphan.timestamp.astimezone(UTC).isoformat()
    tag = (orphan.id_tag or "").casefold()
    meter = "" if orphan.meter_wh is None else orphan.meter_wh
    return f"{orphan.action}|{orphan.transaction_id}|{at}|{meter}|{tag}"


def kept(cp: ChargePoint, orphan: Orphan, now: datetime) -> OrphanKept:
    """The row of an orphan."""
    return OrphanKept(
        id=orphan.id,
        charge_point_id=cp.id,
        key=orphan_key(orphan),
        action=orphan.action,
        transaction_id=orphan.transaction_id,
        connector_number=orphan.connector_number,
        id_tag=orphan.id_tag,
        meter_wh=orphan.meter_wh,
        timestamp=orphan.timestamp,
        reason=orphan.reason,
        payload=orphan.payload,
        received_at=now,
    )


def resolved(orphan: Orphan, session: Session, now: datetime) -> Change:
    """The orphan's row found its session."""
    return OrphanResolved(id=orphan.id, session_id=session.id, resolved_at=now)
