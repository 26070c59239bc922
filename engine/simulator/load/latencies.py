"""How long calls took, by action, and the percentiles of it."""

from __future__ import annotations


class Latencies:
    """Seconds from call to answer, by action."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}

    def add(self, action: str, seconds: float) -> None:
        self._seconds.setdefault(action, []).append(seconds)

    def count(self, action: str) -> int:
        return len(self._seconds.get(action, ()))

    def percentile(self, action: str, percent: float) -> float:
        """The value that `percent` of the calls did not exceed; not a number without calls."""
        values = sorted(self._seconds.get(action, ()))
        if not values:
            return float("nan")
        return values[min(len(values) - 1, int(len(values) * percent / 100.0))]
