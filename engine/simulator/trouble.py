"""What goes wrong with chargers: networks, power, parts. One task per kind, rates from the mix."""

from __future__ import annotations

from typing import Final

import trio

from engine.simulator.charger import Charger

FAULTS: Final = (
    "GroundFailure",
    "HighTemperature",
    "OverVoltage",
    "UnderVoltage",
    "PowerSwitchFailure",
    "EVCommunicationError",
    "OtherError",
)


async def happen(charger: Charger) -> None:
    """Everything that may go wrong with one charger, for ever."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_outages, charger)
        nursery.start_soon(_power_cuts, charger)
        nursery.start_soon(_faults, charger)


async def _outages(charger: Charger) -> None:
    dice, rate = charger.dice("outages"), charger.world.mix.outages
    while rate:
        await charger.time.sleep(dice.expovariate(rate / 3600.0))
        async with charger.uplink.without("network"):
            await charger.time.sleep(dice.uniform(20.0, 900.0))


async def _power_cuts(charger: Charger) -> None:
    dice, rate = charger.dice("power"), charger.world.mix.power_cuts
    while rate:
        await charger.time.sleep(dice.expovariate(rate / 3600.0))
        await charger.power_cut(dice.uniform(10.0, 300.0))


async def _faults(charger: Charger) -> None:
    dice, rate = charger.dice("faults"), charger.world.mix.faults
    while rate:
        await charger.time.sleep(dice.expovariate(rate / 3600.0))
        connector = dice.choice(charger.connectors)
        charger.break_down(connector, dice.choice(FAULTS))
        await charger.time.sleep(dice.uniform(30.0, 600.0))
        charger.break_down(connector, None)
