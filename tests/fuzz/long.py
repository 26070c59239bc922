"""Hypothesis for a time instead of a number of examples, so that a soak ends on any machine."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

ROUND = 500  # examples between two looks at the clock
SETTINGS = settings(
    max_examples=ROUND,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)


def examples(seconds: float, what: SearchStrategy[Any], check: Callable[[Any], None]) -> int:
    """Check fresh examples until the time is over; how many there were. What fails is shrunk and raised."""
    tried, end = 0, time.monotonic() + seconds

    def counted(value: Any) -> None:
        nonlocal tried
        tried += 1
        check(value)

    while time.monotonic() < end:
        number = random.getrandbits(64)
        print(f"seed {number}")  # shown by pytest when it fails
        seed(number)(SETTINGS(given(what)(counted)))()
    return tried
