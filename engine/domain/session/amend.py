"""What an event says of whose session it is, where it is and what it costs: changes of its row."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime
from operator import attrgetter
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.authorization import Decision, recorded
from engine.domain.changes import (
    BatteryMoved,
    Change,
    Json,
    SessionAmended,
    TransactionEventStored,
    change_of,
)
from engine.domain.drivers import Driver, awaited, displaces, driven, owner, presented
from engine.domain.notifications import publish
from engine.domain.session.close import reviewed, with_session
from engine.domain.session.facts import Event, History, Stored
from engine.domain.session.fold import brings_tag
from engine.domain.session.opening import begun, consume_reservation, place
from engine.domain.starting import Pending, SessionUpdated
from engine.domain.state import ChargePoint, Frozen, Session, SessionStatus, StationNumber
from engine.domain.vocabulary import AuthorizationMethod, TagVerdict, Waiver

# Of who asked for a remote start that its station begins after it had expired.
TOO_LATE: Final = Decision(verdict=TagVerdict.EXPIRED, method=AuthorizationMethod.ADMIN)


class Known(Frozen, frozen=True):
    """What belongs to an event and is not in it. `decision` is the verdict on its tag, if it has one."""

    now: datetime
    decision: Decision | None = None
    payload: Json = Json()  # as received
    new_ids: Sequence[int] = ()  # a session's and an authorization's, or the latter's alone
    pending: Pending | None = None  # the session asked for remotely that the event names
    history: History = History()  # what was stored before
    stored: Stored | None = None  # … of its own session

    @property
    def session_id(self) -> int:
        """Of a session that begins: the number that it was given when it was asked for, or a new one."""
        return self.new_ids[0] if self.pending is None else self.pending.id


def stored(cp: ChargePoint, session: Session, event: Event, known: Known) -> list[Change]:
    """The row of an event. In OCPP 1.6 a start and a stop tell no more than their session's row."""
    if event.seq_no is None:
        return []
    row = TransactionEventStored(
        charge_point_id=cp.id,
        transaction_id=event.transaction_id,
        seq_no=event.seq_no,
        timestamp=event.at,
        event_type=event.kind,
        trigger_reason=event.trigger,
        offline=event.offline,
        session_id=session.id,
        payload=known.payload,
        received_at=known.now,
        content=event.content,
    )
    return [row]


def driver_of(
    cp: ChargePoint, session: Session, event: Event, known: Known
) -> tuple[Driver | None, Sequence[Change]]:
    """Who an event says that charges, by the tag that it brings or by the remote start that it names.

    With the rows that say so: a remote start has its own already, unless it may not charge.
    """
    decision, pending = known.decision, known.pending
    brought = event.id_tag if brings_tag(event) else None
    if pending is not None and (brought is None or (decision is not None and decision.accepted)):
        accepted = brought is not None or pending.allows(begun(event.at, known.now))
        driver = awaited(pending, accepted=accepted, authorization_id=known.new_ids[-1])
        decision = TOO_LATE
    elif brought is not None and decision is not None:
        driver = presented(brought, decision, known.new_ids[-1])
    else:
        return None, ()
    if driver.asked and driver.accepted:
        return driver, ()
    return driver, recorded(
        cp,
        decision,
        id=driver.authorization_id,
        id_tag=driver.id_tag,
        evse_number=session.evse_number or None,
        now=known.now,
    )


def _adopted(
    cp: ChargePoint, session: Session, after: Session, event: Event, known: Known
) -> tuple[Session, Driver | None, Sequence[Change]]:
    """What a session has become, with the driver that it had or with the one that the event brings."""
    driver, made = driver_of(cp, after, event, known)
    first = brings_tag(event) and after.id_tag == event.id_tag
    if driver is None or not displaces(driver, session, first=first):
        return after if after.id_tag == session.id_tag else replace(after, id_tag=session.id_tag), None, ()
    return driven(after, driver), driver, made


def waive(cp: ChargePoint, session: Session) -> Session:
    """A transaction that charges a battery of the station's own costs nobody anything (2.1 S)."""
    if session.evse_number not in cp.batteries or session.waived is Waiver.BATTERY_SWAP:
        return session
    return replace(session, waived=Waiver.BATTERY_SWAP)


def batteries_moved(
    cp: ChargePoint, evses: Set[int], *, inside: bool, now: datetime
) -> tuple[ChargePoint, list[Change]]:
    """Batteries were put into EVSEs or taken out (2.1 S): what charges one there costs nobody anything."""
    changes: list[Change] = [
        BatteryMoved(charge_point_id=cp.id, evse_number=evse, holds_battery=inside, at=now)
        for evse in sorted(evses)
    ]
    cp = replace(cp, batteries=cp.batteries | evses if inside else cp.batteries - evses)
    for session in list(cp.sessions.values()):
        waived = waive(cp, session)
        if waived is not session:
            cp = with_session(cp, waived)
            changes.append(_amendment(waived, None, now))
    return cp, changes


_row_of: Final = attrgetter(
    "evse_number", "connector_number", "started_at", "meter_start_wh", "id_tag", "reservation_id",
    "remote_start_id", "charging_state", "offline", "asked_id_tag", "waived",
)  # fmt: skip


def amend(
    cp: ChargePoint, session: Session, after: Session, event: Event, known: Known
) -> tuple[ChargePoint, Session, list[Change]]:
    """The session's row where it says something new, with the owner of a tag that is new to it."""
    after, driver, changes = _adopted(cp, session, after, event, known)
    after = waive(cp, after)
    if driver is None and _row_of(after) == _row_of(session):
        return cp, after, []
    cp, consumed = consume_reservation(cp, after, known.now)
    news = [] if driver is None else [_driver_known(cp, after, known.now)]
    return cp, after, [*changes, _amendment(after, driver, known.now), *news, *consumed]


def _driver_known(cp: ChargePoint, session: Session, now: datetime) -> Change:
    news = SessionUpdated(
        session_id=session.id,
        charge_point_id=cp.id,
        evse_number=session.evse_number,
        status=session.status,
        id_tag=session.id_tag or UNSET,
        last_updated_at=now,
    )
    return publish(news, f"session:{session.id}", cp.operator_id, now)


def _amendment(session: Session, driver: Driver | None, now: datetime) -> SessionAmended:
    """The session's row; `driver` where it has a new one."""
    told = driver is not None
    return change_of(SessionAmended, session, last_updated_at=now, tag_told=told, **owner(driver))


def keep_place(
    cp: ChargePoint, session: Session, after: Session, now: datetime
) -> tuple[ChargePoint, Session, list[Change]]:
    """The session where it is now, and its doubts; those of one that is over by this come with its end."""
    moved = (after.evse_number, after.started_at) != (session.evse_number, session.started_at)
    review, changes = after.review, list[Change]()
    if moved and after.evse_number != StationNumber:
        cp, after, changes = place(cp, after, now)
    else:
        cp = with_session(cp, after)
    if after.status is not SessionStatus.FINISHED:
        changes += reviewed(session, review, now)
    return cp, after, changes
