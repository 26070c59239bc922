"""What a person sees of a simulation: a live table, or log lines, and the summary at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog
import trio
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from engine.simulator.charger import Charger
from engine.simulator.connector import Connector
from engine.simulator.settings import Report
from engine.simulator.world import World

REFRESH: Final = 0.5  # seconds
LOG_EVERY: Final = 10.0  # seconds
LINES_AROUND: Final = 7  # of the screen that rows of the table cannot have: heading, totals, the cursor's
FEWEST_ROWS: Final = 3
MOST_ERRORS: Final = 10
UNKNOWN: Final = ("HTTP 401", "HTTP 403", "HTTP 404")

_log = structlog.get_logger("voltrio.simulator")


def interactive() -> bool:
    """Whether somebody sits before the output; a file gets log lines."""
    return Console().is_terminal


async def table(world: World, chargers: Sequence[Charger], welcome: str = "") -> None:
    """Draw the live table under `welcome` until cancelled; together they fit on the screen."""
    messages, since, rate = 0, trio.current_time(), 0.0
    console = Console()
    taken = LINES_AROUND + (len(console.render_lines(Text(welcome))) if welcome else 0)
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            rows = max(console.height - taken, FEWEST_ROWS)
            live.update(_screen(world, chargers, rate, rows, welcome), refresh=True)
            await trio.sleep(REFRESH)
            now = trio.current_time()
            fresh = (world.counts.messages - messages) / (now - since)
            messages, since, rate = world.counts.messages, now, 0.7 * rate + 0.3 * fresh


async def log(world: World, chargers: Sequence[Charger]) -> None:
    """A line now and then, and one for every protocol error, until cancelled."""
    shown = 0
    while True:
        for error in world.errors[shown:]:
            _log.warning("protocol error", identity=error.identity, rule=error.rule, detail=error.detail)
        shown = len(world.errors)
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


def _screen(world: World, chargers: Sequence[Charger], rate: float, rows: int, welcome: str) -> Group:
    """The welcome, the table of at most so many rows, and the totals."""
    clock = Text(f"{world.time.now():%Y-%m-%d %H:%M:%S}", style="bold")
    above = [Text(welcome)] if welcome else []
    return Group(*above, clock, _table(world, chargers, rows), *_totals_lines(world, chargers, rate))


def _table(world: World, chargers: Sequence[Charger], most: int) -> Table:
    """Connectors that charge come first: they are what changes."""
    view = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for column in ("Station", "OCPP", "Model", "Link", "Status"):
        view.add_column(column, no_wrap=True)
    for column in ("kW", "SoC", "kWh", "Queue"):
        view.add_column(column, justify="right", no_wrap=True)
    rows = [(charger, connector) for charger in chargers for connector in charger.connectors]
    rows.sort(key=lambda row: row[1].entry is None)
    shown = rows if len(rows) <= most else rows[: most - 1]
    for charger, connector in shown:
        view.add_row(*_row(charger, connector, world.time.elapsed()))
    if len(shown) < len(rows):
        view.add_row(f"… {len(rows) - len(shown)} more")
    return view


def _row(charger: Charger, connector: Connector, now: float) -> tuple[str, ...]:
    battery, entry = connector.outlet.battery, connector.entry
    power = connector.outlet.read(now).power_w / 1000
    energy = (connector.outlet.meter.register - entry.meter_start) / 1000 if entry else 0.0
    link = "online" if charger.online else "booting" if charger.uplink.connected else "offline"
    return (
        f"{charger.identity}/{connector.number}",
        charger.subprotocol.removeprefix("ocpp"),
        charger.hardware.model,
        f"[{'green' if charger.online else 'red'}]{link}",
        charger.status(connector),
        f"{power:.1f}" if power else "",
        f"{battery.soc:.0%}" if battery else "",
        f"{energy:.2f}" if entry else "",
        str(len(charger.outbox) or ""),
    )


def _totals_lines(world: World, chargers: Sequence[Charger], rate: float) -> tuple[Text, Text]:
    totals = _totals(world, chargers)
    why = "" if totals["online"] else world.counts.last_failure
    return (
        Text(
            f"{totals['online']}/{len(chargers)} online, {totals['charging']} charging, "
            f"{totals['power_kw']} kW, {totals['transactions']} transactions"
        ),
        Text(
            f"{rate:.1f} messages/s, {totals['errors']} protocol errors{why and f'; {why}'}",
            no_wrap=True,
            overflow="ellipsis",
        ),
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
