"""The energy of a session while it runs: what the register shows above its value at the start.

Registers count by their own time stamps, so a value that arrives late or twice leaves the totals alone. A
value that contradicts those before it makes the energy doubtful; no value is refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from engine.domain.plausibility import MARGIN_WH, ceiling_wh
from engine.domain.session.review import Review
from engine.domain.state import Metering, Session, StationSettings
from ext.metering import JITTER_WH, Reading, whole_units

RESTARTS_BELOW: Final = 10  # a register that starts anew shows less than this part of what it did
_COMPLETE: Final = (1, 14)  # phases of a register that has all the energy: as one, or each of three


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
    metering, doubt = _energy(session, reading, at, settings, newest=newest)
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


def _energy(
    session: Session, reading: Reading, at: datetime | None, settings: StationSettings, *, newest: bool
) -> tuple[Metering, Review | None]:
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
    return metering, doubt


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
    small = -JITTER_WH <= gained <= MARGIN_WH
    step = MARGIN_WH if small else possible_wh(session, metering.register_at, at, settings)
    if fell and 0 <= register_wh <= step and register_wh * RESTARTS_BELOW <= before:
        return _moved(metering, register_wh, at, metering.energy_wh + register_wh, restarted=True)
    possible = told <= MARGIN_WH or told <= possible_wh(session, session.started_at, at, settings)
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
    if not told and from_intervals(session):
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


def possible_wh(
    session: Session, since: datetime | None, at: datetime | None, settings: StationSettings
) -> int:
    """The most energy between two times; where the clock cannot be trusted, the most of a session."""
    if since is None or at is None or Review.CLOCK_DRIFT in session.review:
        return settings.max_session_wh
    return ceiling_wh(settings, at - since)


def from_intervals(session: Session) -> bool:
    """Whether the energy so far came from intervals: registers would have moved together with it."""
    metering = session.metering
    unmoved = metering.register_wh is None or metering.register_wh == session.meter_start_wh
    return unmoved and metering.energy_wh > 0 and not metering.resets


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
