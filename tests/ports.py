"""Ports for programs that are started later, and again: nobody else takes them meanwhile.

They lie below those that the system gives out by itself. Whoever has claimed one holds a lock as long as he
lives, so tests that run side by side never have the same.
"""

from __future__ import annotations

import fcntl
import random
import socket
import tempfile
from pathlib import Path
from typing import IO, Final

FIRST: Final = 20_000
LAST: Final = 32_000  # the system's own begin above
FOLDER: Final = Path(tempfile.gettempdir()) / "voltrio-test-ports"

_claims: list[IO[str]] = []  # open as long as this process


def claimed(count: int) -> list[int]:
    """So many ports of this process alone."""
    FOLDER.mkdir(mode=0o777, exist_ok=True)
    ports: list[int] = []
    for port in random.sample(range(FIRST, LAST), LAST - FIRST):
        if len(ports) == count:
            return ports
        if _claim(port):
            ports.append(port)
    raise AssertionError("no port is free")


def _claim(port: int) -> bool:
    lock = (FOLDER / str(port)).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        lock.close()
        return False
    _claims.append(lock)
    return True
