"""Who has to wait: token buckets against storms, what single chargers may use, the count of failed log-ins.

Pure: time is an argument. A bucket tells how long to wait for one's turn; the caller says how long is too
long, and then takes none. Everything here is bounded, whatever is thrown at it.
"""

from __future__ import annotations

from typing import Final

FAILURE_WINDOW: Final = 60.0  # seconds in which failures are counted
FAILURE_KEYS: Final = 20_000  # keys remembered; the oldest is forgotten first
PER_ADDRESS: Final = (
    10  # an address may fail this many times as often as one identity from it (sites share one)
)
FEW: Final = 1_024  # identities that are never swept


class Rate:
    """A law: turns at `rate` per second, and after a quiet time `burst` of them at once.

    Who keeps to it keeps one number, `even`: when the next turn would come if turns were given out evenly.
    """

    __slots__ = ("interval", "slack")

    def __init__(self, rate: float, burst: float) -> None:
        self.interval = 1 / rate
        self.slack = burst * self.interval

    def wait(self, even: float, now: float) -> float:
        """Seconds until a turn would come."""
        return max(0.0, even - self.slack + self.interval - now)

    def taken(self, even: float, now: float, turns: int = 1) -> float:
        """The new number once `turns` were taken."""
        return max(even, now) + turns * self.interval


class Bucket:
    """Turns at `rate` per second; after a quiet second, a second's worth at once."""

    __slots__ = ("_even", "_rate")

    def __init__(self, rate: float, burst: float | None = None) -> None:
        self._rate = Rate(rate, rate if burst is None else burst)
        self._even = 0.0

    def wait(self, now: float) -> float:
        """Seconds until a turn would come; nothing is taken."""
        return self._rate.wait(self._even, now)

    def take(self, now: float, patience: float) -> float | None:
        """Take a turn: seconds to wait for it, or None (nothing taken) if that is more than `patience`."""
        wait = self._rate.wait(self._even, now)
        if wait > patience:
            return None
        self._even = self._rate.taken(self._even, now)
        return wait


class Allowance:
    """What chargers may send: each message uses up some of its charger's time, and so does each byte.

    A charger may be `burst` seconds ahead; who sends `message_rate` messages a second, or `data_rate` bytes,
    or half of each, stays where it is. Times in seconds.
    """

    __slots__ = ("burst", "per_byte", "per_message")

    def __init__(self, message_rate: float, data_rate: float, burst: float) -> None:
        self.per_message = 1 / message_rate
        self.per_byte = 1 / data_rate
        self.burst = burst

    def charge(self, conduct: Conduct, messages: int, size: int) -> None:
        """Count so many messages of `size` bytes, all in all."""
        conduct.spent += messages * self.per_message + size * self.per_byte


RETURNS: Final = 12  # connections, and boots, of one identity that go through at once
REPLACING: Final = 3  # turns that a connection takes which replaces another one
CONFLICT_SILENCE: Final = 600.0  # seconds between two reports that its connections replace each other


class Conduct:
    """What is remembered of one identity from one of its connections to the next: how far it is ahead.

    The `Rate` of its returns is that of all identities.
    """

    __slots__ = ("_arrivals", "_boots", "_silent_until", "spent")

    def __init__(self) -> None:
        self.spent = 0.0  # when it has made up for what it sent (`Allowance`)
        self._arrivals = 0.0
        self._boots = 0.0
        self._silent_until = 0.0  # about conflicts

    def arrive(self, returns: Rate, now: float, *, replaces: bool) -> float:
        """0 if it may connect, which is counted then; else the seconds until it may."""
        wait = returns.wait(self._arrivals, now)
        if wait == 0:
            self._arrivals = returns.taken(self._arrivals, now, REPLACING if replaces else 1)
        return wait

    def boot(self, returns: Rate, now: float, patience: float) -> float | None:
        """Take a turn to boot: as `Bucket.take`."""
        wait = returns.wait(self._boots, now)
        if wait > patience:
            return None
        self._boots = returns.taken(self._boots, now)
        return wait

    def report_conflict(self, now: float) -> bool:
        """Whether somebody is to be told that its connections replace each other: now and then."""
        due = now >= self._silent_until
        if due:
            self._silent_until = now + CONFLICT_SILENCE
        return due

    def is_clean(self, now: float) -> bool:
        """Whether there is nothing to be remembered."""
        return max(self.spent, self._arrivals, self._boots, self._silent_until) <= now


class Conducts:
    """By identity. Those of which nothing has to be remembered are swept out whenever all have doubled."""

    __slots__ = ("_known", "_sweep_at")

    def __init__(self) -> None:
        self._known: dict[str, Conduct] = {}
        self._sweep_at = FEW

    def __len__(self) -> int:
        return len(self._known)

    def of(self, identity: str, now: float) -> Conduct:
        conduct = self._known.get(identity)
        if conduct is None:
            if len(self._known) >= self._sweep_at:
                self._known = {name: kept for name, kept in self._known.items() if not kept.is_clean(now)}
                self._sweep_at = max(FEW, 2 * len(self._known))
            conduct = self._known[identity] = Conduct()
        return conduct


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
