"""`voltrio serve` runs a node and says how to reach it; `voltrio migrate` only updates the database."""

from __future__ import annotations

import gc
import re
import shlex
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final
from urllib.parse import urlsplit

import click
import structlog
import trio

from api.cli.advice import check_addresses, check_certificates
from api.cli.options import options_of
from api.cli.settings import config_option, settings_from
from engine import logs, private_files
from engine.domain.caller import Caller, CallerKind
from engine.errors import VoltrioError
from engine.metrics import Metrics
from engine.settings import Settings

log = structlog.get_logger(__name__)

NEW_OBJECTS: Final = 100_000  # that may be alive before the collector looks at them; some 10 MB
FIRST_TOKEN: Final = "first"  # noqa: S105 - the name of a token
TOKEN_FILE: Final = "first-token"  # noqa: S105 - in the data folder; the name of a file
CALLER: Final = Caller("serve", CallerKind.COMMAND_LINE)
ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, not bound
ELSEWHERE: Final = "192.0.2.1"  # RFC 5737: documentation, so nobody's
PASSWORD: Final = re.compile(r"(?<=password=)[^&]+")  # behind the ? of a database's address
RUNNING: Final = "Voltrio is running."  # printed when all listeners are up
# All that is printed fits a terminal of 80 columns and 24 lines, the preparation of the database included.
BANNER: Final = f"""\

{RUNNING}

  Chargers (OCPP)   {{ocpp}}
  HTTP API          {{http}}/admin-api/v1
  Health            {{http}}/health/ready
  Metrics           {{http}}/metrics
  Management API    {{manage}}
  Data              {{data}}
"""
FIRST_STEPS: Final = """
Next, in another terminal. The token is in a file that you alone can read:

  export VOLTRIO_TOKEN=$(cat {token_file})
  {voltrio} station add CP1{server}     # shows the charger's password
  {voltrio} tag add 04A2B3C4{server}
  {voltrio} session tail{server}

No charger at hand? `{voltrio} demo` shows 20 simulated ones.
"""
LATER_STEPS: Final = """
Next, in another terminal, with your token in VOLTRIO_TOKEN:

  {voltrio} station list{server}

Lost the token? This makes another:

  {voltrio} token create NAME {place}
"""


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, until the node takes both.

    The first process of a container is not even ended by a SIGTERM that it has no handler for. What a script
    starts in the background ignores Ctrl-C, and Trio has no handler for it then.
    """

    def interrupt(_: int, frame: FrameType | None) -> None:
        handler = signal.getsignal(signal.SIGINT)  # Trio's, while it runs
        if callable(handler):
            handler(signal.SIGINT, frame)

    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@click.command(
    epilog="""\b
Examples:
  voltrio serve
  voltrio serve --ocpp-host 0.0.0.0            chargers of your network may connect
  voltrio serve --database postgresql://…      your own PostgreSQL

