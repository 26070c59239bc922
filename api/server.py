"""The two HTTP listeners of a node: the HTTP port (health, metrics, admin API) and the management port.

Services for `engine.run.run`: each reports the addresses it listens on once it does.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Final

import trio

from api.admin import admin_site
from api.http.house import House, Limits
from api.http.server import Server
from api.http.turns import Turns
from api.kernel.sites import Site
from api.manage import PREFIX as MANAGE_PREFIX
from api.manage import manage_site
from engine.node import Node
from engine.points.certificates import for_http
from engine.points.proxies import Proxies
from engine.points.sockets import listen
from engine.settings import Settings

ALPN: Final = "http/1.1"
MAX_BODY: Final = 1_048_576  # bytes


async def serve_http(
    node: Node, *, task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve the HTTP port until cancelled."""
    settings = node.settings
    await _serve(
        node, admin_site(node), settings.http_host, settings.http_port, suffix="", task_status=task_status
    )


async def serve_manage(
    node: Node, *, task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve the management API until cancelled."""
    settings = node.settings
    await _serve(
        node,
        manage_site(node),
        settings.manage_host,
        settings.manage_port,
        suffix=MANAGE_PREFIX,
        task_status=task_status,
    )


async def _serve(
    node: Node, site: Site, host: str, port: int, *, suffix: str, task_status: trio.TaskStatus[list[str]]
) -> None:
    secured = _secured(node.settings)
    turns = Turns(node.settings.http_rate, Proxies(node.settings.trusted_proxies))
    metrics = node.metrics
    house = House(
        site.serve,
        Limits(body=MAX_BODY),
        refused=site.refused,
        noted=lambda status: metrics.http_answers.add(str(status)),
        turns=turns,
    )
    server = Server(house, node.http_places, secured=secured, turned_away=metrics.http_turned_away.add)
    listening = await listen(host, port)
    scheme = "http" if secured is None else "https"
    addresses = [f"{scheme}://{_shown(sock.getsockname())}{suffix}" for sock in listening]
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run, listening)
        task_status.started(addresses)


def _shown(address: tuple[str, int]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _secured(settings: Settings) -> Callable[[], ssl.SSLContext] | None:
    """What gives the context of the next connection, where the HTTP ports speak TLS."""
    certificates = for_http(settings)
    if certificates is None:
        return None

    def context() -> ssl.SSLContext:
        made = certificates.context(trio.current_time())
        made.set_alpn_protocols([ALPN])
        return made

    return context
