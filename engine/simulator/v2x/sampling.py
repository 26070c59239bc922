"""Readings as OCPP 2.x meter values, as plain documents. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from engine.simulator.physics import MAINS_VOLTS, Flow, Hardware, Reading

KWH_VENDORS: Final = frozenset({"Nordlade"})  # their registers count in kWh
KILO_VENDORS: Final = frozenset({"Voltaris"})  # … and those give power with a multiplier
ENERGY: Final = "Energy.Active.Import.Register"
CHARGING_STATES: Final[dict[Flow, str]] = {
    "charging": "Charging",
    "ev": "SuspendedEV",
    "evse": "SuspendedEVSE",
    "none": "EVConnected",
}


def meter_value(
    hardware: Hardware, reading: Reading, measurands: Iterable[str], at: datetime, context: str
) -> dict[str, Any]:
    """One meter value with what was asked for and can be read; never without the energy register."""
    wanted = list(measurands)
    if ENERGY not in wanted:
        wanted.insert(0, ENERGY)
    samples = [sample for name in wanted for sample in _samples(name, hardware, reading)]
    return {"timestamp": at, "sampledValue": [{**sample, "context": context} for sample in samples]}


def _samples(name: str, hardware: Hardware, reading: Reading) -> Iterator[dict[str, Any]]:
    def one(value: float, unit: str, multiplier: int = 0, **more: Any) -> dict[str, Any]:
        measure = {"unit": unit, **({"multiplier": multiplier} if multiplier else {})}
        return {"value": value, "measurand": name, "unitOfMeasure": measure, "location": "Outlet", **more}

    phases = list(zip(("L1", "L2", "L3"), reading.volts, reading.amps, strict=False))
    match name:
        case "Energy.Active.Import.Register" if hardware.vendor in KWH_VENDORS:
            yield one(reading.energy_wh / 1000, "kWh")
        case "Energy.Active.Import.Register":
            yield one(float(reading.energy_wh), "Wh")
        case "Power.Active.Import" if hardware.vendor in KILO_VENDORS:
            yield one(round(reading.power_w / 1000, 4), "W", 3)
        case "Power.Active.Import":
            yield one(round(reading.power_w, 1), "W")
        case "Power.Offered":
            yield one(round(reading.offered_w, 1), "W")
        case "Current.Offered":
            volts = sum(reading.volts) or MAINS_VOLTS
            yield one(round(reading.offered_w / volts, 1), "A")
        case "Current.Import" if hardware.current == "DC":
            yield one(round(reading.amps[0], 2), "A")
        case "Current.Import":
            for phase, _, amps in phases:
                yield one(round(amps, 2), "A", phase=phase)
        case "Voltage" if hardware.current == "DC":
            yield one(round(reading.volts[0], 1), "V")
        case "Voltage":
            for phase, volts, _ in phases:
                yield one(round(volts, 1), "V", phase=f"{phase}-N")
        case "SoC" if reading.soc is not None:
            yield one(round(reading.soc, 1), "Percent", location="EV")
        case _:
            return
