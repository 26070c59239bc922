"""Which session a report belongs to: by its id and time, or, where those say nothing, by tag and meter.

A charger may use a transaction id of OCPP 2.x again, after a year or after a reset. So a session is known by
its own number; the id leads to those that may be meant, and time and seqNo say which one is. A match without
an id must be the only one possible. What matches nothing is an orphan, acknowledged and kept until a start
that it fits is reported.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from engine.domain.changes import Change, OrphanKept, OrphanResolved, change_of
from engine.domain.plausibility import clock_is_wrong, energy_ceiling_wh
from engine.domain.session.facts import Event, History, Stored, position
from engine.domain.session.review import Review
from engine.domain.state import ChargePoint, Orphan, Session, SessionStatus
from ext.metering import JITTER_WH

STOP = "StopTransaction"
ORPHANS_KEPT = 100  # per charge point in memory; older ones are in the database alone
# Events folded at once: nobody else is served meanwhile (30 µs each). The first, the last and those after
# the end fold more, because nothing may come any more that puts them right.
MAX_HISTORY: Final = 3_000
MAX_RUNNING: Final = 300
MAX_AFTER_END: Final = 1_000
# An event that happened so long after the end is no straggler, …
STRAGGLES: Final = timedelta(minutes=10)
# … and one whose number goes on where the end was may be one for a day.
STRAGGLES_IN_ORDER: Final = timedelta(days=1)
# A transaction that told nothing for so long and then counts anew is another one.
SILENT: Final = timedelta(days=30)


def start_key(start: Event) -> str:
    """What makes a start of OCPP 1.6 the same start, however often and on whatever connection it is told."""
    at, tag = start.at.astimezone(UTC).isoformat(), (start.id_tag or "").casefold()
    return f"{start.evse_number}|{start.connector_number}|{tag}|{start.meter_wh}|{at}"


def key_of_event(history: History, event: Event) -> str:
    """What makes a transaction the same one. Where its id is used again, that is the event it began by."""
    if event.seq_no is None:
        return start_key(event)
    if not history.sessions:
        return f"transaction|{event.transaction_id}"
    return f"transaction.{event.at.astimezone(UTC).isoformat()}.{event.seq_no}|{event.transaction_id}"


def is_foldable(kind: str, stored: Stored) -> bool:
    """Whether a history is folded for an event: not what is too long, nor what retention has taken from."""
    session = stored.session
    if stored.started_at is None and Review.MISSING_START not in session.review:
        return False
    longest = MAX_HISTORY
    if kind == "Updated":
        longest = MAX_AFTER_END if session.status is SessionStatus.FINISHED else MAX_RUNNING
    return 0 < stored.count <= longest


def chosen(history: History, event: Event, now: datetime) -> Stored | None:
    """What an event belongs to; None where it is of a transaction that nothing is known of."""
    return next((one for one in history.sessions if history.known or _belongs(one, event, now)), None)


def _belongs(stored: Stored, event: Event, now: datetime) -> bool:
    begin, end = stored.started_at, stored.ended_at
    newest = end or stored.newest_at
    if newest is None:  # its events are gone with their time
        begin, end = stored.session.started_at, stored.session.stopped_at
        newest = end or stored.session.metering.last_sample_at or begin
    another_start = event.kind == "Started" and begin is not None and event.at != begin
    if clock_is_wrong(event.at, now):
        # Its time says nothing: only a second start, after the end, can be told from what was before.
        return not (another_start and end is not None)
    if another_start and begin is not None:
        return begin < event.at <= newest
    if event.at > newest + STRAGGLES:
        if event.kind == "Started":
            return False
        if end is not None:
            goes_on = stored.ended_seq is None or position(event)[0] > stored.ended_seq
            return goes_on and event.at <= newest + STRAGGLES_IN_ORDER
        goes_on = stored.newest is None or position(event)[0] > stored.newest[0]
        return goes_on or event.at <= newest + SILENT
    return begin is None or event.at >= begin - STRAGGLES_IN_ORDER


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


def stop_of_start(cp: ChargePoint, start: Event) -> Orphan | None:
    """The kept stop that ends the transaction of `start`: the earliest that fits its tag, meter and time."""
    begin_wh = start.meter_wh or 0
    fitting = [
        o
        for o in cp.orphans
        if o.action == STOP
        and o.meter_wh is not None
        and o.timestamp >= start.at
        and _same_tag(o.id_tag, start.id_tag)
        and 0 <= o.meter_wh - begin_wh <= energy_ceiling_wh(cp.settings.max_power_w, o.timestamp - start.at)
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
    return change_of(OrphanKept, orphan, charge_point_id=cp.id, key=orphan_key(orphan), received_at=now)


def resolved(orphan: Orphan, session: Session, now: datetime) -> Change:
    """The orphan's row found its session."""
    return OrphanResolved(id=orphan.id, session_id=session.id, resolved_at=now)
