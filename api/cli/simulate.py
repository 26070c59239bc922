"""`voltrio simulate`: chargers that behave like real ones, for trying out and for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click

from engine.limits import open_files
from engine.simulator import SimulationSettings, run
from engine.simulator.fleet import DIALECTS

DEFAULTS = SimulationSettings()
WHOLE: Final = 100  # per cent


def shares(_context: click.Context, _option: click.Parameter, text: str) -> dict[str, int]:
    """`1.6=50,2.1=50` as a mapping of versions to per cent; a version alone has all."""
    mix: dict[str, int] = {}
    parts = text.split(",")
    for part in parts:
        version, _, share = (word.strip() for word in part.partition("="))
        if not share and len(parts) == 1:
            share = str(WHOLE)
        if version not in DIALECTS or version in mix or not share.isdecimal():
            raise click.BadParameter(f"{part!r} is none of VERSION=SHARE with {', '.join(DIALECTS)}")
        mix[version] = int(share)
    if sum(mix.values()) != WHOLE:
        raise click.BadParameter(f"the shares are per cent: together {WHOLE}, not {sum(mix.values())}")
    return mix


def mix_option(default: str) -> Callable[[Any], Any]:
    """The option --mix."""
    return click.option(
        "--mix",
        default=default,
        show_default=True,
        callback=shares,
        help="OCPP versions and their shares, per cent: 1.6=50,2.0.1=40,2.1=10; or one version alone.",
    )


@click.command(
    epilog="""\b
Examples:
  voltrio simulate --stations 1                       SIM-0001, without a password (profile 0)
  voltrio simulate --stations 20 --speed 60 --duration 120 --life rough  two hours in two minutes
  voltrio simulate --stations 100 --mix 1.6=50,2.0.1=40,2.1=10
  voltrio simulate --url wss://csms.example:9443/ocpp --ca ca.pem --no-table
  voltrio simulate --certificate {identity}.pem --key {identity}.key   with --url wss://… (profile 3)

Stations must be known to the node (`voltrio station add`), unless it runs with --accept-unknown, and so must
their id tags (`voltrio tag add`). With --duration a simulation faster than life begins in the past and ends
now; without, its clocks run ahead of this machine's and its sessions are held for review (clock_drift).
Ctrl-C lets the chargers finish, a second one does not.

Exit codes: 0 the server kept to the protocol · 1 it did not.
"""
)
@click.option(
    "--url", default=DEFAULTS.url, show_default=True, help="OCPP address; the identity is appended."
)
@click.option(
    "--stations",
    type=click.IntRange(1, 10_000),
    default=DEFAULTS.stations,
    show_default=True,
    help="How many.",
)
@click.option(
    "--prefix", default=DEFAULTS.prefix, show_default=True, help="Identities are PREFIX0001 and on."
)
@click.option(
    "--first", type=click.IntRange(0), default=DEFAULTS.first, show_default=True, help="First number."
)
@click.option("--seed", type=int, default=DEFAULTS.seed, show_default=True, help="Same seed, same chargers.")
@click.option("--password", help="Basic authentication password of all stations.")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    help=f"Id tags of the drivers; may be repeated.  [default: {', '.join(DEFAULTS.tags)}]",
)
@click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="PEM file to trust for wss://.")
@click.option(
    "--certificate",
    help="PEM file of the client certificate (profile 3); {identity} in its name stands for each station's.",
)
@click.option("--key", help="PEM file of its private key, {identity} as well.")
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    default=DEFAULTS.speed,
    show_default=True,
    help="Simulated seconds per second.",
)
@click.option(
    "--duration", type=click.FloatRange(0, min_open=True), help="Seconds to run; else until Ctrl-C."
)
@click.option(
    "--life",
    type=click.Choice(["calm", "typical", "rough"]),
    default=DEFAULTS.life,
    show_default=True,
    help="How often networks, power and people fail.",
)
@mix_option("1.6")
@click.option("--table/--no-table", default=True, help="Live table on a terminal, or log lines.")
@click.option("--ledger", type=click.Path(dir_okay=False), help="Write what each charger did, JSON lines.")
def simulate(**options: Any) -> None:
    """Run simulated chargers against a node."""
    open_files()  # each charger is one
    options["tags"] = options["tags"] or DEFAULTS.tags
    raise SystemExit(run(SimulationSettings(**options)))