Every option is also a key of voltrio.toml (with underscores) and an environment variable
(VOLTRIO_OCPP_PORT=9001); flags win over the environment, the environment over the file.
SIGTERM or Ctrl-C ends it in order: chargers are told to come back, work in flight is finished.
"""
)
@config_option
@options_of(Settings)
@terminable()
def serve(config: Path | None, **flags: Any) -> None:
    """Run a node: database, OCPP listener, HTTP API."""
    # The node takes a moment to load, and only this command needs it.
    from api.server import serve_http, serve_manage  # noqa: PLC0415
    from engine.node import Node  # noqa: PLC0415
    from engine.run import run  # noqa: PLC0415
    from engine.store.plan import Plan  # noqa: PLC0415
    from engine.store.readings import TOKENS  # noqa: PLC0415

    settings = settings_from(config, flags)
    logs.configure(settings.log_format, settings.log_level)
    check_addresses(settings)
    check_certificates(settings)
    _announce_database(settings)
    token_file = Path(settings.data) / TOKEN_FILE

    async def first_token(node: Node, *, task_status: trio.TaskStatus[Sequence[str]]) -> None:
        if not await node.store.rows(Plan(caller=CALLER, reading=TOKENS, limit=1)):
            created = await node.store.api_tokens.create(CALLER, FIRST_TOKEN)
            keep_token(token_file, created.secret)
        task_status.started(())

    def announce(_node: Node, addresses: Sequence[str]) -> None:
        calm_collector()
        with suppress(OSError):  # nobody reads it: no reason not to run
            click.echo(start_up_text(settings, addresses, token_file if token_file.exists() else None))

    services = (serve_http, serve_manage, first_token)  # last, so that a token is made only to be shown
    run_or_fail(partial(run, settings, services, announce=announce))


@click.command()
@config_option
@options_of(Settings, skip=set(Settings.__struct_fields__) - {"data", "database"})
def migrate(config: Path | None, **flags: Any) -> None:
    """Bring the database schema up to date. `serve` does so by itself; this is for upgrades in steps."""
    from engine.store import visit_store  # noqa: PLC0415

    settings = settings_from(config, flags)
    logs.configure(settings.log_format, settings.log_level)

    async def open_and_close() -> None:
        async with visit_store(settings, Metrics()):
            pass

    _announce_database(settings)
    run_or_fail(open_and_close)
    click.echo("The database is up to date.")


def calm_collector() -> None:
    """Let Python's collector of reference cycles run rarely.

    Messages make none, but thousands that wait for a commit look like garbage to be: at its default of 700
    new objects the collector took a third of the processor. What was loaded until now stays for good.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)


def run_or_fail(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """trio.run; the first of the errors that the person at the terminal can mend comes out by itself."""
    failures: list[BaseException] = []
    try:
        trio.run(main)
    except* (VoltrioError, OSError) as group:
        failures = leaves(group)
    except* KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
    if failures:
        raise failures[0]


def leaves(error: BaseException) -> list[BaseException]:
    """The plain exceptions in a group of groups."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]


def keep_token(file: Path, secret: str) -> None:
    """Write the first token where its owner finds it: what is printed may end in a service manager's log."""
    try:
        private_files.write(file, secret + "\n")
    except OSError as error:
        log.error("the first admin token is not written", file=str(file), error=str(error))


def place_of(settings: Settings) -> str:
    """The flags that lead to this node's database, without a password."""
    if settings.database is None:
        return f"--data {quoted(Path(settings.data))}"
    return f"--database {shlex.quote(without_password(settings.database))}"


def without_password(address: str) -> str:
    """A database's address as it may be shown."""
    scheme, _, rest = address.partition("://")
    credentials, at, place = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}://{user}{colon and ':***'}{at}{PASSWORD.sub('***', place)}"


def quoted(path: Path) -> str:
    return shlex.quote(str(path.resolve()))


def start_up_text(settings: Settings, addresses: Sequence[str], token_file: Path | None) -> str:
    """What `serve` prints once everything listens; `token_file` has the first token, if it is there."""
    ocpp = [address for address in addresses if address.startswith("ws")]
    http, manage = (dialable(address) for address in addresses if address.startswith("http"))
    banner = BANNER.format(
        ocpp="\n                    ".join(f"{dialable(address)}<identity>" for address in ocpp),
        http=http,
        manage=manage,
        data="your PostgreSQL" if settings.database else Path(settings.data).resolve(),
    )
    words = {"voltrio": program(), "server": "" if http.endswith(":8080") else f" --server {http}"}
    if token_file is not None:
        return banner + FIRST_STEPS.format(token_file=quoted(token_file), **words)
    return banner + LATER_STEPS.format(place=place_of(settings), **words)


def dialable(address: str) -> str:
    """The address for others; on all interfaces it is that of the one that leads outside."""
    url = urlsplit(address)
    return url._replace(netloc=f"{outward()}:{url.port}").geturl() if url.hostname in ANY else address


def outward() -> str:
    """This machine's address as others see it; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((ELSEWHERE, 9))
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def program() -> str:
    """How this program was called, to be typed again."""
    name = Path(sys.argv[0])
    return shlex.quote(sys.argv[0]) if name.name == "voltrio" and name.exists() else "voltrio"


def _announce_database(settings: Settings) -> None:
    if settings.database is None and not (Path(settings.data) / "postgres").exists():
        click.echo(
            f"Preparing the database in {Path(settings.data).resolve()} (first start only) …", err=True
        )
