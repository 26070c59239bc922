"""How meter values change a session: its running totals, its charging state, and the rows that are kept.

The numbers come from `ext.metering`; which message brought them, and for which session, is decided elsewhere.
The energy is what the register shows above its value at the start, while the session runs and when it ends:
what was told in between only says whether that can be believed. Registers count by their own time stamps, so
a value that arrives late or twice leaves the totals alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence, Set
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, Protocol

import msgspec
from msgspec.structs import replace

from engine.domain.changes import Change, ChargingPeriodOpened, MeterValueAdded
from engine.domain.notifications import Notification, publish
from engine.domain.plausibility import (
    MARGIN_WH,
    Review,
    ceiling_wh,
    clock_is_wrong,
    closed_by_us,
    held,
    is_held,
)
from engine.domain.state import ChargePoint, Frozen, Metering, Session, SessionStatus, StationSettings
from engine.domain.vocabulary import ChargingState
from ext.metering import FINGERPRINT, JITTER_WH, Reading, kind_of, whole_units

RESTARTS_BELOW: Final = 10  # a register that starts anew shows less than this part of what it did
REGISTER_WITHIN: Final = timedelta(seconds=10)  # of the begin and the end, for a register to be theirs
NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)  # in a row: a time that the station did not know

# Hysteresis of the charging state: standby loads and noise must not open and close periods.
CHARGING_FROM_W: Final = 100.0
IDLE_UP_TO_W: Final = 50.0
CHARGING_FROM_A: Final = 0.5  # for stations that report no power
IDLE_UP_TO_A: Final = 0.25

_COMPLETE: Final = (1, 14)  # phases of a register that has all the energy: as one, or each of three

_encode = msgspec.json.Encoder().encode
_SPREAD: Final = 0x9E3779B97F4A7C15  # odd, so that different sessions give different keys


class SampledValue(Protocol):
    """What identifies a sample in any OCPP version; falsy members stand for the specification's default."""

    @property
    def measurand(self) -> Any: ...
    @property
    def phase(self) -> Any: ...
    @property
    def location(self) -> Any: ...
    @property
    def context(self) -> Any: ...
    @property
    def format(self) -> Any: ...


class Measured(Frozen, frozen=True):
    """One MeterValue: its time, what it says, and its samples as received (a JSON array).

    `in_order`: it comes after all before it, although its time stamp says otherwise. `disputed`: it gives
    one register two values.
    """

    at: datetime
    reading: Reading
    samples: str
    in_order: bool = False
    disputed: bool = False


class ChargingPeriodChanged(Notification, frozen=True, kw_only=True, tag="session.chargingPeriod.changed"):
    session_id: int
    charge_point_id: int
    evse_number: int
    previous_state: Literal["charging", "idle"] | None
    current_state: Literal["charging", "idle"]
    last_updated_at: datetime


def identity(sample: SampledValue) -> str:
    """`measurand|phase|location|context|format`, defaults filled in (OCPP 1.6 §7.43)."""
    return kind_of(sample.measurand, sample.phase, sample.location, sample.context, sample.format).identity


def identity_of(measurand: str, phase: str, location: str, context: str, format: str) -> str:
    """The same from its parts, where a sample is no Struct; empty strings stand for the defaults."""
    return kind_of(measurand, phase, location, context, format).identity


def merged(
    values: Iterable[tuple[datetime, Sequence[Any]]],
    stored: Set[tuple[datetime, Hashable]],
    name: Callable[[Any], Hashable],
    read: Callable[[Sequence[Any]], Reading],
    *,
    listed: bool = False,
) -> list[Measured]:
    """Meter values, oldest first, those of one time stamp as one: some chargers send each phase by itself.

    `listed`: in the order in which they are told instead, where their times say nothing.

    Without the samples in `stored`, as (time, `name`), and without what is told twice; of that `read` is
    given both, and takes the larger value.
    """
    together: dict[datetime, list[Any]] = {}
    for at, samples in values:
        together.setdefault(at, []).extend(samples)
    seen = set(stored)
    fresh: list[Measured] = []
    for at in together if listed else sorted(together):
        told, own = together[at], []
        for sample in told:
            key = (at, name(sample))
            if key not in seen:
                seen.add(key)
                own.append(sample)
        if own:
            reading = read(own if stored else told)
            disputed = read(told).disputed if stored else reading.disputed
            fresh.append(Measured(at=at, reading=reading, samples=_encode(own).decode(), disputed=disputed))
    return fresh


