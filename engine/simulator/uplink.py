"""A charger's way to the server: connected whenever there are power and a network, again after each loss."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import trio

from engine.simulator.address import Address
from engine.simulator.connection import converse
from engine.simulator.link import Link, LinkLost, Refused

if TYPE_CHECKING:
    from engine.simulator.charger import Charger

BACK_OFF: Final = (1.0, 60.0)  # first and greatest wait before a reconnect, simulated seconds
POLITE_REFUSALS: Final = frozenset({429, 503})  # the server asks to come again later


class Uplink:
    """`reach` gives the address for a password; `link` is the open connection, if there is one."""

    def __init__(
        self, charger: Charger, reach: Callable[[str | None], Address], password: str | None
    ) -> None:
        self.reach = reach
        self.link: Link | None = None
        self.next_password: str | None = None  # given by the server, tried at the next connection
        self.dice = charger.dice("link")
        self._charger = charger
        self.password = password
        self._blocked: set[str] = set()  # reasons why there is no connection
        self._unblocked = trio.Event()
        self._turned_away_with: int | None = None

    @property
    def connected(self) -> bool:
        return self.link is not None

    @property
    def powered(self) -> bool:
        return self._blocked.isdisjoint({"power", "restart"})

    @asynccontextmanager
    async def without(self, what: str) -> AsyncIterator[None]:
        """No network (`what` = "network") or no power ("power") while the block runs."""
        self._blocked.add(what)
        if self.link is not None:
            await self.link.cut()
        try:
            yield
        finally:
            self._blocked.discard(what)
            if not self._blocked:
                self._unblocked.set()

    async def run(self, body: Callable[[], Awaitable[None]]) -> None:
        """Connect and run `body` on each connection. Never returns."""
        failures = 0
        while True:
            while self._blocked:
                self._unblocked = trio.Event()
                await self._unblocked.wait()
            greeted = await self._connect(body)
            failures = 0 if greeted else min(failures + 1, 10)
            first, greatest = BACK_OFF
            wait = min(first * 2**failures, greatest)
            await self._charger.time.sleep(self.dice.uniform(0.5, 1.0) * wait)

    async def _connect(self, body: Callable[[], Awaitable[None]]) -> bool:
        """One connection from dial to loss; whether it ever opened."""
        charger, greeted = self._charger, False

        async def online(link: Link) -> None:
            nonlocal greeted
            greeted = True
            self._greeted(link)
            try:
                await body()
            finally:
                self.link = None

        where = self.reach(self.next_password or self.password)
        try:
            await converse(where, charger.subprotocol, charger, charger.world.call_timeout, online)
        except LinkLost as lost:
            if not greeted:
                self._failed(lost)
        except Refused as refused:
            self._turned_away(refused)
        finally:
            self.link = None
        return greeted

    def _greeted(self, link: Link) -> None:
        self._charger.world.counts.connects += 1
        self._turned_away_with = None
        if self.next_password is not None:
            self.password, self.next_password = self.next_password, None
        self.link = link

    def _turned_away(self, refused: Refused) -> None:
        self._failed(refused)
        if refused.status == 401 and self.next_password is not None:
            self.next_password = None  # the old one still has to work
        elif refused.status not in POLITE_REFUSALS | {self._turned_away_with}:
            self._turned_away_with = refused.status  # noted once, however often it is tried again
            self._charger.complain("upgrade-refused", str(refused), "")

    def _failed(self, why: Exception) -> None:
        self._charger.world.counts.failures += 1
        self._charger.world.counts.last_failure = str(why)
