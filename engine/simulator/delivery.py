"""How messages leave a charger: those of transactions in order and until they are answered, all others in
order and once (OCPP 1.6 §3.7).
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Final

import trio

from engine.ocpp.step import Message
from engine.simulator.link import NoAnswer, Rejected
from engine.simulator.outbox import Pending

if TYPE_CHECKING:
    from engine.simulator.charger import Charger

NOTICES: Final = 64  # messages outside transactions that may wait; the oldest is dropped


class Delivery:
    """Empties the outbox while there is a connection."""

    def __init__(self, charger: Charger, dice: Random) -> None:
        self.given_up = 0  # messages dropped after the last attempt
        self._charger = charger
        self._dice = dice

    async def run(self) -> None:
        """Send each message until it is answered or its attempts are used up. Never returns."""
        charger = self._charger
        while True:
            pending = await charger.outbox.head()
            if not pending.message_id:
                pending.message_id = charger.new_id()
            try:
                pending.answers.append(await charger.call(pending.build(), pending.message_id))
            except (NoAnswer, Rejected):
                await self._again(pending)
                continue
            if self._dice.random() < charger.world.mix.lost_answers:
                # The server has acted and the charger does not know: it will say the same again.
                charger.world.counts.lost += 1
                await self._pause(pending, 1)
                continue
            charger.outbox.remove_head()
            pending.acknowledge(pending.answers)

    async def _again(self, pending: Pending) -> None:
        attempts, _ = self._charger.retry_rule
        pending.attempts += 1
        if pending.attempts >= attempts:
            self._charger.outbox.remove_head()
            self.given_up += 1
        else:
            await self._pause(pending, pending.attempts)

    async def _pause(self, pending: Pending, times: int) -> None:
        if self._dice.random() < 0.5:  # some chargers repeat the frame, some make a new one
            pending.message_id = ""
        await self._charger.time.sleep(self._charger.retry_rule[1] * times)


class Notices:
    """Messages that belong to no transaction; there are none while there is no connection."""

    def __init__(self, charger: Charger) -> None:
        self._charger = charger
        self._waiting: deque[Message] = deque(maxlen=NOTICES)
        self._added = trio.Event()

    def put(self, message: Message) -> None:
        if self._charger.uplink.connected:
            self._waiting.append(message)
            self._added.set()

    def clear(self) -> None:
        self._waiting.clear()

    async def run(self) -> None:
        """Send them. Never returns."""
        while True:
            while self._waiting:
                with suppress(NoAnswer, Rejected):  # counted where it happened
                    await self._charger.call(self._waiting.popleft())
            self._added = trio.Event()
            await self._added.wait()
