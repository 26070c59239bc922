"""`voltrio seed` fills a development database."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from api.cli.options import options_of
from api.cli.serve import run_or_fail
from api.cli.settings import config_option, settings_from
from engine import logs
from engine.metrics import Metrics
from engine.settings import Settings

PLACE: Final = {"data", "database"}  # settings that say where the database is
MOST: Final = 1_000_000_000


@click.command(
    short_help="Fill an empty database with made-up data.",
    epilog="""\b
Examples:
  voltrio seed --data ./seeded                                    a large network: minutes, and 10 GB
  voltrio seed --data ./small --stations 200 --sessions 5000

For measuring and trying out: identities are SEED-000001 …, tags TAG-00000001 … A database with charge points
in it is left alone.
""",
)
@config_option
@options_of(Settings, skip=set(Settings.__struct_fields__) - PLACE)
@click.option(
    "--stations", type=click.IntRange(10, MOST), default=20_000, show_default=True, help="Charge points."
)
@click.option(
    "--sessions", type=click.IntRange(0, MOST), default=1_000_000, show_default=True, help="Sessions of all."
)
@click.option(
    "--meter-values",
    type=click.IntRange(0, MOST),
    default=20_000_000,
    show_default=True,
    help="Meter values of all sessions.",
)
def seed(config: Path | None, *, stations: int, sessions: int, meter_values: int, **flags: Any) -> None:
    """Fill an empty database with made-up charge points, sessions and meter values."""
    from engine.store.seeding import Sizes, seed  # noqa: PLC0415 - other commands do without the database
    from engine.store.store import up_to_date  # noqa: PLC0415

    settings = settings_from(config, flags)
    logs.configure(settings.log_format, settings.log_level)
    sizes = Sizes(stations=stations, sessions=sessions, meter_values=meter_values)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())

    async def main() -> None:
        tasks: dict[str, TaskID] = {}

        def shown(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = bars.add_task(table, total=total)
            bars.update(tasks[table], completed=done)

        async with up_to_date(settings, Metrics()) as database:
            await seed(database, sizes, shown)

    with Progress(*columns) as bars:
        run_or_fail(main)
    click.echo("The database is seeded.")
