"""`voltrio station upgrade`: the move of a charge point to a higher security profile."""

from __future__ import annotations

from typing import Final

import click

from api.cli.client import TIMEOUT, Client, remote, segment
from api.cli.options import given
from api.cli.output import as_json, print_one

UPGRADE: Final = {
    "Status": "status",
    "Wanted profile": "wanted",
    "Profile in force": "securityProfile",
    "Asked for": "plannedAt",
    "By": "actor",
}
INTERFACES: Final = (*(f"{kind}{n}" for kind in ("Wired", "Wireless") for n in range(4)), "Any")
UPGRADE_TIMEOUT: Final = 5 * TIMEOUT  # several requests, each with the charger's own time


@click.command(
    epilog="""\b
Examples:
  voltrio station upgrade CP1 --profile 2                                         OCPP 1.6
  voltrio station upgrade CP2 --profile 2 --url wss://csms.example:9001/ocpp      OCPP 2.x
  voltrio station upgrade CP1                                                     how the last one went

Before profile 2 the charger needs the root of this server's certificate, before profile 3 one of its
own as well (docs/how-to/certificates.md). It keeps the present profile as its second choice.
Status: pending (let in with either), applied, rejected (by it), expired (it did not come so within a day).
"""
)
@click.argument("identity")
@click.option(
    "--profile",
    type=click.IntRange(1, 3),
    help="Security profile to move up to; without it, how that went.",
)
@click.option("--url", help="OCPP 2.x: where it is to come from now on, without its identity.")
@click.option("--slot", type=click.IntRange(min=0), help="OCPP 2.x: configuration slot of the new profile.")
@click.option(
    "--fallback-slot",
    type=click.IntRange(min=0),
    help="OCPP 2.x: slot of the present one (as the station reported it, else 1).",
)
@click.option(
    "--interface",
    type=click.Choice(INTERFACES),
    metavar="NAME",
    help="OCPP 2.x: network interface, such as Wireless0 (Wired0 if absent).",
)
@as_json
@remote
def upgrade(
    client: Client,
    *,
    identity: str,
    profile: int | None,
    url: str | None,
    slot: int | None,
    fallback_slot: int | None,
    interface: str | None,
    json_: bool,
) -> None:
    """Move to a higher security profile.

    IDENTITY is told, restarted, and let in either way until it came with the new profile.
    """
    path = f"/stations/{segment(identity)}/upgrade"
    where = given({"url": url, "slot": slot, "fallbackSlot": fallback_slot, "interface": interface})
    if profile is None:
        if where:
            raise click.UsageError("Give --profile too: to which security profile?")
        print_one(client.get(path), UPGRADE, json_)
        return
    answer = client.post(path, {"securityProfile": profile, **where}, timeout=UPGRADE_TIMEOUT)
    print_one(answer, UPGRADE, json_)
