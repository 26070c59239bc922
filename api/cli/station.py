"""`voltrio station …`: charge points as the node knows them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click
import msgspec

from api.cli.client import Client, remote, segment
from api.cli.options import given
from api.cli.output import as_json, print_json, print_one, print_rows, warn
from api.cli.upgrade import upgrade
from api.kernel.shape import columns, details
from api.shapes.stations import Connector, Station

NO_STATIONS: Final = "No charge points yet. Add one: voltrio station add CP1"
REGISTRATIONS: Final = ("accepted", "pending", "rejected")
PROFILE_HELP: Final = (
    "OCPP security profile: 0 no password, 1 password, 2 password over TLS, 3 client certificate."
)

REQUESTED: Final = {
    "QUEUED": "name",
    "VALUE": "value",
    "STATUS": "status",
    "REASON": "reason",
    "ANSWERED": "answeredAt",
}
REPORTED: Final = {"REPORTED": "name", "VALUE": "value", "READ-ONLY": "readonly", "AT": "at"}


@click.group()
def station() -> None:
    """Charge points: add, list, accept, change …"""


@station.command(
    epilog="""\b
Examples:
  voltrio station add CP1                       with a password made here, shown once
  voltrio station add CP1 --password "…"        with the password the charger already has
  voltrio station add CP2 --profile 2           only over TLS (wss://)
  voltrio station add CP3 --profile 0           no password at all: a closed network, please
"""
)
@click.argument("identity")
@click.option("--profile", type=click.IntRange(0, 3), default=1, show_default=True, help=PROFILE_HELP)
@click.option("--password", help="Password of profiles 1 and 2, 16 to 40 characters (made here if absent).")
@click.option("--pending", is_flag=True, help="Answer its boots with Pending until `station accept`.")
@as_json
@remote
def add(
    client: Client, *, identity: str, profile: int, password: str | None, pending: bool, json_: bool
) -> None:
    """Register a charge point.

    IDENTITY is the name it calls itself in its URL.
    """
    body: dict[str, object] = {"identity": identity, "securityProfile": profile}
    if password is not None:
        body["password"] = password
    if pending:
        body["registrationStatus"] = "pending"
    added = client.post("/stations", body)
    if json_:
        print_json(added)
        return
    click.echo(f"Added {identity}.")
    _show_password(identity, added)


@station.command(name="list")
@click.option("--connected", is_flag=True, help="Only those connected now.")
@click.option(
    "--registration", type=click.Choice(REGISTRATIONS), help="Only those whose boots are answered so."
)
@as_json
@remote
def list_(client: Client, *, connected: bool, registration: str | None, json_: bool) -> None:
    """List charge points."""
    there = "true" if connected else None
    rows = list(client.pages("/stations", connected=there, registrationStatus=registration))
    narrowed = connected or registration is not None
    print_rows(rows, columns(Station), json_, "No such charge point." if narrowed else NO_STATIONS)


@station.command()
@click.argument("identity")
@as_json
@remote
def show(client: Client, identity: str, json_: bool) -> None:
    """Show one charge point and its connectors."""
    row = client.get(f"/stations/{segment(identity)}")
    print_one(row, details(Station), json_)
    if not json_:
        click.echo()
        print_rows(
            row["connectors"],
            columns(Connector),
            json_=False,
            empty="No connector has reported its status yet.",
        )


@station.command(
    epilog="""\b
Examples:
  voltrio station list --registration pending   who waits
  voltrio station accept CP1                    let it charge, as it is let in now
  voltrio station accept CP1 --profile 1        … and give it a password, shown once

A station that came by itself (`voltrio serve --accept-unknown`) has security profile 0: anybody who knows
its identity can play it. Enter the password in the charger before it connects again.
"""
)
@click.argument("identity")
@click.option("--profile", "--security-profile", "profile", type=click.IntRange(0, 3), help=PROFILE_HELP)
@click.option(
    "--password",
    help="Password it is to come with from now on, 16 to 40 characters (makes it profile 1).",
)
@as_json
@remote
def accept(client: Client, *, identity: str, profile: int | None, password: str | None, json_: bool) -> None:
    """Accept a charge point that waits.

    The boots of IDENTITY are accepted from now on; if it is there, it is asked to boot again.
    """
    body = given({"securityProfile": profile, "password": password})
    accepted = client.post(f"/stations/{segment(identity)}/accept", body)
    if json_:
        print_json(accepted)
        return
    when = "and asked to boot again" if accepted["triggered"] else "and will be told at its next boot"
    click.echo(f"{identity} is accepted, {when}.")
    _show_password(identity, accepted)
    if accepted["warning"]:
        how = f"voltrio station accept {shlex.quote(identity)} --profile 1"
        warn(f"{accepted['warning']}\nTo give it a password: {how}")


@station.command(short_help="Show its configuration.")
@click.argument("identity")
@as_json
@remote
def configuration(client: Client, identity: str, json_: bool) -> None:
    """Show what IDENTITY said its configuration is, and what became of settings queued for it."""
    found = client.get(f"/stations/{segment(identity)}/configuration")
    if json_:
        print_json(found)
        return
    print_rows(found["requested"], REQUESTED, json_=False, empty="Nothing was queued for it.")
    print_rows(found["reported"], REPORTED, json_=False, empty="It has not said what its configuration is.")


@station.command(
    epilog="""\b
Examples:
  voltrio station change CP1 --name "Car park, left"
  voltrio station change CP1 --password "…"                    from its next connection on
  voltrio station change CP1 --disable                         closes its connection, lets it in no more
  voltrio station change CP1 --set policy=strict --set heartbeat_interval=300
  voltrio station change CP1 --unset policy

The settings of --set are listed in docs/reference/settings.md, "Settings of one station". The charger learns
nothing of a changed password or profile: enter them there too, or use `station upgrade`.
"""
)
@click.argument("identity")
@click.option("--name", help="What people call it.")
@click.option("--profile", "--security-profile", "profile", type=click.IntRange(0, 3), help=PROFILE_HELP)
@click.option("--password", help="Password it is to come with from now on, 16 to 40 characters.")
@click.option("--certificate-serial", help="Profile 3: serial number (hex) of the certificate it must show.")
@click.option(
    "--any-user-name/--own-user-name",
    default=None,
    help="Whether its user name may be another than IDENTITY.",
)
@click.option("--registration", type=click.Choice(REGISTRATIONS), help="What its boots are answered.")
@click.option("--enable/--disable", default=None, help="Whether it may connect at all.")
@click.option("--set", "changed", multiple=True, metavar="KEY=VALUE", help="A setting. May be repeated.")
@click.option("--unset", "removed", multiple=True, metavar="KEY", help="As the node has it. May be repeated.")
@as_json
@remote
def change(
    client: Client,
    *,
    identity: str,
    name: str | None,
    profile: int | None,
    password: str | None,
    certificate_serial: str | None,
    any_user_name: bool | None,
    registration: str | None,
    enable: bool | None,
    changed: Sequence[str],
    removed: Sequence[str],
    json_: bool,
) -> None:
    """Change a charge point.

    What no option names stays as it is.
    """
    path = f"/stations/{segment(identity)}"
    body = given(
        {
            "name": name,
            "securityProfile": profile,
            "password": password,
            "certificateSerial": certificate_serial,
            "invalidUsernameAllowed": any_user_name,
            "registrationStatus": registration,
            "status": None if enable is None else ("enabled" if enable else "disabled"),
        }
    )
    settings = dict(map(_setting, changed))
    if settings or removed:
        kept = client.get(path)["settings"]
        body["settings"] = {k: v for k, v in kept.items() if k not in removed} | settings
    if not body:
        raise click.UsageError("Nothing to change: give at least one option (see --help).")
    row = client.request("PATCH", path, json=body)
    if json_:
        print_json(row)
    else:
        click.echo(f"Changed {identity}.")


@station.command()
@click.argument("identity")
@click.option("--reason", help="Goes into the close frame, for the charger's log.")
@remote
def disconnect(client: Client, identity: str, reason: str | None) -> None:
    """Close a connection.

    IDENTITY may come again at once; to keep it out, use `station change IDENTITY --disable`.
    """
    client.post(f"/stations/{segment(identity)}/disconnect", given({"reason": reason}))
    click.echo(f"Disconnected {identity}.")


@station.command()
@click.argument("identity")
@click.option("--yes", is_flag=True, help="Do not ask.")
@remote
def delete(client: Client, identity: str, yes: bool) -> None:
    """Take a charge point out of service.

    For good: IDENTITY is closed and let in no more, unless it is added anew. Its sessions stay.
    """
    if not yes:
        click.confirm(f"Delete {identity} for good?", abort=True)
    client.delete(f"/stations/{segment(identity)}")
    click.echo(f"Deleted {identity}.")


station.add_command(upgrade)


def _setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE; a value that is JSON (a number, true, false) is taken as such."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise click.BadParameter(f"{text!r} is not KEY=VALUE, such as policy=strict", param_hint="--set")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def _show_password(identity: str, answer: Mapping[str, Any]) -> None:
    if made := answer.get("password"):
        click.echo(f"Enter in the charger, user name {identity}, password (shown this once):\n\n  {made}\n")
