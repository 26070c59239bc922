"""The life of a session: starts that supersede, missing stops, boots, late samples and corrections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain import changes as c
from engine.domain.authorization import Decision
from engine.domain.metering.readings import Measured
from engine.domain.session import assign, close, course, events, opening
from engine.domain.session.amend import Known
from engine.domain.session.facts import Event, Stop
from engine.domain.session.review import Review
from engine.domain.state import ChargePoint, InstalledProfile, Reservation, Session, SessionStatus
from engine.domain.vocabulary import HardwareStatus, SessionReason, TagVerdict
from engine.ocpp.messages import v16
from ext.metering import read

Later = Callable[[float], datetime]
Kind = TypeVar("Kind", bound=c.Change)


def of(kind: type[Kind], changes: Sequence[c.Change]) -> list[Kind]:
    return [change for change in changes if isinstance(change, kind)]


@pytest.fixture(scope="session")
def later(now: datetime) -> Later:
    """The moment so many minutes after `now`."""
    return lambda minutes: now + timedelta(minutes=minutes)


@pytest.fixture
def start(later: Later) -> Event:
    """Another transaction on EVSE 1, an hour later."""
    return Event(
        transaction_id="8",
        seq_no=None,
        kind="Started",
        evse_number=1,
        connector_number=1,
        id_tag="NEXT",
        meter_wh=3_000,
        at=later(60),
    )


def begin(
    cp: ChargePoint, start: Event, now: datetime, session_id: int = 8
) -> tuple[ChargePoint, Session, list[c.Change]]:
    accepted = Decision(verdict=TagVerdict.ACCEPTED)
    known = Known(decision=accepted, new_ids=(session_id, 9), now=now)
    return events.begin(cp, replace(start, transaction_id=str(session_id)), (), known)


def value(at: datetime, register: int) -> Measured:
    sampled = [v16.SampledValue(value=str(register))]
    return Measured(at=at, reading=read(sampled), samples=msgspec.json.encode(sampled).decode())


def news(changes: Sequence[c.Change]) -> list[dict[str, Any]]:
    told = [msgspec.json.decode(change.payload) for change in of(c.EventPublished, changes)]
    return [one for one in told if one["notification"] == "session.start.stop.notification"]


# --- start -------------------------------------------------------------------------------------------------


def test_the_same_start_has_the_same_key_however_it_is_written(start: Event) -> None:
    again = replace(start, id_tag="next", at=start.at.astimezone(timezone(timedelta(hours=2))))
    assert assign.start_key(again) == assign.start_key(start)


@pytest.mark.parametrize("field", ["evse_number", "meter_wh", "at", "id_tag"])
def test_another_start_has_another_key(start: Event, field: str) -> None:
    other = {"evse_number": 2, "meter_wh": 1, "at": datetime(2020, 1, 1, tzinfo=UTC), "id_tag": "X"}
    assert assign.start_key(replace(start, **{field: other[field]})) != assign.start_key(start)


def test_a_start_opens_a_session(cp: ChargePoint, start: Event, later: Later) -> None:
    cp = replace(cp, sessions={})
    after, session, changes = begin(cp, start, later(60))
    assert after.sessions == {"8": session}
    assert session.status is SessionStatus.ACTIVE
    [row] = of(c.SessionOpened, changes)
    assert (row.id, row.transaction_id, row.authorization_id, row.status) == (8, "8", 9, "active")
    assert (row.offline, row.review, row.start_key) == (False, (), assign.start_key(start))
    [told] = news(changes)
    assert (told["notification"], told["action"], told["sessionId"]) == (
        "session.start.stop.notification",
        "start",
        8,
    )
    assert (told["meterStart"], told["meterStop"]) == (3_000, 3_000)


@pytest.mark.parametrize(
    ("received", "wanted"),
    [(62, (False, ())), (62.1, (True, ())), (54, (False, ("clock_drift",))), (10_000, (True, ()))],
)
def test_a_start_told_late_was_offline_and_one_from_the_future_is_held(
    cp: ChargePoint, start: Event, later: Later, received: float, wanted: tuple[bool, str | None]
) -> None:
    _, _, changes = begin(replace(cp, sessions={}), start, later(received))
    [row] = of(c.SessionOpened, changes)
    assert (row.offline, row.review) == wanted


def test_a_start_closes_the_session_whose_stop_is_missing(
    cp: ChargePoint, start: Event, later: Later
) -> None:
    cp, _ = course.add_samples(cp, cp.sessions["7"], [value(later(30), 2_500)], later(30))
    after, _, changes = begin(cp, start, later(60))
    assert list(after.sessions) == ["8"]
    [closed] = of(c.SessionClosed, changes)
    assert (closed.id, closed.status, closed.reason) == (7, "finished", "new_start_transaction_received")
    assert (closed.stopped_at, closed.energy_wh, closed.meter_stop_wh) == (later(30), 1_500, None)
    assert closed.review == ("missing_stop",)
    assert [n["action"] for n in news(changes)] == ["stop", "start"]


def test_without_samples_it_ended_when_the_next_began(cp: ChargePoint, start: Event, later: Later) -> None:
    [closed] = of(c.SessionClosed, begin(cp, start, later(60))[2])
    assert (closed.stopped_at, closed.energy_wh) == (later(60), 0)


def test_a_start_on_another_evse_closes_nothing(cp: ChargePoint, start: Event, later: Later) -> None:
    after, _, changes = begin(cp, replace(start, evse_number=2), later(60))
    assert set(after.sessions) == {"7", "8"}
    assert not of(c.SessionClosed, changes)


def test_an_older_start_told_late_is_recorded_and_leaves_the_running_session(
    cp: ChargePoint, start: Event, later: Later
) -> None:
    after, session, changes = begin(cp, replace(start, at=later(-60)), later(60))
    assert after.sessions == cp.sessions
    assert session.status is SessionStatus.FINISHED
    [closed] = of(c.SessionClosed, changes)
    assert (closed.id, closed.stopped_at, closed.review) == (8, later(0), ("missing_stop",))


def test_a_start_uses_up_its_reservation(cp: ChargePoint, start: Event, later: Later) -> None:
    reservation = Reservation(
        id=4, connector_number=1, id_tag="NEXT", parent_id_tag=None, expiry_date=later(90)
    )
    cp = replace(cp, reservations={4: reservation, 5: replace(reservation, id=5)})
    after, session, changes = begin(cp, replace(start, reservation_id=4), later(60))
    assert set(after.reservations) == {5}
    [done] = of(c.ReservationEnded, changes)
    assert (done.id, done.status, done.session_id) == (4, "done", 8)
    assert session.reservation_id == 4


def test_a_reservation_that_is_not_loaded_is_left_to_the_store(
    cp: ChargePoint, start: Event, later: Later
) -> None:
    _, _, changes = begin(cp, replace(start, reservation_id=99), later(60))
    assert [done.id for done in of(c.ReservationEnded, changes)] == [99]
    assert of(c.SessionOpened, changes)[0].reservation_id == 99


# --- stop --------------------------------------------------------------------------------------------------


def test_a_stop_closes_its_session_with_the_chargers_own_difference(cp: ChargePoint, later: Later) -> None:
    session = replace(cp.sessions["7"], charging=True)
    stop = Stop(at=later(60), meter_wh=9_000, reason=SessionReason.EV_DISCONNECTED, id_tag="OTHER")
    after, _, changes = close.finish(cp, session, stop, later(61))
    assert not after.sessions
    [closed] = of(c.SessionClosed, changes)
    assert (closed.energy_wh, closed.meter_stop_wh, closed.reason) == (8_000, 9_000, "ev_disconnected")
    assert (closed.stopped_at, closed.stop_received_at, closed.stop_id_tag) == (later(60), later(61), "OTHER")
    assert not closed.review
    [period] = of(c.ChargingPeriodClosed, changes)
    assert (period.stopped_at, period.energy_wh) == (later(60), 8_000)
    [told] = news(changes)
    assert (told["action"], told["energyConsumed"], told["reason"]) == ("stop", 8_000, "evdisconnected")


@pytest.mark.parametrize(
    ("at", "meter", "wanted"),
    [
        (60, 900_000, (("implausible_energy",), 60)),
        (-5, 1_100, (("clock_drift",), 0)),
        (120, 1_100, (("clock_drift",), 120)),
    ],
)
def test_a_doubtful_stop_is_held(
    cp: ChargePoint, later: Later, at: float, meter: int, wanted: tuple[str, float]
) -> None:
    stop = Stop(at=later(at), meter_wh=meter, reason=SessionReason.LOCAL)
    _, _, changes = close.finish(cp, cp.sessions["7"], stop, later(61))
    [closed] = of(c.SessionClosed, changes)
    assert (closed.review, closed.stopped_at) == (wanted[0], later(wanted[1]))


@pytest.mark.parametrize(
    ("code", "held"), [(Review.MISSING_STOP, ("late_stop",)), (Review.MISSING_STOP_AFTER_BOOT, ())]
)
def test_the_real_stop_corrects_what_we_closed(
    cp: ChargePoint, later: Later, code: Review, held: str | None
) -> None:
    finished = replace(cp.sessions["7"], status=SessionStatus.FINISHED, review=(code,), stopped_at=later(30))
    stop = Stop(at=later(40), meter_wh=2_000, reason=SessionReason.POWER_LOSS)
    _, _, changes = close.finish(replace(cp, sessions={}), finished, stop, later(61))
    [closed] = of(c.SessionClosed, changes)
    assert (closed.stopped_at, closed.energy_wh, closed.review) == (later(40), 1_000, held)


def test_a_transactions_profile_ends_with_it(cp: ChargePoint, later: Later) -> None:
    own = InstalledProfile(
        evse_number=1, profile_id=1, purpose="TxProfile", stack_level=0, transaction_id="7", profile=b"{}"
    )
    default = replace(own, profile_id=2, purpose="TxDefaultProfile", transaction_id=None)
    cp = replace(cp, charging_profiles=(own, default))
    stop = Stop(at=later(60), meter_wh=1_100, reason=SessionReason.LOCAL)
    after, _, changes = close.finish(cp, cp.sessions["7"], stop, later(61))
    assert after.charging_profiles == (default,)
    assert [(p.profile_id, p.active) for p in of(c.ChargingProfileChanged, changes)] == [(1, False)]


# --- boot and status ---------------------------------------------------------------------------------------


def test_a_boot_closes_nothing_until_the_connector_is_free(cp: ChargePoint, later: Later) -> None:
    booted, changes = course.on_boot(cp, later(10))
    assert changes == []
    assert set(booted.sessions) == {"7"}
    after, changes = course.on_connector_status(booted, 1, HardwareStatus.AVAILABLE, later(11))
    assert not after.sessions
    [closed] = of(c.SessionClosed, changes)
    assert (closed.reason, closed.stopped_at, closed.review) == (
        "reboot",
        later(10),
        ("missing_stop_after_boot",),
    )


def test_available_without_a_boot_says_nothing(cp: ChargePoint, later: Later) -> None:
    assert course.on_connector_status(cp, 1, HardwareStatus.AVAILABLE, later(11)) == (cp, [])


@pytest.mark.parametrize("status", ["preparing", "finishing", "faulted", "unavailable"])
def test_other_states_after_a_boot_leave_it_open_and_in_doubt(
    cp: ChargePoint, later: Later, status: str
) -> None:
    booted, _ = course.on_boot(cp, later(10))
    assert course.on_connector_status(booted, 1, HardwareStatus(status), later(11)) == (booted, [])


def test_another_connector_says_nothing(cp: ChargePoint, later: Later) -> None:
    booted, _ = course.on_boot(cp, later(10))
    assert course.on_connector_status(booted, 2, HardwareStatus.AVAILABLE, later(11)) == (booted, [])
    assert course.on_connector_status(booted, 0, HardwareStatus.AVAILABLE, later(11)) == (booted, [])


@pytest.mark.parametrize("status", ["charging", "suspendedEV", "suspendedEVSE"])
def test_a_transaction_that_goes_on_after_a_boot_is_no_longer_in_doubt(
    cp: ChargePoint, later: Later, status: str
) -> None:
    booted, _ = course.on_boot(cp, later(10))
    after, changes = course.on_connector_status(booted, 1, HardwareStatus(status), later(11))
    assert (after, changes) == (cp, [])


def test_a_sample_after_the_boot_shows_that_it_goes_on(cp: ChargePoint, later: Later) -> None:
    booted, _ = course.on_boot(cp, later(10))
    queued, _ = course.add_samples(booted, booted.sessions["7"], [value(later(9), 1_100)], later(11))
    assert queued.sessions["7"].rebooted_at is not None
    live, _ = course.add_samples(queued, queued.sessions["7"], [value(later(12), 1_200)], later(12))
    assert live.sessions["7"].rebooted_at is None
    assert course.on_connector_status(live, 1, HardwareStatus.AVAILABLE, later(13)) == (live, [])


# --- samples after the end ---------------------------------------------------------------------------------


@pytest.fixture
def closed_after_boot(cp: ChargePoint, later: Later) -> tuple[ChargePoint, Session]:
    """Session 7 as the store gives it back after we closed it at +30 with 500 Wh, sampled at +20."""
    session = replace(
        cp.sessions["7"],
        status=SessionStatus.FINISHED,
        stopped_at=later(20),
        review=("missing_stop_after_boot",),
        metering=replace(
            cp.sessions["7"].metering,
            energy_wh=500,
            register_wh=1_500,
            register_at=later(20),
            last_sample_at=later(20),
        ),
    )
    return replace(cp, sessions={}), session


def test_a_session_closed_after_a_boot_goes_on_with_its_next_sample(
    closed_after_boot: tuple[ChargePoint, Session], later: Later
) -> None:
    cp, session = closed_after_boot
    after, changes = course.add_samples(cp, session, [value(later(40), 2_000)], later(40))
    assert after.sessions["7"].status is SessionStatus.ACTIVE
    assert after.sessions["7"].metering.energy_wh == 1_000
    assert [r.id for r in of(c.SessionReopened, changes)] == [7]
    assert [r.review for r in of(c.SessionReviewed, changes)] == [()]
    assert not of(c.SessionClosed, changes)


def test_a_late_sample_from_before_its_end_corrects_nothing(
    closed_after_boot: tuple[ChargePoint, Session], later: Later
) -> None:
    cp, session = closed_after_boot
    after, changes = course.add_samples(cp, session, [value(later(10), 1_200)], later(40))
    assert after == cp
    assert [type(change) for change in changes] == [c.MeterValueAdded]


def test_a_superseded_session_takes_later_samples_as_a_correction(
    closed_after_boot: tuple[ChargePoint, Session], start: Event, later: Later
) -> None:
    cp, session = closed_after_boot
    cp, _, _ = begin(cp, start, later(60))
    session = replace(session, review=("missing_stop",))
    after, changes = course.add_samples(cp, session, [value(later(50), 2_900)], later(61))
    assert after == cp
    [closed] = of(c.SessionClosed, changes)
    assert (closed.id, closed.energy_wh, closed.stopped_at) == (7, 1_900, later(50))
    assert closed.reason == "new_start_transaction_received"


def test_a_session_that_has_its_stop_keeps_its_totals(
    closed_after_boot: tuple[ChargePoint, Session], later: Later
) -> None:
    cp, session = closed_after_boot
    after, changes = course.add_samples(cp, replace(session, review=()), [value(later(50), 9_000)], later(61))
    assert after == cp
    [row] = changes
    assert isinstance(row, c.MeterValueAdded)
    assert (row.session_id, row.energy_wh) == (7, 500)


@pytest.mark.parametrize("at", [datetime(2099, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)])
def test_a_wrong_clock_is_held_and_does_not_stop_the_count(
    cp: ChargePoint, later: Later, at: datetime
) -> None:
    cp, changes = course.add_samples(cp, cp.sessions["7"], [value(at, 1_200)], later(5))
    assert [row.timestamp for row in of(c.MeterValueAdded, changes)] == [at]
    assert [r.review for r in of(c.SessionReviewed, changes)] == [("clock_drift",)]
    cp, _ = course.add_samples(cp, cp.sessions["7"], [value(later(10), 1_700)], later(10))
    totals = cp.sessions["7"].metering
    assert (totals.energy_wh, totals.last_sample_at) == (700, later(10))


def test_an_implausible_sample_puts_the_running_session_on_hold_once(cp: ChargePoint, later: Later) -> None:
    cp, changes = course.add_samples(cp, cp.sessions["7"], [value(later(1), 910_000)], later(1))
    assert [r.review for r in of(c.SessionReviewed, changes)] == [("implausible_energy",)]
    cp, changes = course.add_samples(cp, cp.sessions["7"], [value(later(2), 910_100)], later(2))
    assert not of(c.SessionReviewed, changes)
    assert cp.sessions["7"].metering.energy_wh == 0


# --- clocks that are wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [datetime(2099, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)])
def test_a_start_of_a_wrong_clock_takes_its_place_by_the_time_it_was_told(
    cp: ChargePoint, start: Event, later: Later, wrong: datetime
) -> None:
    cp, ghost, changes = begin(cp, replace(start, at=wrong), later(60))
    assert [closed.id for closed in of(c.SessionClosed, changes)] == [7]  # whatever was open there is over
    assert of(c.SessionClosed, changes)[0].stopped_at == later(60)
    cp, _, changes = begin(cp, replace(start, at=later(90)), later(90), 9)
    assert [closed.id for closed in of(c.SessionClosed, changes)] == [ghost.id]
    assert list(cp.sessions) == ["9"]
    late, session, changes = begin(cp, replace(start, at=later(70)), later(95), 10)
    assert [closed.id for closed in of(c.SessionClosed, changes)] == [session.id]  # older, told late
    assert list(late.sessions) == ["9"]


@pytest.mark.parametrize("wrong", [datetime(2099, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)])
def test_a_start_kept_offline_displaces_one_of_a_wrong_clock_that_was_told_before_it(
    cp: ChargePoint, start: Event, later: Later, wrong: datetime
) -> None:
    cp, ghost, _ = begin(cp, replace(start, at=wrong), later(60))
    right = replace(start, at=later(40))
    assert opening.before(cp, 1, opening.begun(right.at, later(70))) == [ghost]
    cp, session, changes = begin(cp, right, later(70), 9)
    assert list(cp.sessions) == ["9"]
    assert (session.status, session.review) == (SessionStatus.ACTIVE, ())
    [closed] = of(c.SessionClosed, changes)
    assert (closed.id, closed.review) == (ghost.id, ("clock_drift", "missing_stop"))
    assert closed.stopped_at == max(later(70), wrong)


def test_a_session_placed_late_is_over_where_one_of_a_wrong_clock_was_told_after_it(
    cp: ChargePoint, start: Event, session: Session, later: Later
) -> None:
    waiting = replace(session, id=6, transaction_id="6", evse_number=0, received_at=later(0))
    cp, ghost, _ = begin(cp, replace(start, at=datetime(1970, 1, 1, tzinfo=UTC)), later(60))
    cp, _, changes = opening.place(cp, replace(waiting, evse_number=1), later(70))
    assert list(cp.sessions) == [ghost.transaction_id]
    assert [(closed.id, closed.stopped_at) for closed in of(c.SessionClosed, changes)] == [(6, later(60))]
