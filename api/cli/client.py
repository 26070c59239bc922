"""A small HTTP client whose errors say what to do and carry an exit code."""

from __future__ import annotations

import functools
import shlex
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import quote, unquote

import click
import httpx

DEFAULT_SERVER: Final = "http://127.0.0.1:8080"
TIMEOUT: Final = 60.0  # seconds; a call to a charger takes its own
HOW_TO_GET_ONE: Final = (
    "`voltrio serve` writes one into its data folder (first-token) when it first starts;\n"
    "`voltrio token create NAME --data FOLDER` makes another."
)
PAGE: Final = 100  # rows asked for at a time
PAGE_LIMIT: Final = 1_000_000  # rows of a listing without a limit of its own

P = ParamSpec("P")
R = TypeVar("R")


class Failure(click.ClickException):
    """An error for the person at the terminal: the node refused, and said why.

    `status` is that of the node's answer, 0 where there was none.
    """

    status = 0


class Usage(Failure):
    """The settings or arguments are wrong."""

    exit_code = 2


class Unreachable(Failure):
    """No node answers."""

    exit_code = 3


class TokenRefused(Failure):
    """The token is missing or invalid."""

    exit_code = 4


class Silent(Failure):
    """The charge point is offline or did not answer."""

    exit_code = 5


class ChargerError(Failure):
    """The charge point answered with an error."""

    exit_code = 6


FAILURES: Final[Mapping[int, type[Failure]]] = {
    401: TokenRefused,
    403: TokenRefused,
    406: ChargerError,
    408: Silent,
    424: Silent,
}


WHAT_THERE_IS: Final[Mapping[str, str]] = {
    "stations": "`voltrio station list` shows those there are, and who is connected.",
    "id-tags": "`voltrio tag list` shows those there are.",
    "sessions": "`voltrio session list` shows those there are.",
    "tokens": "`voltrio token list` shows those there are.",
}


class Client:
    """The admin API of one node. Methods return decoded JSON (None for an empty body) or raise Failure."""

    def __init__(self, server: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        self._server = server
        # What the system trusts, and SSL_CERT_FILE; loading it takes a moment.
        trusted = ssl.create_default_context() if server.startswith("https:") else True
        self._http = httpx.Client(
            verify=trusted,
            base_url=server.rstrip("/") + "/admin-api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT,
            transport=transport,
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        return self.request("GET", path, params={k: v for k, v in query.items() if v is not None})

    def pages(self, path: str, most: int | None = None, **query: Any) -> Iterator[Any]:
        """The rows of a listing, page after page, `most` at most."""
        cursor: Any = None
        left = PAGE_LIMIT if most is None else most
        while left > 0:
            page = self.get(path, cursor=cursor, limit=min(left, PAGE), **query)
            yield from page["data"]
            left -= len(page["data"])
            cursor = page["nextCursor"]
            if cursor is None:
                return

    def post(self, path: str, body: object = None, timeout: float = TIMEOUT) -> Any:
        return self.request("POST", path, json=body or {}, timeout=timeout)

    def delete(self, path: str) -> Any:
        return self.request("DELETE", path)

    def request(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            response = self._http.request(method, path, **arguments)
        except httpx.TimeoutException:
            raise Unreachable(f"The node at {self._server} did not answer in time.") from None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            raise Usage(f"{self._server!r} is not an address such as {DEFAULT_SERVER} (--server).") from None
        except httpx.TransportError as error:
            raise Unreachable(
                f"No node answers at {self._server} ({error}).\n"
                "Start one with `voltrio serve` (or `make run`), or name another with --server."
            ) from None
        if response.is_success:
            return response.json() if response.content else None
        raise _failure(response, self._server, path)


def _failure(response: httpx.Response, server: str, path: str) -> Failure:
    failure = FAILURES.get(response.status_code, Failure)
    if failure is TokenRefused:
        return failure(f"{server} does not accept this token. {HOW_TO_GET_ONE}")
    try:
        body = response.json()
    except ValueError:
        return failure(f"{server} answered {response.status_code}; is it a Voltrio node?")
    lines = [str(body.get("message", response.reason_phrase))]
    lines += [f"  {field}: {text}" for field, texts in body.get("errors", {}).items() for text in texts]
    if body.get("details"):
        lines.append(f"  details: {body['details']}")
    if hint := _hint(failure, response.status_code, path, server):
        lines.append(hint)
    refusal = failure("\n".join(lines))
    refusal.status = response.status_code
    return refusal


def _hint(failure: type[Failure], status: int, path: str, server: str) -> str:
    """What to look at next."""
    _, family, *rest = path.split("/")
    if status == httpx.codes.NOT_FOUND and not rest:
        return f"Is {server} the HTTP API of a Voltrio node?"
    if status == httpx.codes.NOT_FOUND and rest[1:] != ["upgrade"]:
        return WHAT_THERE_IS.get(family, "")
    if failure is Silent and family == "stations" and rest:
        identity = shlex.quote(unquote(rest[0]))
        return (
            f"When it was last there: `voltrio station show {identity}`. "
            f"What it said last: `voltrio messages {identity}`."
        )
    return ""


def segment(text: str) -> str:
    """`text` as one segment of a path."""
    return quote(text, safe="")


def remote(command: Callable[Concatenate[Client, P], R]) -> Callable[P, R]:
    """Give a command the options --server and --token, and the client they lead to as its first argument."""

    @click.option(
        "--server",
        envvar="VOLTRIO_SERVER",
        default=DEFAULT_SERVER,
        show_default=True,
        help="HTTP address of the node [VOLTRIO_SERVER].",
    )
    @click.option("--token", envvar="VOLTRIO_TOKEN", help="API token [VOLTRIO_TOKEN].")
    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        server, token = str(kwargs.pop("server")), kwargs.pop("token")
        if not token:
            raise TokenRefused(f"Give --token or set VOLTRIO_TOKEN. {HOW_TO_GET_ONE}")
        with closing(Client(server, str(token))) as client:
            return command(client, *args, **kwargs)

    return wrapper
