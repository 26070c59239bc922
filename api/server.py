"""The two HTTP listeners of a node: the HTTP port (health, metrics, admin API) and the management port.

Services for `engine.node.run`: each reports the addresses it listens on once it does.
"""

from __future__ import annotations

import logging
from typing import Final

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from quart_trio import QuartTrio

from api.admin import admin_app
from api.manage import PREFIX as MANAGE_PREFIX
from api.manage import manage_app
from engine.node import Node

MAX_HEADERS: Final = 32_768  # bytes of a request's line and headers
KEEP_ALIVE: Final = 30.0  # seconds an idle connection is kept
GRACE: Final = 5.0  # seconds for requests in flight when the node stops


async def serve_http(
    node: Node, *, task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve the HTTP port until cancelled."""
    await _serve(
        admin_app(node), node.settings.http_host, node.settings.http_port, suffix="", task_status=task_status
    )


async def serve_manage(
    node: Node, *, task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve the management API until cancelled."""
    await _serve(
        manage_app(node),
        node.settings.manage_host,
        node.settings.manage_port,
        suffix=MANAGE_PREFIX,
        task_status=task_status,
    )


async def _serve(
    app: QuartTrio, host: str, port: int, *, suffix: str, task_status: trio.TaskStatus[list[str]]
) -> None:
    async with trio.open_nursery() as nursery:
        try:
            bound: list[str] = await nursery.start(serve, app, configuration(host, port))
        except* OSError as group:
            raise _naming(f"{host}:{port}", group) from None
        task_status.started([address + suffix for address in bound])


def _naming(address: str, error: BaseException) -> OSError:
    """The error in a group of groups, with the address that cannot be had."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    number, text = error.args[:2] if isinstance(error, OSError) and error.errno else (None, str(error))
    return OSError(number, f"{text}: {address}")


def configuration(host: str, port: int) -> Config:
    """Hypercorn's settings: bounded, quiet (we log requests that fail), without naming itself."""
    config = Config()
    config.bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.h11_max_incomplete_size = MAX_HEADERS
    config.keep_alive_timeout = KEEP_ALIVE
    config.graceful_timeout = GRACE
    config.websocket_max_message_size = 1
    return config
