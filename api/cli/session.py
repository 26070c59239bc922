"""`voltrio session …`: charging sessions, running and finished."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import click

from api.cli.client import Client, remote
from api.cli.output import as_json, cell, print_json, print_line, print_one, print_rows
from api.kernel.shape import columns, details
from api.shapes.sessions import MeterValue, Session, TransactionEvent

Row = Mapping[str, Any]
STATUSES: Final = ("pending", "active", "finished", "expired", "failed")
OPEN: Final = frozenset({"pending", "active"})
COMMAND_TIMEOUT: Final = 60.0  # seconds; the node waits less for the charge point
NO_SESSIONS: Final = (
    "No sessions yet. They appear when a charge point starts one: voltrio simulate --stations 1"
)


NO_SUCH: Final = "No such sessions."


@click.group(short_help="Sessions: list, show, follow, start, stop …")
def session() -> None:
    """List, show and follow charging sessions, start and stop them, and say what held ones came to."""


@session.command(name="list")
@click.option("--station", help="Only of this charge point.")
@click.option("--status", type=click.Choice(STATUSES), help="Only of this status.")
@click.option("--tag", "id_tag", help="Only of this id tag.")
@click.option("--held", is_flag=True, help="Only those held for review.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many."
)
@as_json
@remote
def list_(
    client: Client,
    *,
    station: str | None,
    status: str | None,
    id_tag: str | None,
    held: bool,
    limit: int,
    json_: bool,
) -> None:
    """List sessions, newest first."""
    narrow = {"station": station, "status": status, "idTag": id_tag, "held": "true" if held else None}
    rows = client.pages("/sessions", most=limit, **narrow)
    shown = {**columns(Session), "REVIEW": "review"} if held else columns(Session)
    print_rows(list(rows), shown, json_, NO_SUCH if any(narrow.values()) else NO_SESSIONS)


@session.command()
@click.argument("session_id", type=int)
@click.option("--meter-values", is_flag=True, help="With all its meter values.")
@click.option("--events", is_flag=True, help="With what the charge point told of it (OCPP 2.x).")
@as_json
@remote
def show(client: Client, session_id: int, meter_values: bool, events: bool, json_: bool) -> None:
    """Show one session."""
    row = client.get(f"/sessions/{session_id}")
    if events:
        row["events"] = list(client.pages(f"/sessions/{session_id}/events"))
    if meter_values:
        row["meterValues"] = list(client.pages(f"/sessions/{session_id}/meter-values"))
    print_one(row, details(Session), json_)
    if meter_values and not json_:
        click.echo()
        print_rows(row["meterValues"], columns(MeterValue), json_=False, empty="No meter values.")
    if events and not json_:
        click.echo()
        print_rows(
            row["events"], columns(TransactionEvent), json_=False, empty="No events: OCPP 1.6 has none."
        )


@session.command(
    epilog="""\b
Examples:
  voltrio session list --held             what waits for a person
  voltrio session release 42 --note "meter checked on site"
"""
)
@click.argument("session_id", type=int)
@click.option("--note", help="Why; stands in the audit trail.")
@as_json
@remote
def release(client: Client, session_id: int, note: str | None, json_: bool) -> None:
    """You have looked at SESSION_ID: it is held for review no more."""
    row = client.post(f"/sessions/{session_id}/release", {"note": note})
    print_one(row, details(Session), json_)


@session.command(
    epilog="""\b
Examples:
  voltrio session correct 42 --energy-wh 8200 --note "meter read on site"
"""
)
@click.argument("session_id", type=int)
@click.option("--energy-wh", type=click.IntRange(min=0), help="What it delivered.")
@click.option("--stopped-at", help="When it ended, as 2026-03-01T12:00:00Z.")
@click.option("--note", required=True, help="Why; stands in the audit trail.")
@as_json
@remote
def correct(
    client: Client,
    session_id: int,
    *,
    energy_wh: int | None,
    stopped_at: str | None,
    note: str,
    json_: bool,
) -> None:
    """You know what SESSION_ID came to: it is billed by that."""
    body = {"energyWh": energy_wh, "stoppedAt": stopped_at, "note": note}
    print_one(client.post(f"/sessions/{session_id}/correct", body), details(Session), json_)


@session.command()
@click.argument("session_id", type=int)
@click.option("--note", required=True, help="Why; stands in the audit trail.")
@as_json
@remote
def void(client: Client, session_id: int, note: str, json_: bool) -> None:
    """Nobody is to pay for SESSION_ID."""
    print_one(client.post(f"/sessions/{session_id}/void", {"note": note}), details(Session), json_)


@session.command(
    epilog="""\b