# --- totals ------------------------------------------------------------------------------------------------


def _most(session: Session, since: datetime | None, at: datetime | None, settings: StationSettings) -> int:
    """The most energy between two times; where the clock cannot be trusted, the most of a session."""
    if since is None or at is None or (session.review and is_held(session.review, Review.CLOCK_DRIFT)):
        return settings.max_session_wh
    return ceiling_wh(settings, at - since)


def _from_intervals(session: Session) -> bool:
    """Whether the energy so far came from intervals: registers would have moved together with it."""
    metering = session.metering
    unmoved = metering.register_wh is None or metering.register_wh == session.meter_start_wh
    return unmoved and metering.energy_wh > 0 and not metering.resets


def advance(
    session: Session, register_wh: int, at: datetime | None, settings: StationSettings
) -> tuple[Metering, Review | None]:
    """The totals with a newer register value, and why they are in doubt. `at` None: its time is not known.

    A value that the station cannot have reached since the start is not adopted. One that falls is a restart
    if it is near zero and time allows; else what was before it, or the value itself, was wrong. In doubt is
    each of these, for good.
    """
    metering, start_wh = session.metering, session.meter_start_wh
    before = metering.register_wh
    if before is None:
        return replace(metering, register_wh=register_wh, register_at=at), None
    gained, told = register_wh - before, register_wh - start_wh
    fell = gained < -JITTER_WH
    # No time is too short for the margin, so most samples need no bound for their step.
    step = (
        MARGIN_WH if -JITTER_WH <= gained <= MARGIN_WH else _most(session, metering.register_at, at, settings)
    )
    if fell and 0 <= register_wh <= step and register_wh * RESTARTS_BELOW <= before:
        return _moved(metering, register_wh, at, metering.energy_wh + register_wh, restarted=True)
    possible = told <= MARGIN_WH or told <= _most(session, session.started_at, at, settings)
    if metering.resets:
        if not possible or register_wh < metering.energy_wh + start_wh - before:
            return _after_restart(metering, register_wh, gained, at, step)
        # It is back where it was before it fell: it had not restarted, the values between were wrong.
        metering = replace(metering, resets=0)
    if told < -JITTER_WH:
        return metering, Review.METER_RESET
    if not possible:
        return metering, Review.IMPLAUSIBLE_ENERGY
    energy_wh = max(told, 0)
    if not told and _from_intervals(session):
        energy_wh = metering.energy_wh
    moved, _ = _moved(metering, register_wh, at, energy_wh)
    if fell:
        return moved, Review.METER_RESET
    return moved, Review.IMPLAUSIBLE_ENERGY if gained > step else None


def _after_restart(
    metering: Metering, register_wh: int, gained: int, at: datetime | None, step: int
) -> tuple[Metering, Review | None]:
    if gained > step:
        return metering, Review.IMPLAUSIBLE_ENERGY
    return _moved(metering, register_wh, at, max(metering.energy_wh + gained, 0))


def _moved(
    metering: Metering, register_wh: int, at: datetime | None, energy_wh: int, *, restarted: bool = False
) -> tuple[Metering, Review | None]:
    # The register is exact where intervals were rounded: it replaces their sum.
    moved = energy_wh != metering.energy_wh
    totals = replace(
        metering,
        energy_wh=energy_wh,
        interval_rest_uwh=0 if moved else metering.interval_rest_uwh,
        register_wh=register_wh,
        register_at=at,
        resets=metering.resets + restarted,
    )
    return totals, Review.METER_RESET if restarted else None


