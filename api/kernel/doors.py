"""Who may knock at an HTTP port, whatever is behind it: by the Host asked for, and by the page that asks.

A web page in a browser on this machine, or near it, can send requests to any address. Under a name of its
own that leads here (DNS rebinding) it could read the answers, too. So a port on loopback is asked under the
names of loopback only, and another origin's pages get nothing; settings name the exceptions.
"""

from __future__ import annotations

import ipaddress
from typing import Final

import msgspec
from werkzeug.exceptions import Forbidden

from api.http.exchange import Exchange
from api.http.head import METHODS
from api.http.house import Serve
from api.http.message import Request, Response
from api.kernel.answers import CORRELATION, correlate
from api.kernel.direct import finished
from api.kernel.operations import failed
from api.kernel.problems import Render
from engine.settings import Settings, is_loopback

FOREIGN_HOST: Final = "this address is not asked under that name; allow it with the setting http_hosts"
FOREIGN_PAGE: Final = "this address is not for web pages of other origins; allow one with http_origins"
KEEP_PREFLIGHT: Final = b"600"  # seconds for which a browser may remember that it may ask
ASKABLE: Final = b"authorization, content-type, " + CORRELATION.lower().encode()


class Door(msgspec.Struct, frozen=True):
    """The rules of one port."""

    loopback: bool  # it listens on loopback only
    hosts: frozenset[str]
    origins: frozenset[str]

    def refusal(self, request: Request) -> str | None:
        """Why the request is not let in; None: it is."""
        if not self._knows(hostname(request.host)):
            return FOREIGN_HOST
        origin = origin_of(request)
        if origin is not None and origin not in self.origins and not _is_own(origin, request):
            return FOREIGN_PAGE
        return None

    def shares_with(self, request: Request) -> str | None:
        """The other origin whose pages may read the answer."""
        origin = origin_of(request)
        return origin if origin in self.origins else None

    def _knows(self, name: str) -> bool:
        if not name or name in self.hosts or is_loopback(name):  # browsers always send a name
            return True
        if self.loopback:
            return False
        return not self.hosts or _is_address(name)  # an address cannot be rebound


def door_of(settings: Settings, bound: str) -> Door:
    """The door at the address `bound`."""
    return Door(
        loopback=is_loopback(bound),
        hosts=frozenset(name.lower() for name in settings.http_hosts),
        origins=frozenset(origin.lower().rstrip("/") for origin in settings.http_origins),
    )


def guarded(door: Door, otherwise: Serve, render: Render) -> Serve:
    """`otherwise`, for those who may knock."""

    async def serve(exchange: Exchange) -> None:
        request = exchange.request
        refusal = door.refusal(request)
        if refusal is not None:
            answer = failed(Forbidden(refusal), render, method=request.method, path=request.path)
            await exchange.respond(finished(answer, correlate("")))
            return
        if request.path == "*":
            await exchange.respond(Response(204, b"", ((b"allow", b", ".join(METHODS)),)))
            return
        origin = door.shares_with(request)
        if origin is not None:
            exchange.also = _shared(origin.encode())
            if request.method == "OPTIONS" and request.header(b"access-control-request-method"):
                await exchange.respond(_preflight())
                return
        await otherwise(exchange)

    return serve


def hostname(host: bytes) -> str:
    """The name or address in a Host, without its port and an address's brackets."""
    text = host.decode("ascii").lower()
    name = text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]
    return name.rstrip(".")


def origin_of(request: Request) -> str | None:
    """What a browser says of the page that asks; None: no page asks."""
    origin = request.header(b"origin")
    return None if origin is None else origin.decode("latin-1").lower()


def _is_own(origin: str, request: Request) -> bool:
    """Whether the page came from here. Its scheme may be another one: a proxy may have ended TLS."""
    _, separator, host = origin.partition("://")
    return bool(separator) and host.encode("latin-1") == request.host.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _shared(origin: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", CORRELATION.lower().encode() + b", retry-after"),
        (b"vary", b"origin"),
    )


def _preflight() -> Response:
    return Response(
        204,
        b"",
        (
            (b"access-control-allow-methods", b", ".join(METHODS)),
            (b"access-control-allow-headers", ASKABLE),
            (b"access-control-max-age", KEEP_PREFLIGHT),
        ),
    )
