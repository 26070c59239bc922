"""Where a charger connects and as whom: its URL, the path with its identity, its Basic credentials."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

import msgspec
import trio

Dial = Callable[[], Awaitable[trio.abc.Stream]]


class Address(msgspec.Struct, frozen=True):
    """Where and as whom a charger connects. `dial` opens the byte stream; tests give one in memory."""

    host: str
    resource: str
    headers: tuple[tuple[bytes, bytes], ...]
    dial: Dial


def address(url: str, identity: str, password: str | None, context: ssl.SSLContext | None = None) -> Address:
    """The address for a charger: identity appended to the path, Basic credentials if there is a password.

    `context` is for wss://; without one, the authorities of the system are trusted.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"{url!r} is not a ws:// or wss:// address")
    host, secure = parts.hostname, parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)

    async def dial() -> trio.abc.Stream:
        if secure:
            stream = await trio.open_ssl_over_tcp_stream(host, port, ssl_context=context)
            try:
                await stream.do_handshake()
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise
            return stream
        return await trio.open_tcp_stream(host, port)

    headers: list[tuple[bytes, bytes]] = []
    if password is not None:
        token = base64.b64encode(f"{identity}:{password}".encode())
        headers.append((b"Authorization", b"Basic " + token))
    resource = f"{parts.path.rstrip('/')}/{quote(identity, safe='')}"
    return Address(f"{host}:{port}", resource, tuple(headers), dial)
