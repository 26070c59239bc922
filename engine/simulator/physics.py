"""The physical side of charging, without any protocol: stations, cars, batteries, meters and the power
between them.

Times are simulated seconds as floats, energy Wh, power W. Integration runs on a fixed grid of one second, so
what happens does not depend on how often somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final, Literal, NamedTuple

import msgspec

STEP: Final = 1.0  # seconds of integration
MAINS_VOLTS: Final = 230.0
LEAST_AC_AMPS: Final = 6.0  # IEC 61851-1: a smaller current cannot be offered
LEAST_DC_WATTS: Final = 500.0
TAPER_FROM: Final = 0.8  # state of charge above which a battery takes less and less
TAPER_FLOOR: Final = 0.06
UNLIMITED: Final = float("inf")

Flow = Literal["none", "charging", "ev", "evse"]  # "ev" and "evse": who holds the current back


class Hardware(msgspec.Struct, frozen=True):
    """One charging station model. `max_amps` is per phase for AC and of the output for DC."""

    vendor: str
    model: str
    current: Literal["AC", "DC"]
    connectors: int
    phases: int
    max_amps: float
    max_watts: float


CATALOGUE: Final = (
    Hardware("Ampelwerk", "Wall 3.7", "AC", 1, 1, 16.0, 3_700.0),
    Hardware("Ampelwerk", "Post 11 Duo", "AC", 2, 3, 16.0, 11_000.0),
    Hardware("Nordlade", "Post 22 Duo", "AC", 2, 3, 32.0, 22_000.0),
    Hardware("Nordlade", "Quick 50", "DC", 1, 3, 125.0, 50_000.0),
    Hardware("Voltaris", "Hyper 150", "DC", 2, 3, 400.0, 150_000.0),
)


class Car(msgspec.Struct, frozen=True):
    """One car model; `dc_volts` is the battery's voltage when empty and when full."""

    name: str
    capacity_wh: float
    ac_phases: int
    ac_amps: float
    dc_watts: float
    dc_volts: tuple[float, float]
    iso15118: bool = False  # talks over the AC cable too, and so tells its state of charge


CARS: Final = (
    Car("city", 36_800.0, 1, 32.0, 40_000.0, (300.0, 385.0)),
    Car("compact", 58_000.0, 3, 16.0, 120_000.0, (320.0, 405.0)),
    Car("saloon", 82_000.0, 3, 16.0, 170_000.0, (330.0, 410.0), True),
    Car("tourer", 93_000.0, 3, 32.0, 260_000.0, (610.0, 800.0), True),
    Car("plug-in hybrid", 12_000.0, 1, 16.0, 3_600.0, (260.0, 340.0)),
)


class Battery:
    """The battery of one car on one visit. It accepts energy up to `full`, the share its driver has set."""

    EFFICIENCY: Final = {"AC": 0.90, "DC": 0.95}

    def __init__(self, car: Car, soc: float, full: float = 1.0) -> None:
        self.car = car
        self.full = full
        self._stored = car.capacity_wh * soc

    @property
    def soc(self) -> float:
        """State of charge, 0–1."""
        return self._stored / self.car.capacity_wh

    @property
    def satisfied(self) -> bool:
        return self.soc >= self.full - 1e-9

    def appetite(self) -> float:
        """Share of the car's greatest power that the battery takes now."""
        if self.soc <= TAPER_FROM:
            return 1.0
        return max(TAPER_FLOOR, 1.0 - (self.soc - TAPER_FROM) / (1.0 - TAPER_FROM))

    def room(self, current: Literal["AC", "DC"]) -> float:
        """Energy at the meter that still fits, Wh."""
        return max(0.0, self.car.capacity_wh * self.full - self._stored) / self.EFFICIENCY[current]

    def store(self, metered_wh: float, current: Literal["AC", "DC"]) -> None:
        self._stored = min(
            self._stored + metered_wh * self.EFFICIENCY[current], self.car.capacity_wh * self.full
        )


class Meter:
    """A calibrated register: it only ever grows, and it survives reboots."""

    def __init__(self, wh: float) -> None:
        self._wh = wh

    @property
    def register(self) -> int:
        """Whole Wh, as the display shows them."""
        return int(self._wh)

    def add(self, wh: float) -> None:
        if wh < 0:
            raise ValueError("an import register cannot run backwards")
        self._wh += wh


