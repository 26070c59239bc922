"""Time in the simulation: the world's time, which may run faster than the machine's, and each charger's
imperfect clock.

All of it follows `trio.current_time`, so a mock clock drives it. Wall time is given once, as the epoch.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import trio


class Time:
    """True time of the simulated world. `speed` 60 makes a simulated hour pass in a real minute."""

    def __init__(self, epoch: datetime, speed: float = 1.0) -> None:
        self.epoch = epoch
        self.speed = speed
        self._origin = trio.current_time()

    def elapsed(self) -> float:
        """Simulated seconds since the start."""
        return (trio.current_time() - self._origin) * self.speed

    def now(self) -> datetime:
        return self.epoch + timedelta(seconds=self.elapsed())

    async def sleep(self, seconds: float) -> None:
        """Let so many simulated seconds pass."""
        await trio.sleep(seconds / self.speed)

    def limit(self, seconds: float) -> trio.CancelScope:
        """A cancel scope that ends after so many simulated seconds."""
        return trio.move_on_after(seconds / self.speed)


class ChargerClock:
    """A charger's own clock: set wrong by `offset` seconds and running `drift` seconds per second too fast.

    Whole milliseconds, because a stamp has to survive any server's storage unchanged.
    """

    def __init__(self, time: Time, offset: float = 0.0, drift: float = 0.0) -> None:
        self._time = time
        self._offset = offset
        self._drift = drift
        self._set_at = time.elapsed()

    def at(self, elapsed: float) -> datetime:
        """What this clock shows when the world is `elapsed` seconds old."""
        error = self._offset + self._drift * (elapsed - self._set_at)
        shown = self._time.epoch + timedelta(seconds=elapsed + error)
        return shown.replace(microsecond=shown.microsecond // 1000 * 1000)

    def now(self) -> datetime:
        return self.at(self._time.elapsed())

    def set(self, server_time: datetime) -> None:
        """Take over the server's time; not in a compressed world, whose time no server can know."""
        if self._time.speed == 1.0:
            self._offset = (server_time - self._time.now()).total_seconds()
            self._set_at = self._time.elapsed()
