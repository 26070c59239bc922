"""What the connections of one server share: what answers them, their limits, and the one look at all of them.

A connection says by when its client must have done something (`due`); `House.watch` ends those that are late,
once a second, so that nothing is timed for a single request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

import msgspec
import trio

from api.http import wire
from api.http.exchange import Exchange
from api.http.message import Refusal, Response, plain
from api.http.turns import Turns

if TYPE_CHECKING:
    from api.http.connection import Connection

TICK: Final = 1.0  # seconds between two looks at all connections

Serve: TypeAlias = Callable[[Exchange], Awaitable[None]]  # answers one request


class Limits(msgspec.Struct, frozen=True):
    """Bounds of one connection. Times in seconds, of which a second more may pass; sizes in bytes."""

    body: int = 1_048_576
    head_timeout: float = 10.0  # from the connection, or from a request's first byte, to the end of its head
    body_timeout: float = 20.0  # for a body
    idle_timeout: float = 30.0  # between two requests
    write_timeout: float = 30.0  # for a client to take a piece of its answer (PIECE)
    bodies: int = 67_108_864  # of all requests together, while they are served
    bodies_of_one: int = 16_777_216  # of those of one address


class House:
    """What the connections of one server share."""

    __slots__ = (
        "_bodies", "_bodies_of", "connections", "dates", "draining", "limits", "noted", "now", "refused",
        "serve", "turns",
    )  # fmt: skip

    def __init__(
        self,
        serve: Serve,
        limits: Limits,
        *,
        refused: Callable[[int, str], Response] = plain,
        noted: Callable[[int], None] = lambda _: None,
        turns: Turns | None = None,
        dates: wire.Dates | None = None,
    ) -> None:
        self.serve = serve
        self.limits = limits
        self.refused = refused  # how an answer looks that the server itself gives
        self.noted = noted  # told the status of each answer
        self.turns = turns  # None: nobody waits
        self.dates = dates or wire.Dates()
        self.connections: set[Connection] = set()
        self.draining = False
        self._bodies = 0  # bytes of bodies that are held
        self._bodies_of: Counter[str] = Counter()  # … for whom
        self.now = 0.0  # Trio's time at the last look

    async def watch(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> NoReturn:
        """Look at all connections again and again; to be started before the first one comes."""
        self.now = trio.current_time()
        task_status.started()
        while True:
            await trio.sleep(TICK)
            self.now = trio.current_time()
            for connection in list(self.connections):
                connection.look(self.now)

    def hold(self, owner: str, size: int) -> None:
        """Count so many bytes of a body. Raises Refusal where they are too many."""
        self._bodies += size
        self._bodies_of[owner] += size
        if self._bodies > self.limits.bodies or self._bodies_of[owner] > self.limits.bodies_of_one:
            raise Refusal(503, "too much is being sent here at this moment")

    def release(self, owner: str, size: int) -> None:
        """They are no longer held."""
        self._bodies -= size
        self._bodies_of[owner] -= size
        if not self._bodies_of[owner]:
            del self._bodies_of[owner]

    def drain(self) -> None:
        """Answer what has been asked, and nothing more."""
        self.draining = True
        for connection in list(self.connections):
            if connection.waiting:
                connection.channel.close()