class Ceiling(NamedTuple):
    """What smart charging allows now; amps per phase for AC. All three hold at once."""

    amps: float = UNLIMITED
    watts: float = UNLIMITED
    phases: int = 3


class Reading(NamedTuple):
    """What the meter shows at one moment. Volts and amps by phase; one entry each for DC."""

    energy_wh: int
    power_w: float
    offered_w: float
    volts: tuple[float, ...]
    amps: tuple[float, ...]
    soc: float | None
    temperature: float


class Outlet:
    """One connector's power path: contactor, cable, meter and what the car draws.

    `ceiling(elapsed)` is asked at every step. The holder calls `advance` before it changes anything here.
    """

    def __init__(
        self,
        hardware: Hardware,
        meter: Meter,
        noise: Random,
        ceiling: Callable[[float], Ceiling] | None = None,
    ) -> None:
        self.hardware = hardware
        self.meter = meter
        self.battery: Battery | None = None
        self.closed = False  # the contactor
        self._noise = noise
        self._ceiling = ceiling or (lambda _elapsed: Ceiling())
        self._at = 0.0
        self._mains = [MAINS_VOLTS] * hardware.phases

    def advance(self, to: float) -> None:
        """Integrate all whole steps up to `to`."""
        battery, current = self.battery, self.hardware.current
        if battery is None or not self.closed:
            self._at = max(self._at, to // STEP * STEP)
            return
        while self._at + STEP <= to:
            self._wobble()
            power = self._draw(battery, *self._offer(battery, self._at))
            wh = min(power * STEP / 3600.0, battery.room(current))
            self.meter.add(wh)
            battery.store(wh, current)
            self._at += STEP

    def flow(self, at: float) -> Flow:
        """Whether current flows, and if not, whose doing it is."""
        if self.battery is None:
            return "none"
        if not self.closed or self._offer(self.battery, at)[1] <= 0.0:
            return "evse"
        return "ev" if self.battery.satisfied else "charging"

    def read(self, at: float) -> Reading:
        """The meter's display at `at`, after `advance(at)`."""
        battery = self.battery
        if battery is None:
            return Reading(
                self.meter.register, 0.0, 0.0, tuple(self._mains), (0.0,) * len(self._mains), None, 22.0
            )
        volts, allowed = self._offer(battery, at)
        power = self._draw(battery, volts, allowed) if self.closed else 0.0
        heat = 22.0 + 25.0 * power / self.hardware.max_watts
        tells = battery.car.iso15118 or self.hardware.current == "DC"
        soc = round(battery.soc * 100.0, 1) if tells else None
        each = power / sum(volts)
        if self.hardware.current == "DC":
            return Reading(self.meter.register, power, allowed, volts, (each,), soc, heat)
        amps = (each,) * len(volts) + (0.0,) * (len(self._mains) - len(volts))
        return Reading(self.meter.register, power, allowed, tuple(self._mains), amps, soc, heat)

    def _offer(self, battery: Battery, at: float) -> tuple[tuple[float, ...], float]:
        """Voltages of the phases in use, and the power offered: 0 W where it is less than can be."""
        hardware, ceiling = self.hardware, self._ceiling(at)
        if hardware.current == "DC":
            empty, full = battery.car.dc_volts
            volts: tuple[float, ...] = (empty + (full - empty) * battery.soc,)
            least = LEAST_DC_WATTS
        else:
            used = max(1, min(hardware.phases, battery.car.ac_phases, ceiling.phases))
            volts = tuple(self._mains[:used])
            least = LEAST_AC_AMPS * sum(volts)
        watts = min(hardware.max_watts, ceiling.watts, min(hardware.max_amps, ceiling.amps) * sum(volts))
        return volts, watts if watts >= least else 0.0

    def _draw(self, battery: Battery, volts: tuple[float, ...], allowed: float) -> float:
        """What the car takes of the power it is offered."""
        if battery.satisfied:
            return 0.0
        car = battery.car
        greatest = car.dc_watts if self.hardware.current == "DC" else car.ac_amps * sum(volts)
        return min(allowed, greatest * battery.appetite())

    def _wobble(self) -> None:
        """Mains voltage wanders a little around its nominal value (EN 50160 allows ±10 %)."""
        noise = self._noise.random
        self._mains = [volts + 0.05 * (MAINS_VOLTS - volts) + 0.9 * (noise() - 0.5) for volts in self._mains]