def _add_interval(session: Session, interval_uwh: int) -> Metering:
    metering = session.metering
    unmoved = metering.register_wh is None or metering.register_wh == session.meter_start_wh
    if interval_uwh <= 0 or metering.resets or not unmoved:
        return metering  # the registers tell the same energy
    total = metering.energy_wh * 1_000_000 + metering.interval_rest_uwh + interval_uwh
    energy_wh = whole_units(total)
    return replace(metering, energy_wh=energy_wh, interval_rest_uwh=total - energy_wh * 1_000_000)


def _tells_more(told: int, followed: int) -> bool:
    """Whether a register of the series `told` has energy that the one followed lacks."""
    if told >> 4 != followed >> 4:
        return told >> 4 < followed >> 4  # nearer to the outlet
    phases = followed & 15
    return phases not in _COMPLETE and bool(told & 15 & ~phases)


def _is_newer(metering: Metering, register_wh: int, at: datetime | None) -> bool:
    """By its time; of two under one time stamp the larger one is the newer."""
    if at is None or metering.register_at is None or at > metering.register_at:
        return True
    before = metering.register_wh
    return at == metering.register_at and before is not None and register_wh > before


def _contradicts(metering: Metering, register_wh: int, at: datetime | None) -> bool:
    """Whether the register had another value under the same time stamp."""
    before = metering.register_wh
    if at is None or before is None or at != metering.register_at:
        return False
    return abs(register_wh - before) > JITTER_WH


def fold(
    session: Session,
    reading: Reading,
    at: datetime | None,
    settings: StationSettings,
    *,
    newest: bool = False,
) -> tuple[Metering, Review | None]:
    """The totals with the MeterValue of that time folded in, and why the energy is in doubt.

    `at` None: its time is not known; then, or where the caller says so, it is the `newest`. An older
    MeterValue changes no instantaneous value; its interval energy still counts, so the caller must not hand
    in the same sample twice. Registers of another series than the first one told never compare with it.
    """
    metering = session.metering
    doubt: Review | None = None
    if reading.register_wh is not None:
        followed = metering.series
        register_wh: int | None = reading.register_wh
        if followed and reading.series != followed:
            if _tells_more(reading.series, followed):
                doubt = Review.MISSING_REGISTER
            register_wh = reading.register_in(followed)
        if register_wh is not None and not newest and _contradicts(metering, register_wh, at):
            doubt = Review.METER_RESET
        if register_wh is not None and (newest or _is_newer(metering, register_wh, at)):
            totals, found = advance(session, register_wh, at, settings)
            doubt = found or doubt
            if totals is not metering:
                metering = totals if followed else replace(totals, series=reading.series)
    elif reading.interval_uwh is not None:
        metering = _add_interval(session, reading.interval_uwh)
    last = metering.last_sample_at
    if at is not None and last is not None and at < last:
        return metering, doubt
    return (
        Metering(
            energy_wh=metering.energy_wh,
            interval_rest_uwh=metering.interval_rest_uwh,
            register_wh=metering.register_wh,
            register_at=metering.register_at,
            series=metering.series,
            resets=metering.resets,
            power_w=metering.power_w if reading.power_w is None else reading.power_w,
            current_a=metering.current_a if reading.current_a is None else reading.current_a,
            voltage_v=metering.voltage_v if reading.voltage_v is None else reading.voltage_v,
            soc_percent=metering.soc_percent if reading.soc_percent is None else reading.soc_percent,
            last_sample_at=last if at is None else at,
        ),
        doubt,
    )


def register_at_end(session: Session, values: Iterable[Measured], at: datetime) -> tuple[int | None, bool]:
    """The register that a session ends with at `at`, and whether it is known to be that of the end.

    It is that which the end told (in `values`), or else that of a sample within ten seconds. Any other one is
    if the station said before it was read that no energy flowed any more, and nothing that it measured or
    said with the end contradicts that. None: none was ever told; then no energy may ever have flowed.
    """
    metering = session.metering
    register_wh, since = metering.register_wh, metering.register_at
    if register_wh is None:
        return None, _never_flowed(session)
    own = [m.reading for m in values if m.reading.ends or abs(at - m.at) <= REGISTER_WITHIN]
    told = [wh for one in own if (wh := one.register_in(metering.series)) is not None]
    explicit = [wh for one in own if one.ends and (wh := one.register_in(metering.series)) is not None]
    if told:
        return (explicit or told)[-1], True
    if since is None:
        return register_wh, False
    # A register that the end told and that cannot be read is not stood in for: it was another one.
    unreadable = any(one.register_wh is not None or one.unusable for one in own)
    if abs(at - since) <= REGISTER_WITHIN and not unreadable:
        return register_wh, True
    return register_wh, _is_idle(session) and session.period_at is not None and session.period_at <= since


