"""Where bare chargers connect, and the HTTP request that opens a WebSocket there."""

from __future__ import annotations

import base64
from urllib.parse import quote, urlsplit

import msgspec


class Target(msgspec.Struct, frozen=True):
    """Where bare chargers connect: an IPv4 address, and a path to which the identity is appended."""

    host: str
    port: int
    path: str = "/ocpp"
    password: str | None = None

    @classmethod
    def from_url(cls, url: str, password: str | None = None) -> Target:
        """From ws://host:port/path; TLS is not spoken here."""
        parts = urlsplit(url)
        if parts.scheme != "ws" or not parts.hostname:
            raise ValueError(f"{url!r} is not a ws:// address")
        return cls(parts.hostname, parts.port or 80, parts.path.rstrip("/"), password)

    def upgrade(self, identity: str) -> bytes:
        """The request that opens a WebSocket for this identity."""
        lines = [
            f"GET {self.path}/{quote(identity, safe='')} HTTP/1.1",
            f"Host: {self.host}:{self.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dm9sdHJpbyBsb2FkIGtleQ==",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: ocpp1.6",
        ]
        if self.password is not None:
            token = base64.b64encode(f"{identity}:{self.password}".encode()).decode()
            lines.append(f"Authorization: Basic {token}")
        return "\r\n".join([*lines, "", ""]).encode()
