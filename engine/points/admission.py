"""Who has to wait: token buckets against storms, and the count of failed log-ins. Pure: time is an argument.

A bucket tells how long to wait for one's turn; the caller says how long is too long, and then takes none.
Everything here is bounded, whatever is thrown at it.
"""

from __future__ import annotations

from typing import Final

FAILURE_WINDOW: Final = 60.0  # seconds in which failures are counted
FAILURE_KEYS: Final = 20_000  # keys remembered; the oldest is forgotten first
PER_ADDRESS: Final = (
    10  # an address may fail this many times as often as one identity from it (sites share one)
)


class Bucket:
    """Turns at `rate` per second; after a quiet second, a second's worth at once."""

    __slots__ = ("_free_at", "_interval", "_slack")

    def __init__(self, rate: float, burst: float | None = None) -> None:
        self._interval = 1 / rate
        self._slack = (rate if burst is None else burst) * self._interval
        self._free_at = 0.0  # when the next turn comes if turns were given out evenly

    def wait(self, now: float) -> float:
        """Seconds until a turn would come; nothing is taken."""
        return max(0.0, self._free_at - self._slack + self._interval - now)

    def take(self, now: float, patience: float) -> float | None:
        """Take a turn: seconds to wait for it, or None (nothing taken) if that is more than `patience`."""
        wait = self.wait(now)
        if wait > patience:
            return None
        self._free_at = max(self._free_at, now) + self._interval
        return wait


class Failures:
    """Failed log-ins per (address, identity) and per address within a minute."""

    __slots__ = ("_counts", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts: tuple[dict[str, tuple[int, float]], dict[str, tuple[int, float]]] = ({}, {})

    def wait(self, address: str, identity: str, now: float) -> float:
        """0 if one more attempt is allowed, else the seconds until it is."""
        pair, alone = self._counts
        return max(
            _remaining(pair, _key(address, identity), self._limit, now),
            _remaining(alone, address, self._limit * PER_ADDRESS, now),
        )

    def record(self, address: str, identity: str, now: float) -> None:
        pair, alone = self._counts
        _count(pair, _key(address, identity), now)
        _count(alone, address, now)

    def forgive(self, address: str, identity: str, now: float) -> None:
        """Take one back that was recorded before it was judged."""
        pair, alone = self._counts
        _count(pair, _key(address, identity), now, -1)
        _count(alone, address, now, -1)


def _key(address: str, identity: str) -> str:
    return f"{address} {identity}"  # an address has no space


def _remaining(counts: dict[str, tuple[int, float]], key: str, limit: int, now: float) -> float:
    count, since = counts.get(key, (0, now))
    return max(0.0, since + FAILURE_WINDOW - now) if count >= limit else 0.0


def _count(counts: dict[str, tuple[int, float]], key: str, now: float, one: int = 1) -> None:
    count, since = counts.pop(key, (0, now))
    if now - since >= FAILURE_WINDOW:
        count, since = 0, now
    if count + one <= 0:
        return
    counts[key] = (count + one, since)
    if len(counts) > FAILURE_KEYS:
        del counts[next(iter(counts))]