def _is_idle(session: Session) -> bool:
    return session.charging is False and session.charging_state is not ChargingState.CHARGING


def _never_flowed(session: Session) -> bool:
    """Whether a session of which no register was told was idle from its beginning, by all that was told."""
    begun_by, idle_at = session.started_at + REGISTER_WITHIN, session.period_at
    unmeasured = session.metering.energy_wh == 0
    return unmeasured and _is_idle(session) and idle_at is not None and idle_at <= begun_by


def settle(
    session: Session, meter_stop_wh: int | None, at: datetime, settings: StationSettings
) -> tuple[Metering, list[Review]]:
    """The totals of a session that ended with this register value, and why its energy is in doubt.

    The registers at start and stop are what is billed by: their difference is the energy, to the Wh, whatever
    was sampled between. Samples that contradict it make a person look. None: no register was ever told, and
    the energy is what the intervals told; whether that is in doubt, the caller knows.
    """
    metering = session.metering
    if meter_stop_wh is None:
        return metering, []
    told = meter_stop_wh - session.meter_start_wh
    since = metering.register_at
    if told < -JITTER_WH:
        # Never back in time: a stop that is stamped before the last sample has its register all the same.
        totals, _ = advance(session, meter_stop_wh, at if since is None else max(at, since), settings)
        return totals, [Review.METER_RESET]
    told = max(told, 0)
    doubts: list[Review] = []
    if session.meter_start_wh < 0:
        doubts.append(Review.MISSING_REGISTER)  # no register of imports: a word for "not known"
    missed = told - metering.energy_wh
    possible = told <= _most(session, session.started_at, at, settings)
    stuck = not told and _power_told(session)
    if stuck or not possible or missed > _most(session, since, at, settings):
        doubts.append(Review.IMPLAUSIBLE_ENERGY)
    if missed < -JITTER_WH or metering.resets:
        doubts.append(Review.METER_RESET)
    if not told and missed < -JITTER_WH and _from_intervals(session):
        return metering, doubts
    return replace(metering, energy_wh=told, register_wh=meter_stop_wh, register_at=at), doubts


def _power_told(session: Session) -> bool:
    """Whether a session that charges to its last sample must by its power have delivered something."""
    metering, since = session.metering, session.period_at
    power_w, last = metering.power_w, metering.last_sample_at
    if not session.charging or power_w is None or since is None or last is None:
        return False
    return power_w * ((last - since) / timedelta(hours=1)) > MARGIN_WH


# --- charging state ----------------------------------------------------------------------------------------


def charging_state(before: bool | None, power_w: float | None, current_a: float | None) -> bool | None:
    """True charging, False idle, None unknown. Between the thresholds the state stays as it was."""
    if power_w is not None:
        value, on, off = power_w, CHARGING_FROM_W, IDLE_UP_TO_W
    elif current_a is not None:
        value, on, off = current_a, CHARGING_FROM_A, IDLE_UP_TO_A
    else:
        return before
    if value >= on:
        return True
    return False if value <= off else before


# --- rows --------------------------------------------------------------------------------------------------


def absorb(
    cp: ChargePoint, session: Session, values: Iterable[Measured], now: datetime
) -> tuple[Session, list[Change]]:
    """Folds MeterValues, oldest first, into a session and keeps each as a row.

    An open session's charging periods follow. One that has its stop keeps its totals.
    """
    changes: list[Change] = []
    if session.status is not SessionStatus.FINISHED:
        for measured in values:
            session = measure(cp, session, measured, now, changes)
        return session, changes
    held_open = closed_by_us(session)
    for measured in values:
        if held_open:
            session = _counted(cp, session, measured, now)
        late = measured.at < (session.metering.register_at or measured.at)
        changes.append(row(cp, session, session.metering, measured, now, late=late))
    return session, changes


