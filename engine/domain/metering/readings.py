"""What a station has measured, as it is kept: MeterValues without what was told before, and their rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence, Set
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from engine.domain.changes import Change, Json, MeterValueAdded, MeterValueCounted, SessionMeasured
from engine.domain.state import ChargePoint, Frozen, Metering, Session
from ext.metering import FINGERPRINT, Reading, kind_of

_SPREAD: Final = 0x9E3779B97F4A7C15  # odd, so that different sessions give different keys
_encode = msgspec.json.Encoder().encode


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
    samples: Json
    in_order: bool = False
    disputed: bool = False


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
            fresh.append(Measured(at=at, reading=reading, samples=Json(_encode(own)), disputed=disputed))
    return fresh


def row(
    cp: ChargePoint,
    session: Session,
    metering: Metering,
    measured: Measured,
    now: datetime,
    *,
    late: bool = False,
    kind: type[MeterValueAdded] = MeterValueAdded,
) -> MeterValueAdded:
    """The row of one MeterValue of `session`, with the session's totals by then beside it.

    A `late` one, which changed no total, has its own values there and no energy.
    """
    beside = measured.reading if late else metering
    return kind(
        charge_point_id=cp.id,
        session_id=session.id,
        evse_number=session.evse_number,
        timestamp=measured.at,
        received_at=now,
        sample_key=sample_key(measured.reading, session.id),
        energy_wh=None if late else metering.energy_wh,
        register_wh=beside.register_wh,
        power_w=beside.power_w,
        current_a=beside.current_a,
        voltage_v=beside.voltage_v,
        soc_percent=beside.soc_percent,
        samples=measured.samples,
    )


def rows(
    cp: ChargePoint, session: Session, metering: Metering, measured: Measured, now: datetime
) -> list[Change]:
    """The row of a MeterValue that has moved the totals of `session` to `metering`, and theirs."""
    before, at = session.metering, measured.at
    if (
        before.last_sample_at is not None  # so there is a row of totals
        and before.series == metering.series
        and before.resets == metering.resets
        and metering.register_at == at
        and metering.last_sample_at == at
    ):
        return [row(cp, session, metering, measured, now, kind=MeterValueCounted)]
    return [row(cp, session, metering, measured, now), totals(session.id, metering)]


def totals_moved(before: Session, after: Session) -> list[Change]:
    """The row of a session's totals, if they have changed."""
    moved = after.metering is not before.metering and after.metering != before.metering
    return [totals(after.id, after.metering)] if moved else []


def totals(session_id: int, metering: Metering) -> SessionMeasured:
    """The row of a session's totals."""
    return SessionMeasured(
        session_id=session_id,
        energy_wh=metering.energy_wh,
        register_wh=metering.register_wh,
        register_at=metering.register_at,
        register_series=metering.series,
        resets=metering.resets,
        power_w=metering.power_w,
        current_a=metering.current_a,
        voltage_v=metering.voltage_v,
        soc_percent=metering.soc_percent,
        sampled_at=metering.last_sample_at,
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
