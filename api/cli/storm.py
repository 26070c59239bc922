"""`voltrio storm`: a reconnect storm of bare chargers, to see what a node and its machine can take."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec
import trio

from api.cli.client import Client, remote
from api.cli.output import as_json, print_json
from engine.limits import open_files
from engine.simulator import SimulationSettings
from engine.simulator.load.storm import Storm, storm
from engine.simulator.load.target import Target

DEFAULTS = SimulationSettings()


@click.command(
    short_help="Have all chargers connect at once.",
    name="storm",
    epilog="""\b
Examples:
  voltrio storm                                 500 chargers, on the node at --server
  voltrio storm --stations 5000 --json

The chargers speak OCPP 1.6 over ws:// and check nothing; `voltrio simulate` has believable ones. Stations and
a tag that the node does not know are registered first, without passwords: try this on a node for trying out.

Exit codes: 0 no connection was lost on the way · 1 some were.
""",
)
@click.option("--url", default=DEFAULTS.url, show_default=True, help="OCPP address; ws:// only.")
@click.option("--stations", type=click.IntRange(1, 20_000), default=500, show_default=True, help="How many.")
@click.option(
    "--prefix", default=DEFAULTS.prefix, show_default=True, help="Identities are PREFIX0001 and on."
)
@click.option("--tag", default=DEFAULTS.tags[0], show_default=True, help="Id tag of the transactions.")
@click.option(
    "--patience", type=click.FloatRange(1), default=120.0, show_default=True, help="Seconds to be done in."
)
@as_json
@remote
def storm_(
    client: Client,
    *,
    url: str,
    stations: int,
    prefix: str,
    tag: str,
    patience: float,
    json_: bool,
) -> None:
    """All chargers connect at once, boot, and run one transaction each."""
    try:
        target = Target.from_url(url)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--url") from None
    open_files()  # each charger is one
    identities = SimulationSettings(stations=stations, prefix=prefix).identities()
    _register(client, identities, tag)
    try:
        took = trio.run(_bounded, target, identities, tag, patience)
    except trio.TooSlowError:
        raise click.ClickException(
            f"not done within {patience:g} s; is {url} the node's address, and may {identities[0]} … "
            f"{identities[-1]} come without a password?"
        ) from None
    if json_:
        print_json(msgspec.to_builtins(took))
    else:
        click.echo(f"{stations} chargers booted within {took.all_booted:.2f} s")
        click.echo(
            f"StartTransaction: half within {took.start_p50:.3f} s, 99 % within {took.start_p99:.3f} s"
        )
        click.echo(f"Connections lost on the way: {took.losses}")
    if took.losses:
        raise SystemExit(1)


def _register(client: Client, identities: Sequence[str], tag: str) -> None:
    known = {row["identity"] for row in client.pages("/stations")}
    for identity in identities:
        if identity not in known:
            client.post("/stations", {"identity": identity, "securityProfile": 0})
    if tag not in {row["uid"] for row in client.pages("/id-tags")}:
        client.post("/id-tags", {"uid": tag})


async def _bounded(target: Target, identities: Sequence[str], tag: str, patience: float) -> Storm:
    with trio.fail_after(patience):
        return await storm(target, identities, tag)
