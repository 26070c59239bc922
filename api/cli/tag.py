"""`voltrio tag …`: the id tags (RFID cards, apps) that may charge."""

from __future__ import annotations

from typing import Final

import click

from api.cli.client import Client, remote
from api.cli.output import as_json, print_json, print_rows

LIST: Final = {
    "UID": "uid",
    "STATUS": "status",
    "VALID": "valid",
    "GROUP": "groupId",
    "EXPIRES": "expireAt",
    "ISSUER": "issuer",
}
NO_TAGS: Final = "No id tags yet. Add one: voltrio tag add 04A2B3C4"


@click.group()
def tag() -> None:
    """Add and list id tags."""


@tag.command(
    epilog="""\b
Examples:
  voltrio tag add 04A2B3C4
  voltrio tag add 04A2B3C4 --group FLEET-7      tags of a group may stop each other's sessions
  voltrio tag add 04A2B3C4 --blocked            known, but not allowed to charge
"""
)
@click.argument("uid")
@click.option("--group", "group_id", help="Group (parentIdTag) of the tag.")
@click.option("--expires", "expire_at", help="Until when it is good, e.g. 2030-12-31T23:59:59Z.")
@click.option("--blocked", is_flag=True, help="Known, but must not charge.")
@as_json
@remote
def add(
    client: Client, *, uid: str, group_id: str | None, expire_at: str | None, blocked: bool, json_: bool
) -> None:
    """Add the tag UID, or change the one there is."""
    body = {"uid": uid, "status": "disabled" if blocked else "enabled"}
    body |= {k: v for k, v in (("groupId", group_id), ("expireAt", expire_at)) if v is not None}
    added = client.post("/id-tags", body)
    if json_:
        print_json(added)
    else:
        click.echo(f"{uid} is {'known, but blocked' if blocked else 'good to charge'}.")


@tag.command(name="list")
@as_json
@remote
def list_(client: Client, json_: bool) -> None:
    """List id tags."""
    print_rows(list(client.pages("/id-tags")), LIST, json_, NO_TAGS)
