"""One PostgreSQL cluster of our own: make it, start it, stop it, ask how it is. No SQL.

The server listens on a Unix socket in a folder that only its owner may enter, never on the network. Methods
of `Cluster` block: run them in a thread.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil

from engine import private_files
from engine.domain.state import Frozen
from engine.errors import StoreError

SUPERUSER: Final = "postgres"
PORT: Final = 5432  # names the socket file; no TCP port is opened
START_TIMEOUT: Final = 300  # seconds; crash recovery of a large cluster takes its time

INCLUDE: Final = "include 'voltrio.conf'\n"
CONFIGURATION: Final = """\
# Written by Voltrio at every start; put your own settings into postgresql.auto.conf (ALTER SYSTEM).
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min
synchronous_commit = on
max_parallel_workers_per_gather = 0     # small /dev/shm in containers; queries here are short
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = on
log_directory = 'log'
log_filename = 'postgresql-%a.log'      # a week of logs, overwritten
log_rotation_age = 1d
log_truncate_on_rotation = on
"""


class Cluster(Frozen, frozen=True):
    """One data folder and how to run a server on it. `owner` is (uid, gid) when we are root, else None."""

    binaries: Path
    folder: Path
    sockets: Path
    owner: tuple[int, int] | None

    def dsn(self, database: str) -> str:
        """Address of a database of this server."""
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self.sockets), safe='')}&port={PORT}"

    def start(self) -> None:
        """Have a server running on the folder: create the cluster, recover, or take over a running one.

        Raises StoreError when it does not come up.
        """
        with _exclusive(self.folder.with_name("postgres.lock")):
            self._create()
            deadline = time.monotonic() + START_TIMEOUT
            while (status := self.status()) not in (None, "ready"):
                if time.monotonic() > deadline:
                    raise StoreError(f"PostgreSQL in {self.folder} stays in state {status!r}")
                time.sleep(0.05)
            if status is None:
                self._remove_recycled_pid()
                self._configure()
                self._run("pg_ctl", "start", "-w", "-s", "-t", str(START_TIMEOUT), "-l", str(self._log))

    def stop(self) -> None:
        """Stop the server, letting it write its checkpoint; nothing happens when none runs."""
        with _exclusive(self.folder.with_name("postgres.lock")):
            if self.status() is None:
                return
            try:
                self._run("pg_ctl", "stop", "-w", "-s", "-m", "fast", "-t", "60")
            except StoreError:
                if self.status() is not None:
                    self._run("pg_ctl", "stop", "-w", "-s", "-m", "immediate", "-t", "60")

    def status(self) -> str | None:
        """`ready`, `starting`, `stopping` …; None when no server runs on the folder."""
        lines = self._pid_file()
        if not lines or not lines[0].strip().isdigit() or not self._is_ours(int(lines[0])):
            return None
        return lines[7].strip() if len(lines) > 7 else "starting"

    def pid(self) -> int | None:
        """Process id of the running postmaster."""
        return int(self._pid_file()[0]) if self.status() is not None else None

    @property
    def _log(self) -> Path:
        return self.folder / "start.log"

    def _pid_file(self) -> list[str]:
        try:
            return (self.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _is_ours(self, pid: int) -> bool:
        """Whether `pid` is a PostgreSQL process of this very folder and not another that got its number."""
        try:
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == self.folder
        except psutil.Error:
            return False

    def _remove_recycled_pid(self) -> None:
        """Remove the lock files of a dead server whose process number is taken again, or not yet given up.

        PostgreSQL believes them while any process of its user has that number: another one (containers reuse
        low numbers), or its own zombie where process 1 does not reap.
        """
        for name in ("postmaster.pid", f".s.PGSQL.{PORT}.lock"):
            file = (self.folder if name == "postmaster.pid" else self.sockets) / name
            number = (file.read_text().splitlines() or [""])[0].strip() if file.exists() else ""
            if number.isdigit() and psutil.pid_exists(int(number)):
                if any(self._is_ours(pid) for pid in psutil.pids()):
                    raise StoreError(f"processes of a dead PostgreSQL still use {self.folder}")
                file.unlink()

    def _create(self) -> None:
        if (self.folder / "PG_VERSION").exists():
            return
        fresh = self.folder.with_name(
            "postgres.new"
        )  # renamed when complete, so a crash leaves no half cluster
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        self._give(fresh)
        self._run("initdb", "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale-provider=builtin",
                  "--locale=C.UTF-8", "--no-instructions", folder=fresh)  # fmt: skip
        if self.folder.exists():
            self.folder.rmdir()
        fresh.rename(self.folder)

    def _configure(self) -> None:
        with suppress(FileExistsError):
            self.sockets.mkdir(mode=0o700)
            self._give(self.sockets)
        found = self.sockets.lstat()
        if found.st_uid != (self.owner or (os.geteuid(),))[0] or found.st_mode & 0o077:
            raise StoreError(f"{self.sockets} is not for us alone: remove it")
        ours = f"{CONFIGURATION}port = {PORT}\nunix_socket_directories = '{self.sockets}'\n"
        self._write("voltrio.conf", ours)
        text = (self.folder / "postgresql.conf").read_text()
        if INCLUDE not in text:
            self._write("postgresql.conf", text + INCLUDE)

    def _write(self, name: str, text: str) -> None:
        """Whole or not at all: with half of its settings PostgreSQL would listen where it should not."""
        private_files.write(self.folder / name, text)
        self._give(self.folder / name)

    def _give(self, path: Path) -> None:
        if self.owner is not None:
            os.chown(path, *self.owner)

    def _run(self, program: str, *arguments: str, folder: Path | None = None) -> None:
        """Run one of PostgreSQL's programs on the data folder; its output only matters when it fails."""
        command = [str(self.binaries / program), *arguments, "-D", str(folder or self.folder)]
        uid, gid = self.owner or (None, None)
        with (
            tempfile.TemporaryFile() as output
        ):  # a pipe would be held open by the server that pg_ctl leaves behind
            code = subprocess.run(  # noqa: S603 - fixed programs, no shell
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder or self.folder,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                user=uid,
                group=gid,
                extra_groups=None if uid is None else [],
                umask=0o077,
            ).returncode
            if code != 0:
                output.seek(0)
                text = output.read().decode(errors="replace").strip()
                raise StoreError(f"{program} failed ({code}): {text}\n{self._tail()}".strip())

    def _tail(self) -> str:
        try:
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-10:])
        except FileNotFoundError:
            return ""


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """One start or stop at a time on this machine; the system drops the lock of a killed process."""
    with private_files.lock_file(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
