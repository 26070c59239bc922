"""The people at a charger: they come, identify themselves, plug in, wait, and leave. One task per connector,
no protocol.
"""

from __future__ import annotations

from random import Random
from typing import Final

import trio

from engine.simulator.charger import Charger
from engine.simulator.connector import Connector
from engine.simulator.physics import CARS, Battery

PLUG_FIRST: Final = 0.7  # share of drivers who plug in before they identify themselves
PULLS_CABLE: Final = 0.2  # … who end by pulling the cable
NO_SHOW: Final = 0.1  # … who start by app and never plug in
FIRST_VISIT: Final = (2.0, 120.0)  # simulated seconds until the first car comes
STRANGER: Final = "UNKNOWN-TAG"


async def visits(charger: Charger, connector: Connector) -> None:
    """One visitor after the other, for ever."""
    dice = charger.dice(f"visits-{connector.number}")
    gap = dice.uniform(*FIRST_VISIT)
    while True:
        with charger.time.limit(gap):
            await connector.invited.wait()
        await _visit(charger, connector, dice)
        gap = dice.expovariate(charger.world.mix.visits / 3600.0)


async def _visit(charger: Charger, connector: Connector, dice: Random) -> None:
    """One visitor. All dice are cast before the first wait, so that the next one does not depend on it."""
    battery = Battery(dice.choice(CARS), dice.uniform(0.08, 0.7), dice.choice((0.8, 0.9, 1.0, 1.0)))
    tag = dice.choice(charger.world.tags)
    if dice.random() < charger.world.mix.bad_tags:
        tag = STRANGER
    plug_first, no_show = dice.random() < PLUG_FIRST, dice.random() < NO_SHOW
    pulls, fumbling = dice.random() < PULLS_CABLE, dice.uniform(3.0, 20.0)
    patience, lingering = dice.uniform(300.0, 5_400.0), dice.uniform(5.0, 60.0)

    invited, connector.invited = connector.invited.is_set(), trio.Event()
    await charger.time.sleep(fumbling)
    if not connector.usable or (invited and no_show):
        return  # out of order, or somebody else is charging; or nobody comes
    granted = invited
    if plug_first or invited:
        charger.plug(connector, battery)
        await charger.time.sleep(fumbling)
        if connector.entry is None:
            granted = await charger.present(connector, tag)
    else:
        granted = await charger.present(connector, tag)
        await charger.time.sleep(fumbling)
        if granted:
            charger.plug(connector, battery)
    if connector.plugged and (granted or connector.entry is not None):
        await _charge(charger, connector, patience, pulls)
    await charger.time.sleep(lingering)
    if connector.plugged:
        charger.unplug(connector)


async def _charge(charger: Charger, connector: Connector, patience: float, pulls: bool) -> None:
    """Wait until it ends by itself, or until the driver comes back and ends it."""
    entry = connector.entry
    with charger.time.limit(patience):
        await connector.ended.wait()
    if connector.entry is not entry or entry is None:
        return
    if pulls:
        charger.unplug(connector)
    else:
        await charger.present(connector, entry.id_tag)
