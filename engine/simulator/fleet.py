"""A whole simulation: chargers, their visitors and their troubles, from switching on to the last answer."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import trio

from engine.errors import SettingsError
from engine.simulator import driver, ledger, show, tls, trouble
from engine.simulator.address import Address, address
from engine.simulator.charger import Charger
from engine.simulator.clock import Time
from engine.simulator.physics import CATALOGUE
from engine.simulator.settings import MIXES, Counts, Report, SimulationSettings
from engine.simulator.v2x import Charger21, Charger201
from engine.simulator.v16 import Charger16
from engine.simulator.world import World

# How often each model of the catalogue stands somewhere: most charging is AC.
SHARES: Final = (2, 3, 4, 2, 2)

DIALECTS: Final[Mapping[str, type[Charger]]] = {"1.6": Charger16, "2.0.1": Charger201, "2.1": Charger21}

Watch = Callable[[World, Sequence[Charger]], Awaitable[None]]
Reach = Callable[[str, str | None], Address]


def wall_clock() -> datetime:
    return datetime.now(UTC)


async def simulate(
    settings: SimulationSettings,
    *,
    clock: Callable[[], datetime] = wall_clock,
    reach: Reach | None = None,
    ending: trio.Event | None = None,
    hurry: trio.Event | None = None,
    watch: Watch | None = None,
) -> Report:
    """Run chargers until `settings.duration` has passed or `ending` is set, then let them finish, and report.

    They end their transactions and wait for the answers, for `settings.drain` or until `hurry` is set.

    `clock` is read once, for the time at which the simulated world begins; the rest follows Trio's clock.
    `reach` replaces the network: identity and password to address. `watch` runs beside, until the end.
    """
    world = World(
        time=Time(_beginning(settings, clock()), settings.speed),
        mix=MIXES[settings.life],
        seed=settings.seed,
        tags=settings.tags,
        call_timeout=settings.call_timeout,
        counts=Counts(),
        errors=[],
    )
    chargers = _build(settings, world, reach)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        if watch is not None:
            nursery.start_soon(watch, world, chargers)
        async with trio.open_nursery() as life:
            for number, charger in enumerate(chargers):
                delay = settings.ramp * number / len(chargers)
                life.start_soon(_switch_on, charger, delay, nursery, life)
            with trio.move_on_after(float("inf") if settings.duration is None else settings.duration):
                await _set(ending)
            life.cancel_scope.cancel()
        await _settle(chargers, settings.drain, hurry)
        nursery.cancel_scope.cancel()
    return _report(world, chargers, trio.current_time() - began)


def _report(world: World, chargers: list[Charger], seconds: float) -> Report:
    entries = [entry for charger in chargers for entry in charger.ledger]
    return Report(
        ledger=sorted(entries, key=lambda entry: (entry.started, entry.identity, entry.connector)),
        errors=world.errors,
        counts=world.counts,
        undelivered=sum(len(charger.outbox) + charger.delivery.given_up for charger in chargers),
        seconds=seconds,
    )


def run(settings: SimulationSettings, welcome: str = "") -> int:
    """Simulate until done or interrupted, print the summary, write the ledger file; return the exit code.

    `welcome` stays above the live table, or is printed first where there is none.
    Raises SettingsError for an address that is none, or certificates that cannot be used, and OSError for a
    ledger file that cannot be written.
    """
    try:
        address(settings.url, settings.prefix, None)
        tls.contexts(settings)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    if settings.ledger is not None:
        ledger.write(Path(settings.ledger), [])  # before the work, not after it

    async def main() -> Report:
        ending, hurry = trio.Event(), trio.Event()
        if settings.table and show.interactive():
            watch: Watch = partial(show.table, welcome=welcome)
        else:
            watch = show.log
            if welcome:
                print(welcome, flush=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_on_signals, ending, hurry)
            report = await simulate(settings, ending=ending, hurry=hurry, watch=watch)
            nursery.cancel_scope.cancel()
        return report

    report = trio.run(main)
    if settings.ledger is not None:
        ledger.write(Path(settings.ledger), report.ledger)
    show.summary(report)
    return report.exit_code


async def _on_signals(ending: trio.Event, hurry: trio.Event) -> None:
    """The first signal asks for an end, the second one for an end at once."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            (hurry if ending.is_set() else ending).set()


def _beginning(settings: SimulationSettings, now: datetime) -> datetime:
    """When the simulated world begins: a compressed one of known length so early that it ends now."""
    if settings.duration is None or settings.speed <= 1.0:
        return now
    past = min(settings.duration * (settings.speed - 1.0), 30 * 86_400.0)
    return datetime.fromtimestamp(now.timestamp() - past, UTC)


def _build(settings: SimulationSettings, world: World, reach: Reach | None) -> list[Charger]:
    if reach is None:
        contexts = tls.contexts(settings)

        def reach(identity: str, password: str | None) -> Address:
            return address(settings.url, identity, password, contexts.get(identity))

    chargers: list[Charger] = []
    for identity, version in zip(settings.identities(), settings.versions(), strict=True):
        hardware = Random(f"{settings.seed}/{identity}/model").choices(CATALOGUE, SHARES)[0]
        password = settings.passwords.get(identity, settings.password)
        at = _bound(reach, identity)
        chargers.append(DIALECTS[version](world, identity, hardware, at, password))
    return chargers


def _bound(reach: Reach, identity: str) -> Callable[[str | None], Address]:
    return lambda password: reach(identity, password)


async def _switch_on(charger: Charger, delay: float, nursery: trio.Nursery, life: trio.Nursery) -> None:
    """The charger itself goes on when visitors and troubles have ended, so that it can finish."""
    await trio.sleep(delay)
    nursery.start_soon(charger.run)
    for connector in charger.connectors:
        life.start_soon(driver.visits, charger, connector)
    life.start_soon(trouble.happen, charger)


async def _settle(chargers: list[Charger], patience: float, hurry: trio.Event | None) -> None:
    """End what still runs and wait for the last answers."""
    for charger in chargers:
        charger.stop_all("Local")

    async def give_up() -> None:
        await _set(hurry)
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(give_up)
        with trio.move_on_after(patience):
            for charger in chargers:
                await charger.outbox.empty()
        nursery.cancel_scope.cancel()


async def _set(event: trio.Event | None) -> None:
    """Wait for an event; for ever, if there is none."""
    if event is None:
        await trio.sleep_forever()
    else:
        await event.wait()