def _totals(
    cp: ChargePoint, session: Session, measured: Measured, now: datetime
) -> tuple[Metering, datetime, str | None]:
    """The totals with `measured`, the time it counts at, and the session's review after it."""
    review = session.review
    at: datetime | None = measured.at
    if clock_is_wrong(measured.at, now):
        # The row keeps the station's time; the totals go on in the order told: 2099 would freeze them.
        at, review = None, held(review, Review.CLOCK_DRIFT)
    elif measured.in_order and session.metering.register_at is not None:
        at = max(measured.at, session.metering.register_at)
    totals, doubt = fold(session, measured.reading, at, cp.settings, newest=measured.in_order)
    first = session.metering.register_wh is None and totals.register_wh is not None
    if first and _begun_before(session, measured.reading, None if measured.in_order else at):
        doubt = Review.MISSING_REGISTER
    doubts = [Review.METER_RESET] if measured.disputed else []
    if doubt is not None:
        doubts.append(doubt)
    return totals, at or now, held(review, *doubts) if doubts else review


def _begun_before(session: Session, reading: Reading, at: datetime | None) -> bool:
    """Whether energy may have flowed between the beginning and the first register, told at `at`."""
    if reading.begins:
        return False
    begun_by = session.started_at + REGISTER_WITHIN
    if at is not None and at <= begun_by:
        return at < session.started_at - REGISTER_WITHIN
    if session.charging is not False or session.period_at is None or _flows(reading):
        return True
    return session.period_at > begun_by


def _flows(reading: Reading) -> bool:
    """Whether power, or else current, is more than an idle session's."""
    told = reading.power_w is not None or reading.current_a is not None
    return told and charging_state(None, reading.power_w, reading.current_a) is not False


def _idle_since(
    cp: ChargePoint, session: Session, metering: Metering, reading: Reading, at: datetime
) -> datetime | None:
    """Since when an idle session can be believed to be so, after one more MeterValue of `at`.

    None: what it measured contradicts it. The next MeterValue that does not begins anew.
    """
    before, since = session.metering, session.period_at
    if since is not None and at <= since:
        return since
    if _flows(reading) or _rose(cp, session, metering):
        return None
    if since is None and (reading.register_wh is not None or reading.power_w is not None):
        return max(at, before.register_at or at)
    return since


def _rose(cp: ChargePoint, session: Session, metering: Metering) -> bool:
    """Whether the register has risen by more than an idle session's power, since it is idle."""
    before, after = session.metering, metering
    if before.register_wh is None or after.register_wh is None or after.register_wh <= before.register_wh:
        return False
    if before.register_at is None or after.register_at is None:
        return True
    hours = (after.register_at - before.register_at) / timedelta(hours=1)
    allowed = 1 + int(IDLE_UP_TO_W * hours)  # 1: rounding
    if session.period_at is not None and before.register_at < session.period_at:
        # It was read before: what was delivered until then is in the rise.
        allowed += ceiling_wh(cp.settings, session.period_at - before.register_at)
    return after.register_wh - before.register_wh > allowed


def _counted(cp: ChargePoint, session: Session, measured: Measured, now: datetime) -> Session:
    totals, _, review = _totals(cp, session, measured, now)
    return replace(session, metering=totals, review=review)


