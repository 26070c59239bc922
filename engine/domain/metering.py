"""How meter values change a session: its running totals, its charging state, and the rows that are kept.

The numbers come from `ext.metering`; which message brought them, and for which session, is decided elsewhere.
Registers count by their own time stamps, so a value that arrives late or twice leaves the totals alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from msgspec.structs import replace

from engine.domain.changes import Change, ChargingPeriodOpened, MeterValueAdded
from engine.domain.notifications import Notification, publish
from engine.domain.plausibility import Review, clock_is_wrong, closed_by_us, energy_ceiling_wh, held
from engine.domain.state import ChargePoint, Frozen, Metering, Session, SessionStatus
from ext.metering import FINGERPRINT, Reading, kind_of, whole_units

JITTER_WH: Final = 10  # a register may seem to fall by this much between two roundings; more is a reset

# Hysteresis of the charging state: standby loads and noise must not open and close periods.
CHARGING_FROM_W: Final = 100.0
IDLE_UP_TO_W: Final = 50.0
CHARGING_FROM_A: Final = 0.5  # for stations that report no power
IDLE_UP_TO_A: Final = 0.25

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
    """One MeterValue: its time, what it says, and its samples as received (a JSON array)."""

    at: datetime
    reading: Reading
    samples: str


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


# --- totals ------------------------------------------------------------------------------------------------


def _from_intervals(metering: Metering, meter_start_wh: int) -> bool:
    """Whether the energy so far came from intervals: registers would have moved together with it."""
    unmoved = metering.register_wh is None or metering.register_wh == meter_start_wh
    return unmoved and metering.energy_wh > 0 and not metering.resets


def advance(
    metering: Metering, register_wh: int, at: datetime, meter_start_wh: int, max_power_w: int
) -> tuple[Metering, Review | None]:
    """`metering` with a newer register value, and why it is in doubt.

    A jump beyond what the station can deliver is not adopted. A fall beyond jitter is a reset: the energy
    goes on, and what the register shows since counts where it is plausible.
    """
    if metering.register_wh is None or metering.register_at is None:
        return replace(metering, register_wh=register_wh, register_at=at), None
    gained = register_wh - metering.register_wh
    ceiling = energy_ceiling_wh(max_power_w, at - metering.register_at)
    if gained > ceiling:
        return metering, Review.IMPLAUSIBLE_ENERGY
    if gained >= 0:
        if gained and _from_intervals(metering, meter_start_wh):
            # The register is exact where intervals were rounded: it replaces their sum.
            metering = replace(metering, energy_wh=0, interval_rest_uwh=0)
        return (
            replace(metering, energy_wh=metering.energy_wh + gained, register_wh=register_wh, register_at=at),
            None,
        )
    if gained >= -JITTER_WH:
        return replace(metering, register_at=at), None
    plausible = 0 <= register_wh <= ceiling
    return (
        replace(
            metering,
            energy_wh=metering.energy_wh + (register_wh if plausible else 0),
            register_wh=register_wh,
            register_at=at,
            resets=metering.resets + 1,
        ),
        None if plausible else Review.METER_RESET,
    )


def _add_interval(metering: Metering, interval_uwh: int, meter_start_wh: int) -> Metering:
    unmoved = metering.register_wh is None or metering.register_wh == meter_start_wh
    if interval_uwh <= 0 or metering.resets or not unmoved:
        return metering  # the registers tell the same energy
    total = metering.energy_wh * 1_000_000 + metering.interval_rest_uwh + interval_uwh
    energy_wh = whole_units(total)
    return replace(metering, energy_wh=energy_wh, interval_rest_uwh=total - energy_wh * 1_000_000)


def fold(
    metering: Metering, reading: Reading, at: datetime, meter_start_wh: int, max_power_w: int
) -> tuple[Metering, Review | None]:
    """`metering` with the MeterValue of that time folded in, and why its energy is in doubt.

    A MeterValue older than the newest one changes no instantaneous value; its interval energy still counts,
    so the caller must not hand in the same sample twice.
    """
    doubt: Review | None = None
    if reading.register_wh is not None:
        if metering.register_at is None or at > metering.register_at:
            metering, doubt = advance(metering, reading.register_wh, at, meter_start_wh, max_power_w)
    elif reading.interval_uwh is not None:
        metering = _add_interval(metering, reading.interval_uwh, meter_start_wh)
    if metering.last_sample_at is not None and at < metering.last_sample_at:
        return metering, doubt
    return (
        Metering(
            energy_wh=metering.energy_wh,
            interval_rest_uwh=metering.interval_rest_uwh,
            register_wh=metering.register_wh,
            register_at=metering.register_at,
            resets=metering.resets,
            power_w=metering.power_w if reading.power_w is None else reading.power_w,
            current_a=metering.current_a if reading.current_a is None else reading.current_a,
            voltage_v=metering.voltage_v if reading.voltage_v is None else reading.voltage_v,
            soc_percent=metering.soc_percent if reading.soc_percent is None else reading.soc_percent,
            last_sample_at=at,
        ),
        doubt,
    )


def settle(
    session: Session, meter_stop_wh: int, at: datetime, max_power_w: int
) -> tuple[Metering, Review | None]:
    """The totals of a session that ended with this register value, and why its energy is in doubt.

    Where start and stop agree with what was sampled between, their difference is the energy, to the Wh.
    """
    metering = session.metering
    told = meter_stop_wh - session.meter_start_wh
    since = at - (metering.register_at or session.started_at)
    consistent = told >= 0 and told >= metering.energy_wh - JITTER_WH
    if metering.resets:
        # A register that restarts with each session and then ends on the station's total looks like a reset.
        consistent = consistent and told - metering.energy_wh <= energy_ceiling_wh(max_power_w, since)
    if not consistent:
        return advance(
            metering, meter_stop_wh, max(at, metering.register_at or at), session.meter_start_wh, max_power_w
        )
    whole = energy_ceiling_wh(max_power_w, at - session.started_at)
    doubt = Review.IMPLAUSIBLE_ENERGY if told > whole else None
    if not told and _from_intervals(metering, session.meter_start_wh):
        return metering, doubt
    return replace(metering, energy_wh=told, register_wh=meter_stop_wh, register_at=at), doubt


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
    at, review = measured.at, session.review
    if clock_is_wrong(at, now):
        # The row keeps the station's time; the totals go by ours: a stamp of 2099 would freeze them.
        at, review = now, held(review, Review.CLOCK_DRIFT)
    totals, doubt = fold(
        session.metering, measured.reading, at, session.meter_start_wh, cp.settings.max_power_w
    )
    return totals, at, review if doubt is None else held(review, doubt)


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
