"""What stands at `/` of the HTTP port: a page for people, or JSON, that says what is where."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from importlib import metadata
from string import Template
from typing import Final

import msgspec

from api.http.message import Response
from api.kernel.auth import Client
from api.kernel.doors import hostname
from api.kernel.operations import ENCODER, JSON, Route
from engine.node import Node
from engine.settings import Settings, is_loopback

ADMIN: Final = "/admin-api/v1"
MANAGE: Final = "/api/v0"
ANY: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - recognised, not bound
STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#222}"
    "dt{font-weight:600;margin-top:1rem}dd{margin:0}code{font-family:ui-monospace,monospace;color:#046}"
    "footer{margin-top:3rem;color:#666}@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}"
    "code{color:#8cf}a{color:#8cf}}"
)
STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"
)
PAGE: Final = Template(
    f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Voltrio</title><style>{STYLE}</style></head>
<body><h1>Voltrio</h1><p>A charging station management system.</p><dl>$entries</dl>
<footer>$version</footer></body></html>
"""
)


class Entry(msgspec.Struct, frozen=True):
    """One thing, and where it is; `link` where a browser can go there."""

    title: str
    address: str
    says: str
    link: bool = False


async def front(node: Node, client: Client) -> Response:
    """For browsers a page, for everybody else JSON."""
    settings = node.settings
    entries = {name: entry for name, entry in _entries(settings, _asked_as(client)).items() if entry.address}
    # Which version it is helps those most who look for holes: it is said on this machine only.
    version = metadata.version("voltrio") if is_loopback(settings.http_host) else None
    vary = (b"vary", b"accept")
    if "text/html" in client.header(b"accept"):
        page = _page(list(entries.values()), version)
        policy = (b"content-security-policy", POLICY.encode())
        return Response(200, page.encode(), ((b"content-type", b"text/html; charset=utf-8"), policy, vary))
    body = {"name": "Voltrio", **({"version": version} if version else {})}
    links = {name: entry.address for name, entry in entries.items()}
    return Response(200, ENCODER.encode({**body, "links": links}) + b"\n", (JSON, vary))


def _entries(settings: Settings, host: str) -> Mapping[str, Entry]:
    """By their names in JSON."""
    return {
        "chargers": Entry("Chargers connect to", _chargers(settings, host), "OCPP-J 1.6, 2.0.1 and 2.1"),
        "live": Entry("Health: alive", "/health/live", "200 while the process works", link=True),
        "ready": Entry("Health: ready", "/health/ready", "200 while it can serve, else why not", link=True),
        "metrics": Entry("Metrics", "/metrics", "Prometheus text", link=True),
        "admin": Entry("Admin API", ADMIN, "JSON, with a token: `voltrio token create NAME` makes one"),
        "reference": Entry("Admin API, to browse", f"{ADMIN}/docs", "all operations, to try out", link=True),
        "manage": Entry("Management API", _manage(settings), "for programs that set up stations"),
        "documentation": Entry("Documentation", "docs/README.md", "in the sources; `voltrio --help` here"),
    }


def _page(entries: Sequence[Entry], version: str | None) -> str:
    lines = []
    for entry in entries:
        address = f"<code>{escape(entry.address)}</code>"
        if entry.link:
            address = f'<a href="{escape(entry.address)}">{address}</a>'
        lines.append(f"<dt>{escape(entry.title)}</dt><dd>{address}<br>{escape(entry.says)}</dd>")
    shown = f"Version {escape(version)}" if version else ""
    return PAGE.substitute(entries="\n".join(lines), version=shown)


def _asked_as(client: Client) -> str:
    """The name under which the caller reaches this machine."""
    return hostname(client.header(b"host").encode("ascii", "ignore"))


def _chargers(settings: Settings, host: str) -> str:
    """Where chargers connect, if the settings say so; by TLS where there is."""
    secure = settings.ocpp_tls_port is not None
    port = settings.ocpp_tls_port if secure else settings.ocpp_port
    name = host if settings.ocpp_host in ANY else settings.ocpp_host
    return f"{'wss' if secure else 'ws'}://{_bracketed(name)}:{port}/ocpp/<identity>" if port and name else ""


def _manage(settings: Settings) -> str:
    """Where it is, for those on this machine; others need not know."""
    local = is_loopback(settings.manage_host) and is_loopback(settings.http_host) and settings.manage_port
    return f"http://{_bracketed(settings.manage_host)}:{settings.manage_port}{MANAGE}" if local else ""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


FRONT: Final = (Route("GET", "/", front),)
