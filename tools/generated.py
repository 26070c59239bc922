"""Files that a program writes: written anew, or with `--check` only compared."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path


def update(files: Iterable[tuple[Path, str]], remedy: str, *, check: bool) -> int:
    """Bring files up to date, or name the stale ones and the `remedy`; how many of them there are."""
    stale = 0
    for path, text in files:
        if path.exists() and path.read_text("utf-8") == text:
            continue
        if check:
            stale += 1
            sys.stderr.write(f"{path.name} is stale: run `{remedy}`\n")
        else:
            path.write_text(text, "utf-8")
    return stale
