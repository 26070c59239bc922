"""`voltrio station …`: charge points as the node knows them."""

from __future__ import annotations

from typing import Final

import click

from api.cli.client import Client, remote, segment
from api.cli.output import as_json, print_json, print_one, print_rows

LIST: Final = {
    "IDENTITY": "identity",
    "CONNECTED": "connected",
    "NETWORK": "networkStatus",
    "REGISTRATION": "registrationStatus",
    "VENDOR": "vendor",
    "MODEL": "model",
    "PROFILE": "securityProfile",
}
ONE: Final = {
    "Identity": "identity",
    "Id": "id",
    "Status": "status",
    "Connected": "connected",
    "Network status": "networkStatus",
    "Registration": "registrationStatus",
    "Security profile": "securityProfile",
    "Password set": "hasPassword",
    "Protocol": "networkProtocol",
    "Vendor": "vendor",
    "Model": "model",
    "Serial number": "chargePointSerialNumber",
    "Firmware": "firmwareVersion",
    "First contact": "firstContactAt",
    "Last boot": "bootedAt",
}
CONNECTORS: Final = {
    "EVSE": "evseNumber",
    "CONNECTOR": "connectorNumber",
    "STATUS": "status",
    "ERROR": "errorCode",
}
NO_STATIONS: Final = "No charge points yet. Add one: voltrio station add CP1"


@click.group()
def station() -> None:
    """Add, list and show charge points."""


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
@click.option(
    "--profile",
    type=click.IntRange(0, 3),
    default=1,
    show_default=True,
    help="OCPP security profile: 0 no password, 1 password, 2 password over TLS, 3 client certificate.",
)
@click.option("--password", help="Password of profiles 1 and 2 (made and shown once if absent).")
@click.option("--pending", is_flag=True, help="Answer its boots with Pending until it is accepted.")
@as_json
@remote
def add(
    client: Client, *, identity: str, profile: int, password: str | None, pending: bool, json_: bool
) -> None:
    """Register the charge point IDENTITY, the name it calls itself in its URL."""
    body: dict[str, object] = {"identity": identity, "securityProfile": profile}
    if password is not None:
        body["password"] = password
    if pending:
        body["registrationStatus"] = "Pending"
    added = client.post("/stations", body)
    if json_:
        print_json(added)
        return
    click.echo(f"Added {identity}.")
    if made := added.get("password"):
        click.echo(f"Enter in the charger, user name {identity}, password (shown this once):\n\n  {made}\n")


@station.command(name="list")
@click.option("--connected", is_flag=True, help="Only those connected now.")
@as_json
@remote
def list_(client: Client, connected: bool, json_: bool) -> None:
    """List charge points."""
    rows = list(client.pages("/stations"))
    print_rows([r for r in rows if r["connected"] or not connected], LIST, json_, NO_STATIONS)


@station.command()
@click.argument("identity")
@as_json
@remote
def show(client: Client, identity: str, json_: bool) -> None:
    """Show one charge point and its connectors."""
    row = client.get(f"/stations/{segment(identity)}")
    print_one(row, ONE, json_)
    if not json_:
        print_rows(
            row["connectors"], CONNECTORS, json_=False, empty="No connector has reported its status yet."
        )
