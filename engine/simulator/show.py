"""What a person sees of a simulation: a live table, or log lines, and the summary at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog
import trio
from rich.console import Console
from rich.live import Live
from rich.table import Table

from engine.simulator.charger import Charger, World
from engine.simulator.connector import Connector
from engine.simulator.settings import Report

REFRESH: Final = 0.5  # seconds
LOG_EVERY: Final = 10.0  # seconds
MOST_ROWS: Final = 40
MOST_ERRORS: Final = 10
UNKNOWN: Final = ("HTTP 401", "HTTP 403", "HTTP 404")

_log = structlog.get_logger("voltrio.simulator")


def interactive() -> bool:
    """Whether somebody sits before the output; a file gets log lines."""
    return Console().is_terminal


async def table(world: World, chargers: Sequence[Charger]) -> None:
    """Draw the live table until cancelled."""
    messages, since, rate = 0, trio.current_time(), 0.0
    with Live(console=Console(), auto_refresh=False) as live:
        while True:
            live.update(_table(world, chargers, rate), refresh=True)
            await trio.sleep(REFRESH)
            now = trio.current_time()
            fresh = (world.counts.messages - messages) / (now - since)
            messages, since, rate = world.counts.messages, now, 0.7 * rate + 0.3 * fresh


async def log(world: World, chargers: Sequence[Charger]) -> None:
    """A line now and then, and one for every protocol error, until cancelled."""
    told = 0
    while True:
        for error in world.errors[told:]:
            _log.warning("protocol error", identity=error.identity, rule=error.rule, detail=error.detail)
        told = len(world.errors)
        _log.info("simulating", time=f"{world.time.now():%H:%M:%S}", **_totals(world, chargers))
        await trio.sleep(LOG_EVERY)


def summary(report: Report) -> None:
    """Print what happened, the first protocol errors with their frames included."""
    console = Console(highlight=False, soft_wrap=True)
    entries, counts = report.ledger, report.counts
    acknowledged = sum(1 for entry in entries if entry.start_acknowledged and entry.stop_acknowledged)
    energy = sum(entry.energy_wh for entry in entries) / 1000
    console.print(
        f"{len(entries)} transactions ({acknowledged} acknowledged whole), {energy:.1f} kWh, "
        f"{counts.messages} messages in {report.seconds:.0f} s, {counts.connects} connections, "
        f"{counts.failures} failed; {report.undelivered} messages undelivered"
    )
    if not counts.connects:
        console.print(f"no charger could connect: {counts.last_failure}", style="red", markup=False)
        if counts.last_failure.startswith(UNKNOWN):
            console.print("Does the server know these stations, by these identities and with this password?")
    for error in report.errors[:MOST_ERRORS]:
        console.print(f"{error.identity} {error.rule}: {error.detail}", style="red", markup=False)
        if error.frame:
            console.print(f"    {error.frame}", markup=False)
    console.print(f"{len(report.errors)} protocol errors", style="red" if report.errors else "green")


def _table(world: World, chargers: Sequence[Charger], rate: float) -> Table:
    view = Table(title=f"{world.time.now():%Y-%m-%d %H:%M:%S}", caption=_caption(world, chargers, rate))
    for column in ("Station", "Model", "Link", "Status"):
        view.add_column(column)
    for column in ("kW", "SoC", "kWh", "Queue"):
        view.add_column(column, justify="right")
    rows = [(charger, connector) for charger in chargers for connector in charger.connectors]
    for charger, connector in rows[:MOST_ROWS]:
        view.add_row(*_row(charger, connector, world.time.elapsed()))
    if len(rows) > MOST_ROWS:
        view.add_row(f"… and {len(rows) - MOST_ROWS} more")
    return view


def _row(charger: Charger, connector: Connector, now: float) -> tuple[str, ...]:
    battery, entry = connector.outlet.battery, connector.entry
    power = connector.outlet.read(now).power_w / 1000
    energy = (connector.outlet.meter.register - entry.meter_start) / 1000 if entry else 0.0
    link = "online" if charger.online else "booting" if charger.connected else "offline"
    return (
        f"{charger.identity}/{connector.number}",
        charger.hardware.model,
        f"[{'green' if charger.online else 'red'}]{link}",
        charger.status(connector),
        f"{power:.1f}" if power else "",
        f"{battery.soc:.0%}" if battery else "",
        f"{energy:.2f}" if entry else "",
        str(len(charger.outbox) or ""),
    )


def _caption(world: World, chargers: Sequence[Charger], rate: float) -> str:
    totals = _totals(world, chargers)
    return (
        f"{totals['online']}/{len(chargers)} online, {totals['charging']} charging, {totals['power_kw']} kW, "
        f"{totals['transactions']} transactions, {rate:.1f} messages/s, {totals['errors']} protocol errors"
    )


def _totals(world: World, chargers: Sequence[Charger]) -> dict[str, float]:
    now = world.time.elapsed()
    connectors = [connector for charger in chargers for connector in charger.connectors]
    return {
        "online": sum(charger.online for charger in chargers),
        "charging": sum(connector.entry is not None for connector in connectors),
        "power_kw": round(sum(c.outlet.read(now).power_w for c in connectors) / 1000, 1),
        "transactions": sum(len(charger.ledger) for charger in chargers),
        "queued": sum(len(charger.outbox) for charger in chargers),
        "messages": world.counts.messages,
        "errors": len(world.errors),
    }
