"""Brings the charge points' side of a node to life: timers, doors, and the tasks of all connections."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import partial

import trio

from engine.limits import MOST, Shares, share
from engine.metrics import Metrics
from engine.points.certificates import Certificates, for_chargers
from engine.points.keeping_up import refresh_changed
from engine.points.listener import Listener
from engine.points.registry import Registry
from engine.points.shared import Store
from engine.points.sockets import listen
from engine.settings import Settings
from engine.supervision import keep


async def serve_chargers(
    settings: Settings,
    store: Store,
    registry: Registry,
    metrics: Metrics,
    *,
    shares: Shares | None = None,
    task_status: trio.TaskStatus[Sequence[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve charge points until cancelled; `registry.drain` closes the doors before.

    `shares` says how many connections there may be; as many as the settings allow if absent.

    Reports as `started` the addresses, e.g. `ws://127.0.0.1:9000/ocpp/`. Raises OSError when a port or a
    certificate cannot be used (ssl.SSLError is one).
    """
    certificates = for_chargers(settings) if settings.ocpp_tls_port is not None else None
    listener = Listener(registry, settings, shares or share(MOST, settings))
    doors: list[tuple[socket.socket, Certificates | None]] = [
        (sock, None) for sock in await listen(settings.ocpp_host, settings.ocpp_port)
    ]
    try:
        if certificates is not None and settings.ocpp_tls_port is not None:
            secured = await listen(settings.ocpp_host, settings.ocpp_tls_port)
            doors += [(sock, certificates) for sock in secured]
        async with trio.open_nursery() as nursery:
            registry.shared.nursery = nursery
            for name, task in registry.tasks().items():
                nursery.start_soon(keep, name, task, metrics.task_failures)
            store.follower.subscribe(partial(refresh_changed, registry))
            store.nodes.subscribe(registry.lose)
            await registry.restore()
            task_status.started([_address(sock, secure is not None) for sock, secure in doors])
            with registry.door:
                async with trio.open_nursery() as accepting:
                    for sock, secure in doors:
                        accept = partial(listener.accept_all, sock, secure)
                        accepting.start_soon(keep, "accept", accept, metrics.task_failures)
            for sock, _ in doors:
                sock.close()  # draining: who comes now is refused at once and tries elsewhere
    finally:
        listener.close()
        for sock, _ in doors:
            sock.close()


def _address(sock: socket.socket, secure: bool) -> str:
    host, port = sock.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"{'wss' if secure else 'ws'}://{shown}:{port}/ocpp/"
