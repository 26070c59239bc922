"""Registration with the server: BootNotification until it accepts, then Heartbeats at the interval it gave
(OCPP 1.6 §4.2, §4.6; OCPP 2.x B01 to B03, G02).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from engine.ocpp.step import Message
from engine.simulator.link import NoAnswer, Rejected

if TYPE_CHECKING:
    from engine.simulator.charger import Charger

FALLBACK_RETRY: Final = 60.0  # boot again after so long if the server names no interval, seconds


class Registration:
    """Whether the server has accepted this charger."""

    def __init__(self, charger: Charger) -> None:
        self.accepted = False
        self._charger = charger
        self._admitted = trio.Event()

    async def complete(self) -> None:
        """Boot until the server accepts."""
        self.accepted = False
        self._admitted = trio.Event()
        while not self.accepted:
            try:
                interval = await self.boot(self._charger.boot_notification())
            except (NoAnswer, Rejected):
                await self._charger.time.sleep(FALLBACK_RETRY)
                continue
            if not self.accepted:
                with self._charger.time.limit(interval or FALLBACK_RETRY):
                    await self._admitted.wait()  # for a boot that the server triggered

    async def boot(self, notification: Message) -> int:
        """Send a BootNotification and take the answer; the interval that the server gave, seconds."""
        answer = await self._charger.call(notification)
        interval: int = answer.interval
        self.accepted = answer.status == "Accepted"
        if self.accepted:
            self._admitted.set()
            self._charger.clock.set(answer.current_time)
            if interval > 0:
                self._charger.heartbeat_interval = interval
        return interval

    async def heartbeats(self) -> None:
        """Send a Heartbeat at every interval. Never returns."""
        while True:
            await self._charger.time.sleep(max(1, self._charger.heartbeat_interval))
            await self.heartbeat()

    async def heartbeat(self) -> None:
        with suppress(NoAnswer, Rejected):  # counted where it happened; the next one comes anyway
            answer = await self._charger.call(self._charger.messages["Heartbeat"][0]())
            self._charger.clock.set(answer.current_time)
