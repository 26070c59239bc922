"""The composition root: settings → store → registry → listeners → schedules → services.

A node is one process with one Trio loop. `run` owns everything it opens and closes it in the reverse order;
SIGTERM and SIGINT drain first: no new connections, work in flight ends, chargers are told to come back.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
import trio

from engine import private_files
from engine.errors import SettingsError
from engine.limits import Places, open_files, share
from engine.log_stream import LogStream
from engine.metrics import Metrics
from engine.node import Node, Service
from engine.ocpp.blocks.authorization.contract_chains import ContractCheck
from engine.ocpp.versions import protocols
from engine.operations.delivery import deliver_pending
from engine.operations.remote_start import expire_remote_starts
from engine.operations.signing import issue_certificates
from engine.points import Registry, serve_chargers
from engine.points.proxies import Proxies
from engine.security import open_authority, open_roots, open_world
from engine.settings import Settings
from engine.store import open_store

log = structlog.get_logger(__name__)

HTTP_PER_ADDRESS: Final = 2  # one address gets at most one in so many of the places for HTTP


async def run(
    settings: Settings,
    services: Sequence[Service] = (),
    *,
    announce: Callable[[Node, Sequence[str]], Any] | None = None,
    task_status: trio.TaskStatus[Node] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run one node until a signal asks it to stop.

    `announce` is called once, when every listener is up, with the node and all addresses.
    Raises SettingsError, StoreError or OSError (an address in use) when it cannot start.
    """
    metrics = Metrics()
    metrics.gauges["voltrio_log_lines_lost"] = ("Log lines that nobody took", lambda: LogStream.lost)
    with _alone_on(Path(settings.data)):
        await _run(settings, services, metrics, announce, task_status)


@contextmanager
def _alone_on(folder: Path) -> Iterator[None]:
    """Keep a second node off the data folder: each would think that the other's chargers are gone.

    The lock file holds the process id of the node that has it.
    """
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    if private_files.others_may_write(folder):
        log.warning("others can replace what is in the data folder: `chmod go-w` it", folder=str(folder))
    with private_files.lock_file(folder / "node.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(
                f"another node (process {lock.read().strip() or 0}) runs on the data folder {folder}: "
                "stop it, or choose another one with --data"
            ) from None
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


async def _run(
    settings: Settings,
    services: Sequence[Service],
    metrics: Metrics,
    announce: Callable[[Node, Sequence[str]], Any] | None,
    task_status: trio.TaskStatus[Node],
) -> None:
    shares = share(open_files(), settings)
    behind_proxy = Proxies(settings.trusted_proxies).trusts
    http_places = Places(lambda: shares.http, max(1, shares.http // HTTP_PER_ADDRESS), behind_proxy)
    async with open_store(settings, metrics) as store:
        now = partial(datetime.now, UTC)
        authority = open_authority(settings, now)
        registry = Registry(
            settings,
            store,
            metrics,
            protocols=protocols(
                ContractCheck(open_roots(settings), without_answer=settings.contracts_without_ocsp)
            ),
            outside=open_world(settings, now, metrics),
        )
        node = Node(
            settings=settings, store=store, registry=registry, metrics=metrics, http_places=http_places
        )
        async with trio.open_nursery() as nursery:
            chargers = partial(serve_chargers, shares=shares)
            addresses: list[str] = list(await nursery.start(chargers, settings, store, registry, metrics))
            renewal = timedelta(days=settings.certificate_renewal_days)
            sign = partial(issue_certificates, node, authority, renewal=renewal, now=now)
            for schedule in (deliver_pending, expire_remote_starts):
                await nursery.start(schedule, node)
            await nursery.start(sign)
            for service in services:
                addresses += await nursery.start(service, node)
            if announce is not None:
                announce(node, addresses)
            task_status.started(node)
            await _until_asked_to_stop()
            await registry.drain()
            nursery.cancel_scope.cancel()


async def _until_asked_to_stop() -> None:
    """Return at the first SIGTERM or SIGINT; a second SIGINT interrupts as usual."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            log.info("stopping", signal=signal.Signals(number).name)
            return
