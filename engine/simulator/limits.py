"""Smart charging as a charger does it: stored profiles, which of them leads, and the ceiling that follows. No
protocol.

The rules are those that OCPP 1.6 §3.13 and 2.x K share: within a purpose the highest stack level that has an
active period leads; a transaction's profile replaces the default; the station's maximum holds above both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

import msgspec

from engine.simulator.physics import MAINS_VOLTS, UNLIMITED, Ceiling, Hardware

Unit = Literal["A", "W"]
Purpose = Literal["station", "default", "transaction"]
Kind = Literal["absolute", "recurring", "relative"]
NOMINAL_DC_VOLTS: Final = 400.0


class Period(msgspec.Struct, frozen=True):
    """From `start` seconds into the schedule: at most `limit` (A per phase, or W) on so many phases."""

    start: int
    limit: float
    phases: int = 3


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One charging profile. `every` is the length of a recurrence; `transaction` binds it to one session;
    `source` is the message it came in, where that is to be told again.
    """

    id: int
    stack: int
    purpose: Purpose
    kind: Kind
    unit: Unit
    periods: tuple[Period, ...]
    begin: datetime | None = None
    duration: int | None = None
    every: timedelta | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    transaction: int | str | None = None
    source: Any = None

    def period(self, at: datetime, session_began: datetime | None) -> Period | None:
        """The period in force at `at`, or None where this profile says nothing."""
        if (self.valid_from and at < self.valid_from) or (self.valid_to and at >= self.valid_to):
            return None
        begin = self.started(at, session_began)
        if begin is None or at < begin:
            return None
        offset = (at - begin).total_seconds()
        if self.duration is not None and offset >= self.duration:
            return None
        return next((period for period in reversed(self.periods) if period.start <= offset), None)

    def started(self, at: datetime, session_began: datetime | None) -> datetime | None:
        """When the schedule that covers `at` began."""
        if self.kind == "relative" or self.begin is None:
            return session_began or self.valid_from
        if self.every is not None and at >= self.begin:
            return self.begin + (at - self.begin) // self.every * self.every
        return self.begin

    def edges(self, since: datetime, until: datetime, session_began: datetime | None) -> Iterator[datetime]:
        """Moments between the two at which `period` may change."""
        yield from (edge for edge in (self.valid_from, self.valid_to) if edge)
        begin = self.started(since, session_began)
        while begin is not None and begin < until:
            yield from (begin + timedelta(seconds=period.start) for period in self.periods)
            if self.duration is not None:
                yield begin + timedelta(seconds=self.duration)
            begin = begin + self.every if self.every else None


class Slot(NamedTuple):
    """A stored profile; connector 0 stands for the whole station."""

    connector: int
    profile: Profile


class Profiles:
    """The profiles that one station holds, by id."""

    def __init__(self, hardware: Hardware) -> None:
        self._hardware = hardware
        self._slots: dict[int, Slot] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def slots(self) -> list[Slot]:
        return sorted(self._slots.values(), key=lambda slot: slot.connector)

    def slot(self, id_: int) -> Slot | None:
        return self._slots.get(id_)

    def install(self, connector: int, profile: Profile) -> None:
        """Store it in place of one with its id, or with its place in the stack. OCPP 1.6 §5.16.1"""
        place = (connector, profile.purpose, profile.stack)
        self._slots = {
            id_: slot
            for id_, slot in self._slots.items()
            if id_ != profile.id and (slot.connector, slot.profile.purpose, slot.profile.stack) != place
        }
        self._slots[profile.id] = Slot(connector, profile)

    def clear(
        self,
        id_: int | None = None,
        connector: int | None = None,
        purpose: Purpose | None = None,
        stack: int | None = None,
    ) -> int:
        """Remove what fits every criterion given (an id stands alone) and tell how many that were."""

        def fits(slot: Slot) -> bool:
            if id_ is not None:
                return slot.profile.id == id_
            return (
                (connector is None or slot.connector == connector)
                and (purpose is None or slot.profile.purpose == purpose)
                and (stack is None or slot.profile.stack == stack)
            )

        before = len(self._slots)
        self._slots = {key: slot for key, slot in self._slots.items() if not fits(slot)}
        return before - len(self._slots)

    def ceiling(
        self, connector: int, at: datetime, session_began: datetime | None, sharing: int = 1
    ) -> Ceiling:
        """What holds for a connector; the station's maximum is split evenly between `sharing` sessions."""
        own = self._leading("transaction", (connector,), at, session_began)
        own = own or self._leading("default", (connector,), at, session_began)
        own = own or self._leading("default", (0,), at, session_began)
        station = self._leading("station", (0,), at, session_began)
        amps, watts, phases = UNLIMITED, UNLIMITED, 3
        for found, share in ((own, 1), (station, max(1, sharing))):
            if found is not None:
                unit, period = found
                amps = min(amps, period.limit / share) if unit == "A" else amps
                watts = min(watts, period.limit / share) if unit == "W" else watts
                phases = min(phases, period.phases)
        return Ceiling(amps, watts, phases)

    def composite(
        self, connector: int, since: datetime, seconds: int, unit: Unit, session_began: datetime | None
    ) -> list[Period]:
        """The schedule that all profiles together make, in one unit, rounded down to tenths. OCPP 1.6 §5.7"""
        until = since + timedelta(seconds=seconds)
        edges = {since}
        for slot in self._slots.values():
            edges.update(e for e in slot.profile.edges(since, until, session_began) if since <= e < until)
        periods: list[Period] = []
        for edge in sorted(edges):
            ceiling = self.ceiling(connector, edge, session_began)
            limit = int(self._expressed(ceiling, unit) * 10.0 + 1e-6) / 10.0
            phases = min(self._hardware.phases, ceiling.phases)
            if not periods or (periods[-1].limit, periods[-1].phases) != (limit, phases):
                periods.append(Period(int((edge - since).total_seconds()), limit, phases))
        return periods

    def _leading(
        self, purpose: Purpose, connectors: tuple[int, ...], at: datetime, session_began: datetime | None
    ) -> tuple[Unit, Period] | None:
        best: tuple[int, Unit, Period] | None = None
        for connector, profile in self._slots.values():
            if (
                profile.purpose == purpose
                and connector in connectors
                and (best is None or profile.stack > best[0])
            ):
                period = profile.period(at, session_began)
                if period is not None:
                    best = (profile.stack, profile.unit, period)
        return best[1:] if best else None

    def _expressed(self, ceiling: Ceiling, unit: Unit) -> float:
        """The ceiling and the hardware's own, in one unit."""
        hardware = self._hardware
        volts = (
            NOMINAL_DC_VOLTS
            if hardware.current == "DC"
            else MAINS_VOLTS * min(hardware.phases, ceiling.phases)
        )
        watts = min(ceiling.watts, hardware.max_watts, min(ceiling.amps, hardware.max_amps) * volts)
        return watts if unit == "W" else watts / volts


PURPOSES: Final[Mapping[str, Purpose]] = {
    "ChargePointMaxProfile": "station",
    "ChargingStationMaxProfile": "station",
    "TxDefaultProfile": "default",
    "TxProfile": "transaction",
}
