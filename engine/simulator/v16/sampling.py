"""Readings as OCPP 1.6 meter values. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final, Literal

from engine.ocpp.messages.v16 import MeterValue, SampledValue
from engine.simulator.physics import MAINS_VOLTS, Hardware, Reading

Context = Literal[
    "Interruption.Begin",
    "Interruption.End",
    "Sample.Clock",
    "Sample.Periodic",
    "Transaction.Begin",
    "Transaction.End",
    "Trigger",
    "Other",
]
KWH_VENDORS: Final = frozenset({"Nordlade"})  # their registers count in kWh
ENERGY: Final = "Energy.Active.Import.Register"
_PHASES: Final[tuple[Literal["L1", "L2", "L3"], ...]] = ("L1", "L2", "L3")
_PHASES_N: Final[tuple[Literal["L1-N", "L2-N", "L3-N"], ...]] = ("L1-N", "L2-N", "L3-N")


def meter_value(
    hardware: Hardware, reading: Reading, measurands: Iterable[str], at: datetime, context: Context
) -> MeterValue:
    """One meter value with what was asked for and can be read; never without the energy register."""
    wanted = list(measurands)
    if ENERGY not in wanted:
        wanted.insert(0, ENERGY)
    return MeterValue(
        timestamp=at,
        sampled_value=[sample for name in wanted for sample in _samples(name, hardware, reading, context)],
    )


def _samples(name: str, hardware: Hardware, reading: Reading, context: Context) -> Iterator[SampledValue]:
    def one(value: str, **more: Any) -> SampledValue:
        return SampledValue(value=value, context=context, format="Raw", **more)

    outlet: dict[str, Any] = {"measurand": name, "location": "Outlet"}
    match name:
        case "Energy.Active.Import.Register" if hardware.vendor in KWH_VENDORS:
            yield one(f"{reading.energy_wh / 1000:.3f}", **outlet, unit="kWh")
        case "Energy.Active.Import.Register":
            yield one(str(reading.energy_wh), **outlet, unit="Wh")
        case "Power.Active.Import":
            yield one(f"{reading.power_w:.1f}", **outlet, unit="W")
        case "Power.Offered":
            yield one(f"{reading.offered_w:.1f}", **outlet, unit="W")
        case "Current.Offered":
            volts = sum(reading.volts) or MAINS_VOLTS
            yield one(f"{reading.offered_w / volts:.1f}", **outlet, unit="A")
        case "Current.Import" if hardware.current == "DC":
            yield one(f"{reading.amps[0]:.2f}", **outlet, unit="A")
        case "Current.Import":
            for phase, amps in zip(_PHASES, reading.amps, strict=False):
                yield one(f"{amps:.2f}", **outlet, phase=phase, unit="A")
        case "Voltage" if hardware.current == "DC":
            yield one(f"{reading.volts[0]:.1f}", **outlet, unit="V")
        case "Voltage":
            for phase_n, volts in zip(_PHASES_N, reading.volts, strict=False):
                yield one(f"{volts:.1f}", **outlet, phase=phase_n, unit="V")
        case "SoC" if reading.soc is not None:
            yield one(f"{reading.soc:.1f}", measurand=name, location="EV", unit="Percent")
        case "Temperature":
            yield one(f"{reading.temperature:.1f}", measurand=name, location="Body", unit="Celsius")
        case "Frequency":
            yield one("50.0", **outlet)
        case _:
            return
