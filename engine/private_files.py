"""Files in the data folder, for their owner alone: opened as such, written whole or not at all.

Whoever may open a lock file can hold the lock, and whoever may read a token has it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO, Final

from engine.errors import SettingsError

MODE: Final = 0o600
OTHERS: Final = 0o077
WRITABLE: Final = 0o022  # by the group or by everybody


def lock_file(path: Path) -> IO[str]:
    """A file to lock, made if it is not there; one that others could hold is closed to them.

    Raises SettingsError where it is somebody else's.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    except PermissionError:
        raise SettingsError(_foreign(path)) from None
    file = os.fdopen(descriptor, "r+")
    status = os.fstat(descriptor)
    if status.st_uid not in {os.geteuid(), path.parent.stat().st_uid}:
        file.close()
        raise SettingsError(_foreign(path))
    if status.st_mode & OTHERS:
        os.fchmod(descriptor, MODE)
    return file


def write(path: Path, text: str) -> None:
    """Replace a file as a whole: it has the old content or the new one, and nobody else ever sees either."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, MODE), "w") as file:
            os.fchmod(file.fileno(), MODE)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def others_may_write(folder: Path) -> bool:
    """Whether somebody else could replace what is in the folder."""
    mode = folder.stat().st_mode
    return bool(mode & WRITABLE) and not mode & stat.S_ISVTX


def _foreign(path: Path) -> str:
    return f"{path} belongs to another user: run as that one, or choose another data folder with --data"
