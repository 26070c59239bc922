"""`voltrio token …`: API tokens, managed through the node with a token, in its database without."""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec

import click
import msgspec

from api.cli.client import DEFAULT_SERVER, Client, Usage
from api.cli.options import options_of
from api.cli.output import as_json, print_json, print_rows
from api.cli.serve import run_or_fail
from api.cli.settings import config_option, settings_from
from api.kernel.shape import columns
from api.shapes.access import Token
from engine import logs
from engine.domain.caller import Caller, CallerKind
from engine.metrics import Metrics
from engine.settings import Settings

if TYPE_CHECKING:
    from engine.store import Store
    from engine.store.plan import Plan

CALLER: Final = Caller("cli", CallerKind.COMMAND_LINE)
DATABASE: Final = ("data", "database")  # settings that say where it is
NO_DATABASE: Final = (
    "There is no database in {folder}: --data names the node's data folder, --database its own PostgreSQL."
)
CAMEL: Final = re.compile("_([a-z])")
P = ParamSpec("P")


Remote = Callable[[Client], Any]
Local = Callable[["Store"], Awaitable[Any]]


class Place:
    """Where tokens are managed: through a node, or straight in its database."""

    def __init__(self, client: Client | None, settings: Callable[[], Settings]) -> None:
        self._client = client
        self._settings = settings

    def ask(self, remote: Remote, local: Local) -> Any:
        """`remote(client)` with a token, else `local(store)` on the database."""
        return self._in_database(local) if self._client is None else remote(self._client)

    def _in_database(self, work: Local) -> Any:
        from engine.store import visit_store  # noqa: PLC0415 - the other way does without the database

        settings = self._settings()
        if settings.database is None and not (Path(settings.data) / "postgres").exists():
            raise Usage(NO_DATABASE.format(folder=Path(settings.data).resolve()))
        logs.configure(settings.log_format, settings.log_level)  # what is printed is the answer alone
        result: list[Any] = []

        async def main() -> None:
            async with visit_store(settings, Metrics()) as store:
                result.append(await work(store))

        run_or_fail(main)
        return result[0]


def placed(command: Callable[Concatenate[Place, P], None]) -> Callable[P, None]:
    """Give a command the options that say where, and the Place they lead to as its first argument."""

    @config_option
    @options_of(Settings, skip=set(Settings.__struct_fields__) - set(DATABASE))
    @click.option(
        "--server",
        envvar="VOLTRIO_SERVER",
        default=DEFAULT_SERVER,
        show_default=True,
        help="HTTP address of the node, with --token [VOLTRIO_SERVER].",
    )
    @click.option(
        "--token",
        envvar="VOLTRIO_TOKEN",
        help="API token; without, or with --data or --database, the database is opened [VOLTRIO_TOKEN].",
    )
    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        server, token, config = str(kwargs.pop("server")), kwargs.pop("token"), kwargs.pop("config")
        flags = {name: kwargs.pop(name) for name in DATABASE}
        file = config if isinstance(config, Path) else None
        named = any(value is not None for value in flags.values())
        client = Client(server, str(token)) if token and not named else None
        with closing(client) if client is not None else nullcontext():
            command(Place(client, lambda: settings_from(file, flags)), *args, **kwargs)

    decorated: Callable[P, None] = wrapper
    return decorated


@click.group()
def token() -> None:
    """Make, list and revoke API tokens.

    With a token (--token or VOLTRIO_TOKEN) the running node is asked. Without one, or with --data or
    --database, the database is opened: whoever may read the data folder may make a token.
    """


@token.command(
    epilog="""\b
Examples:
  voltrio token create ops                     another one, with VOLTRIO_TOKEN set
  voltrio token create ops --data ./var        the first one was lost: straight in the database
  voltrio token create prometheus --scope metrics
"""
)
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice(["admin", "metrics"]),
    default="admin",
    show_default=True,
    help="admin: everything; metrics: only /metrics.",
)
@as_json
@placed
def create(place: Place, name: str, scope: str, json_: bool) -> None:
    """Make a token called NAME; it is shown this once."""
    made = place.ask(
        lambda client: client.post("/tokens", {"name": name, "scope": scope}),
        lambda store: built(store.api_tokens.create(CALLER, name, scope)),
    )
    if json_:
        print_json(made)
    else:
        click.echo(f"Token {name!r} (number {made['id']}), shown this once:\n\n  {made['secret']}\n")


@token.command(name="list")
@as_json
@placed
def list_(place: Place, json_: bool) -> None:
    """List tokens, without their secrets."""
    rows = place.ask(
        lambda client: list(client.pages("/tokens")),
        lambda store: built(store.rows(every_token())),
    )
    print_rows(rows, columns(Token), json_, "No tokens yet: voltrio token create NAME")


@token.command()
@click.argument("token_id", type=int)
@placed
def revoke(place: Place, token_id: int) -> None:
    """Make the token with number TOKEN_ID worthless."""
    place.ask(
        lambda client: client.delete(f"/tokens/{token_id}"),
        lambda store: store.api_tokens.revoke(CALLER, token_id),
    )
    click.echo(f"Token {token_id} is revoked.")


def every_token() -> Plan:
    """What is listed straight from the database."""
    from engine.store.plan import Plan  # noqa: PLC0415 - the other way does without the database
    from engine.store.readings import TOKENS  # noqa: PLC0415

    return Plan(caller=CALLER, reading=TOKENS, fields=Token.__struct_fields__, limit=1_000)


async def built(rows: Awaitable[Any]) -> Any:
    """Rows of the store as the admin API shows them."""
    return spelled(msgspec.to_builtins(await rows))


def spelled(value: Any) -> Any:
    """Members in camelCase."""
    if isinstance(value, list):
        return [spelled(one) for one in value]
    return {CAMEL.sub(lambda found: found[1].upper(), name): inner for name, inner in value.items()}
