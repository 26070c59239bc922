"""`voltrio orphans`: stops of transactions that nobody knows."""

from __future__ import annotations

from typing import Final

import click

from api.cli.client import Client, remote
from api.cli.output import as_json, print_one, print_rows
from api.kernel.shape import columns, details
from api.shapes.sessions import Orphan

NO_ORPHANS: Final = "No stops without a session."


@click.command(
    short_help="List stops of unknown transactions.",
    epilog="""\b
Examples:
  voltrio orphans                           those that wait
  voltrio orphans --all --station CP1       those that found their session or were dismissed, too
  voltrio orphans --dismiss 17 --note "test bench"

A stop whose transaction nobody knows is acknowledged and kept. It ends the session that it fits when the
charger tells of that later; one that never will can be dismissed. docs/explanation/sessions.md has more.
""",
)
@click.option("--station", help="Only of this charge point.")
@click.option("--all", "all_", is_flag=True, help="Settled ones too.")
@click.option("--dismiss", type=click.IntRange(min=1), metavar="ID", help="You have looked: settle this one.")
@click.option("--note", help="With --dismiss: why; stands in the audit trail.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many."
)
@as_json
@remote
def orphans(
    client: Client,
    *,
    station: str | None,
    all_: bool,
    dismiss: int | None,
    note: str | None,
    limit: int,
    json_: bool,
) -> None:
    """List stops that name a transaction which nobody knows, newest first, or dismiss one."""
    if dismiss is not None:
        row = client.post(f"/orphans/{dismiss}/dismiss", {"note": note})
        print_one(row, details(Orphan), json_)
        return
    if note is not None:
        raise click.UsageError("--note goes with --dismiss.")
    rows = client.pages("/orphans", most=limit, station=station, open=None if all_ else "true")
    print_rows(list(rows), columns(Orphan), json_, NO_ORPHANS)
