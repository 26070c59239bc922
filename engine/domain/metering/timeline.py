"""Charging periods: when a session charged and when it idled, and since when it is believed to idle."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from engine.domain.changes import Change, ChargingPeriodOpened
from engine.domain.notifications import Notification, publish
from engine.domain.plausibility import ceiling_wh, settings_of
from engine.domain.state import ChargePoint, Metering, Session
from engine.domain.vocabulary import ChargingState
from ext.metering import Reading

# Hysteresis of the charging state: standby loads and noise must not open and close periods.
CHARGING_FROM_W: Final = 100.0
IDLE_UP_TO_W: Final = 50.0
CHARGING_FROM_A: Final = 0.5  # for stations that report no power
IDLE_UP_TO_A: Final = 0.25

REGISTER_WITHIN: Final = timedelta(seconds=10)  # of the begin and the end, for a register to be theirs


class ChargingPeriodChanged(Notification, frozen=True, kw_only=True, tag="session.chargingPeriod.changed"):
    session_id: int
    charge_point_id: int
    evse_number: int
    previous_state: Literal["charging", "idle"] | None
    current_state: Literal["charging", "idle"]
    last_updated_at: datetime


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


def is_idle(session: Session) -> bool:
    """Whether no energy flows, by what is measured and by what the charger says."""
    return session.charging is False and session.charging_state is not ChargingState.CHARGING


def flows(reading: Reading) -> bool:
    """Whether power, or else current, is more than an idle session's."""
    told = reading.power_w is not None or reading.current_a is not None
    return told and charging_state(None, reading.power_w, reading.current_a) is not False


def idle_since(
    cp: ChargePoint, session: Session, metering: Metering, reading: Reading, at: datetime
) -> datetime | None:
    """Since when an idle session can be believed to be so, after one more MeterValue of `at`.

    None: what it measured contradicts it. The next MeterValue that does not begins anew.
    """
    before, since = session.metering, session.period_at
    if since is not None and at <= since:
        return since
    if flows(reading) or _rose(cp, session, metering):
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
        settings = settings_of(cp, session.evse_number)
        allowed += ceiling_wh(settings, session.period_at - before.register_at)
    return after.register_wh - before.register_wh > allowed
