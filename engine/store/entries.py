"""One caller's changes on their way through the journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import structlog

from engine.domain.changes import Change
from engine.errors import ChangeRefused
from engine.store.statements import BULK

log = structlog.get_logger(__name__)

Done: TypeAlias = Callable[[ChangeRefused | None], None]


class Entry:
    """`done` is None where nobody waits any more; `owner` is a charge point, or 0.

    `generation` is that of the connection that has handed it in; 0: it counts whoever has the charge point.
    """

    __slots__ = ("changes", "done", "generation", "owner")

    def __init__(self, changes: Sequence[Change], done: Done | None, owner: int, generation: int) -> None:
        self.changes = changes
        self.done = done
        self.owner = owner
        self.generation = generation

    def settle(self, error: ChangeRefused | None) -> None:
        """Tell who waits. What goes wrong there is not the journal's, and no other caller's."""
        if self.done is not None:
            try:
                self.done(error)
            except Exception:
                log.exception("caller failed", kinds=self.kinds())
            self.done = None

    def size(self) -> int:
        """Bytes of those changes that may be large."""
        size = 0
        for change in self.changes:
            bulk = BULK[type(change)]
            if bulk is not None:
                size += len(getattr(change, bulk))
        return size

    def kinds(self) -> list[str]:
        return sorted({type(change).__name__ for change in self.changes})
