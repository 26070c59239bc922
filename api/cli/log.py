"""`voltrio messages` and `voltrio security-events`: what happened between chargers and the node."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import click

from api.cli.client import PAGE, Client, remote, segment
from api.cli.output import as_json, cell, print_json, print_line, print_rows
from api.kernel.shape import columns
from api.shapes.logs import SecurityEvent

Row = Mapping[str, Any]
ARROWS: Final = {"in": "→", "out": "←"}  # from the charger, to the charger
AT_ONCE: Final = 500  # messages that one look brings at most; of more than that the oldest are left out
REMEMBERED: Final = 2 * AT_ONCE
WIDTH: Final = 160  # characters of a payload on a line
NO_MESSAGES: Final = (
    "No messages. They appear as soon as a charge point connects: voltrio station list --connected"
)
NO_EVENTS: Final = "No security events."
limited: Final = click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many."
)


@click.command(
    epilog="""\b
Examples:
  voltrio messages CP1                              the newest 50, oldest first
  voltrio messages CP1 --follow                     … and what comes, until Ctrl-C
  voltrio messages CP1 --action BootNotification --full
  voltrio messages --follow                         of all charge points

→ came from the charger, ← was sent to it. Secrets are masked. What was mended stands behind "mended".
Actions in the setting message_log_exclude are not kept (docs/reference/settings.md).
"""
)
@click.argument("identity", required=False)
@click.option("--action", help="Only of this action, e.g. StatusNotification.")
@limited
@click.option("--follow/--no-follow", "-f", default=False, help="Go on until interrupted.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    help="Seconds between looks, with --follow.",
)
@click.option("--full", is_flag=True, help=f"Payloads whole; else the first {WIDTH} characters.")
@as_json
@remote
def messages(
    client: Client,
    *,
    identity: str | None,
    action: str | None,
    limit: int,
    follow: bool,
    interval: float,
    full: bool,
    json_: bool,
) -> None:
    """Show OCPP messages as they were on the wire.

    Those of the charge point IDENTITY, or of all. With --follow and --json, one document per line.
    """
    path = "/messages" if identity is None else f"/stations/{segment(identity)}/messages"
    if not follow:
        rows = list(client.pages(path, most=limit, action=action))[::-1]
        if json_:
            print_json(rows)
        elif rows:
            click.echo("\n".join(line(row, full) for row in rows))
        else:
            click.echo(NO_MESSAGES)
        return
    with suppress(KeyboardInterrupt):  # the way to end it
        for row in followed(lambda: client.pages(path, most=AT_ONCE, action=action), limit, interval):
            if json_:
                print_line(row)
            else:
                click.echo(line(row, full))


def followed(look: Callable[[], Iterator[Row]], lines: int, interval: float) -> Iterator[Row]:
    """The newest `lines`, then for ever what each look finds more, in the order in which it happened.

    `look` goes from the newest to older ones. Messages are written in bulk, so one may stand a little before
    those seen already: a page of them is always looked through.
    """
    first = list(look())[::-1]
    seen = dict.fromkeys(row["id"] for row in first)
    yield from first[-lines:]
    while True:
        time.sleep(interval)
        fresh: list[Row] = []
        for position, row in enumerate(look()):
            if row["id"] not in seen:
                fresh.append(row)
            elif position >= PAGE:
                break
        for row in reversed(fresh):
            seen[row["id"]] = None
            yield row
        for number in list(seen)[:-REMEMBERED]:
            del seen[number]


def line(row: Row, full: bool) -> str:
    """One message on one line."""
    payload = row["payload"] if full or len(row["payload"]) <= WIDTH else row["payload"][: WIDTH - 1] + "…"
    mended = f"  mended: {row['repairs']}" if row["repairs"] else ""
    kind = "" if row["kind"] == "call" else f" {row['kind']}"
    arrow = ARROWS.get(row["direction"], row["direction"])
    return f"{cell(row['at'])}  {row['station']}  {arrow} {row['action']}{kind}  {payload}{mended}"


@click.command(
    name="security-events",
    epilog="""\b
Examples:
  voltrio security-events                    the newest, of all charge points and of strangers
  voltrio security-events --station CP1

Among them: failed log-ins (FailedToAuthenticateAtCentralSystem), and what chargers report themselves.
""",
)
@click.option("--station", help="Only of this charge point.")
@limited
@as_json
@remote
def security_events(client: Client, *, station: str | None, limit: int, json_: bool) -> None:
    """List security events, newest first.

    Those of unknown peers have no station.
    """
    rows = list(client.pages("/security-events", most=limit, station=station))
    print_rows(rows, columns(SecurityEvent), json_, NO_EVENTS)
