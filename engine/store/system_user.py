"""Whom the embedded PostgreSQL runs as when the node is root, and his way to the files he needs."""

from __future__ import annotations

import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from engine.errors import StoreError

log = structlog.get_logger(__name__)

SYSTEM_USER: Final = "voltrio-postgres"  # PostgreSQL refuses to run as root


def owner_of(folder: Path) -> tuple[int, int]:
    """Whom PostgreSQL runs as when we are root: the data's owner, our system user, else `nobody`."""
    if folder.exists() and (status := folder.stat()).st_uid != 0:
        return status.st_uid, status.st_gid
    for name in (SYSTEM_USER, "nobody"):
        if name == SYSTEM_USER:
            _add_system_user()
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise StoreError(
        "PostgreSQL cannot run as root and there is no other user: start as a plain user, or give --database"
    )


def _add_system_user() -> None:
    command: Sequence[str] = (
        "useradd",
        "--system",
        "--no-create-home",
        "--shell",
        "/usr/sbin/nologin",
        SYSTEM_USER,
    )
    try:
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - it exists already: code 9
    except FileNotFoundError:
        log.info("no useradd on this system, PostgreSQL runs as nobody")


def let_through(path: Path, owner: tuple[int, int]) -> None:
    """Let the other user pass (not list) the folders above `path`, which may lie in root's private home."""
    if _passable(path, owner):
        return
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & 0o001:
            log.info("folder opened for passing through", folder=str(folder), user=owner[0])
            folder.chmod(mode | 0o001)
    if (path / "postgres").exists():  # an installation made under a strict umask
        for entry in path.parent.rglob("*"):
            mode = entry.stat().st_mode
            entry.chmod(mode | (0o005 if entry.is_dir() or mode & 0o100 else 0o004))


def _passable(path: Path, owner: tuple[int, int]) -> bool:
    program = path / "postgres" if (path / "postgres").is_file() else path
    probe = subprocess.run(  # noqa: S603 - asks the system itself, with every rule it has
        ["/bin/sh", "-c", 'test -x "$0"', str(program)],
        check=False, user=owner[0], group=owner[1], extra_groups=[], cwd="/",
    )  # fmt: skip
    return probe.returncode == 0