def measure(
    cp: ChargePoint, session: Session, measured: Measured, now: datetime, changes: list[Change]
) -> Session:
    """Folds one MeterValue into an open session; its row and what it changes are added to `changes`.

    Where no message told the register at the start, the first one that is told is taken for it. Power judges
    whether it charges only where the charger does not say so itself.
    """
    newest = session.metering.last_sample_at
    metering, at, review = _totals(cp, session, measured, now)
    # A value that came late and left the totals alone must not be taken for the session's present state.
    changes.append(row(cp, session, metering, measured, now, late=metering is session.metering))
    charging, period_at = session.charging, session.period_at
    if session.charging_state is None and (newest is None or at > newest):
        charging = charging_state(charging, measured.reading.power_w, measured.reading.current_a)
        if charging is not session.charging and charging is not None:
            # What was before the first reading is taken to have been alike.
            first = newest is None
            period_at = session.started_at if first else max(at, period_at or at)
            energy_wh = 0 if first else metering.energy_wh
            changes += flipped(cp, session, charging, at=period_at, energy_wh=energy_wh, now=now)
    if charging and period_at is None:
        period_at = at  # loaded: since then at the latest
    if charging is False and session.charging is False:
        period_at = _idle_since(cp, session, metering, measured.reading, at)
    rebooted_at = session.rebooted_at
    if rebooted_at is not None and at > rebooted_at:
        rebooted_at = None
    meter_start_wh = session.meter_start_wh
    if session.metering.register_wh is None and metering.register_wh is not None:
        meter_start_wh = metering.register_wh
    return replace(
        session,
        metering=metering,
        meter_start_wh=meter_start_wh,
        charging=charging,
        period_at=period_at,
        review=review,
        rebooted_at=rebooted_at,
    )


def flipped(
    cp: ChargePoint, session: Session, charging: bool, *, at: datetime, energy_wh: int, now: datetime
) -> tuple[ChargingPeriodOpened, Change]:
    """The period that begins when an open session starts or stops to charge, and the news of it."""
    state: Literal["charging", "idle"] = "charging" if charging else "idle"
    previous: Literal["charging", "idle"] = "idle" if charging else "charging"
    period = ChargingPeriodOpened(
        session_id=session.id, started_at=at, charging_state=state, energy_wh=energy_wh
    )
    news = ChargingPeriodChanged(
        session_id=session.id,
        charge_point_id=cp.id,
        evse_number=session.evse_number,
        previous_state=None if session.charging is None else previous,
        current_state=state,
        last_updated_at=now,
    )
    return period, publish(news, f"session:{session.id}", cp.operator_id, now)


def row(
    cp: ChargePoint,
    session: Session,
    metering: Metering,
    measured: Measured,
    now: datetime,
    *,
    late: bool = False,
) -> MeterValueAdded:
    """The row of one MeterValue of `session`, with the session's totals beside it.

    A `late` one, which changed no total, has its own values there and no energy.
    """
    beside = measured.reading if late else metering
    register_at = None if metering.register_wh is None else metering.register_at or NO_TIME
    sampled_at = metering.last_sample_at or NO_TIME
    return MeterValueAdded(
        charge_point_id=cp.id,
        session_id=session.id,
        evse_number=session.evse_number,
        timestamp=measured.at,
        received_at=now,
        sample_key=sample_key(measured.reading, session.id),
        energy_wh=None if late else metering.energy_wh,
        register_wh=beside.register_wh,
        resets=metering.resets,
        power_w=beside.power_w,
        current_a=beside.current_a,
        voltage_v=beside.voltage_v,
        soc_percent=beside.soc_percent,
        samples=measured.samples,
        register_at=None if late or register_at == measured.at else register_at,
        sampled_at=None if late or sampled_at == measured.at else sampled_at,
        register_series=0 if late else metering.series,
    )


def loose_row(cp: ChargePoint, evse_number: int, measured: Measured, now: datetime) -> MeterValueAdded:
    """The row of a MeterValue that belongs to no session (clock-aligned values, unknown transactions)."""
    reading = measured.reading
    return MeterValueAdded(
        charge_point_id=cp.id,
        session_id=None,
        evse_number=evse_number,
        timestamp=measured.at,
        received_at=now,
        sample_key=sample_key(reading, -evse_number),
        energy_wh=None,
        register_wh=reading.register_wh,
        resets=0,
        power_w=reading.power_w,
        current_a=reading.current_a,
        voltage_v=reading.voltage_v,
        soc_percent=reading.soc_percent,
        samples=measured.samples,
    )


def sample_key(reading: Reading, owner: int) -> int:
    """62-bit fingerprint of a MeterValue's samples within `owner`: a session id, or minus an EVSE number."""
    fingerprint: int = reading.fingerprint ^ (owner * _SPREAD & FINGERPRINT)
    return fingerprint