Examples:
  voltrio session start CP1                     where the charger likes, with a tag of its own
  voltrio session start CP1 --evse 2            on EVSE 2
  voltrio session start CP1 --tag 04A2B3C4      for the driver of this tag

The session pends until the charger has begun it, expires if it does not begin in time
(setting remote_start_timeout), and has failed if the charger refuses.
"""
)
@click.argument("station")
@click.option("--evse", type=click.IntRange(min=1), help="EVSE number; the charger chooses if absent.")
@click.option("--tag", help="Id tag that the session is for.")
@as_json
@remote
def start(client: Client, *, station: str, evse: int | None, tag: str | None, json_: bool) -> None:
    """Ask the charge point STATION to begin a session."""
    body = {"station": station, "evseNumber": evse, "idTag": tag}
    answer = client.post("/sessions", body, timeout=COMMAND_TIMEOUT)
    _verdict(answer, f"session {answer['sessionId']} is pending until it begins", json_)


@session.command()
@click.argument("session_id", type=int)
@as_json
@remote
def stop(client: Client, session_id: int, json_: bool) -> None:
    """Ask its charge point to end the running session SESSION_ID."""
    answer = client.post(f"/sessions/{session_id}/stop", timeout=COMMAND_TIMEOUT)
    _verdict(answer, f"session {session_id} is about to end", json_)


def _verdict(answer: Row, done: str, json_: bool) -> None:
    """What came of a command; exit code 1 unless the charge point does it."""
    accepted = answer["verdict"] == "accepted"
    if json_:
        print_json(answer)
    else:
        reason = f" ({answer['reason']})" if answer["reason"] else ""
        click.echo(f"{answer['word']}{reason}: " + (done if accepted else "nothing was done"))
    if not accepted:
        raise SystemExit(1)


@session.command(
    epilog="""\b
Examples:
  voltrio session tail                 a line for each start, meter reading and end, until Ctrl-C
  voltrio session tail --no-follow     the newest sessions, then stop
"""
)
@click.option(
    "--lines", type=click.IntRange(0, 100), default=10, show_default=True, help="Sessions to begin with."
)
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=2.0,
    show_default=True,
    help="Seconds between looks.",
)
@click.option("--follow/--no-follow", default=True, help="Go on until interrupted.")
@as_json
@remote
def tail(client: Client, lines: int, interval: float, follow: bool, json_: bool) -> None:
    """Follow sessions as they happen. With --json, one document per line."""
    newest = list(client.pages("/sessions", most=max(lines, 1)))
    seen: dict[int, Row] = {row["id"]: row for row in newest}
    for row in reversed(newest[:lines]):
        _say(row, json_)
    with suppress(KeyboardInterrupt):  # the way to end it
        while follow:
            time.sleep(interval)
            for row in changed(client, seen):
                _say(row, json_, datetime.now(UTC).isoformat())


def changed(client: Client, seen: dict[int, Row]) -> Iterator[Row]:
    """Sessions that are new or moved on since they were `seen`, which is brought up to date."""
    fresh = client.get("/sessions", order="oldest", after=max(seen, default=0))["data"]
    still = [client.get(f"/sessions/{key}") for key, row in seen.items() if row["status"] in OPEN]
    for row in [*still, *fresh]:
        if row != seen.get(row["id"]):
            seen[row["id"]] = row
            yield row


def _say(row: Row, json_: bool, now: str | None = None) -> None:
    """A line: when it ended, else `now`, when its change was seen, else when it began."""
    if json_:
        print_line(row)
        return
    moment = cell(row["stoppedAt"] or now or row["startedAt"])
    energy = f"{row['energyWh'] or 0} Wh"
    power = f"{row['powerW']:.0f} W" if row["powerW"] is not None and row["status"] == "active" else ""
    charge = f"{row['socPercent']:.0f} %" if row["socPercent"] is not None else ""
    why = row["reason"] or ""
    words = (
        moment,
        f"#{row['id']}",
        row["station"],
        f"EVSE {row['evseNumber']}",
        row["status"],
        energy,
        power,
        charge,
        why,
    )
    click.echo("  ".join(word for word in words if word))
