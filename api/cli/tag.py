"""`voltrio tag …`: the id tags (RFID cards, apps) that may charge."""

from __future__ import annotations

from typing import Any, Final, get_args

import click
import httpx

from api.cli.client import Client, Failure, remote, segment
from api.cli.output import as_json, print_json, print_one, print_rows
from api.kernel.shape import columns, details
from api.shapes.drivers import IdTag
from engine.domain.authorization import IdTagType

NO_TAGS: Final = "No id tags yet. Add one: voltrio tag add 04A2B3C4"


@click.group()
def tag() -> None:
    """Id tags: add, list, block …"""


@tag.command(
    epilog="""\b
Examples:
  voltrio tag add 04A2B3C4
  voltrio tag add 04A2B3C4 --group FLEET-7      tags of a group may stop each other's sessions
  voltrio tag add 04A2B3C4 --blocked            known, but not allowed to charge
  voltrio tag add DE8AA1A2B3C4D5 --type emaid   a contract of plug and charge
  voltrio tag add 04A2B3C4 --update --group FLEET-8      change the one there is, and nothing else of it
"""
)
@click.argument("uid")
@click.option("--label", help="What people call it.")
@click.option(
    "--type",
    "type_",
    type=click.Choice(get_args(IdTagType)),
    help="How it is presented (OCPP 2.x); rfid if not said.",
)
@click.option("--group", "group_id", help="Group (parentIdTag) of the tag.")
@click.option("--expires", "expire_at", help="Until when it is good, e.g. 2030-12-31T23:59:59Z.")
@click.option("--blocked", is_flag=True, help="Known, but must not charge.")
@click.option("--update", is_flag=True, help="If there is one already, change what the other options name.")
@as_json
@remote
def add(
    client: Client,
    *,
    uid: str,
    label: str | None,
    type_: str | None,
    group_id: str | None,
    expire_at: str | None,
    blocked: bool,
    update: bool,
    json_: bool,
) -> None:
    """Add the tag UID.

    One that there is already is left alone, unless --update is given.
    """
    wanted = (("label", label), ("type", type_), ("groupId", group_id), ("expireAt", expire_at))
    body: dict[str, Any] = {"uid": uid, **{name: value for name, value in wanted if value is not None}}
    if blocked:
        body["status"] = "disabled"
    try:
        row = client.request("POST", "/id-tags", json=body, params={} if update else {"onlyNew": "true"})
    except Failure as refusal:
        if refusal.status != httpx.codes.CONFLICT:
            raise
        raise Failure(
            f"There is a tag {uid} already; nothing was changed. Look at it with `voltrio tag show {uid}`,\n"
            "change it with --update, or with `voltrio tag block` and `voltrio tag unblock`."
        ) from None
    _tell(row, json_)


@tag.command(name="list")
@as_json
@remote
def list_(client: Client, json_: bool) -> None:
    """List id tags."""
    print_rows(list(client.pages("/id-tags")), columns(IdTag), json_, NO_TAGS)


@tag.command()
@click.argument("uid")
@as_json
@remote
def show(client: Client, uid: str, json_: bool) -> None:
    """Show one tag."""
    print_one(client.get(f"/id-tags/{segment(uid)}"), details(IdTag), json_)


@tag.command()
@click.argument("uid")
@as_json
@remote
def block(client: Client, uid: str, json_: bool) -> None:
    """Let UID charge no more. A session that is running goes on."""
    _tell(client.request("PATCH", f"/id-tags/{segment(uid)}", json={"status": "disabled"}), json_)


@tag.command()
@click.argument("uid")
@as_json
@remote
def unblock(client: Client, uid: str, json_: bool) -> None:
    """Let UID charge again."""
    _tell(client.request("PATCH", f"/id-tags/{segment(uid)}", json={"status": "enabled"}), json_)


@tag.command()
@click.argument("uid")
@remote
def delete(client: Client, uid: str) -> None:
    """Forget the tag UID.

    Its sessions stay. To keep it and refuse it, use `tag block`.
    """
    client.delete(f"/id-tags/{segment(uid)}")
    click.echo(f"Deleted {uid}.")


def _tell(row: dict[str, Any], json_: bool) -> None:
    """Whether the tag may charge now, in a sentence."""
    if json_:
        print_json(row)
    elif row["status"] != "enabled":
        click.echo(f"{row['uid']} is known, but blocked.")
    elif not row["valid"]:
        click.echo(f"{row['uid']} is known, but its issuer calls it invalid: it cannot charge.")
    else:
        click.echo(f"{row['uid']} is good to charge.")
