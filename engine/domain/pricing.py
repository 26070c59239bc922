"""What a session costs by the simple price: per session, per kWh, per minute. Exact decimals, rounded once.

The result depends on nothing but its arguments, so it is computed whenever it is read and stored nowhere.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from engine.domain.state import Frozen

CENT: Final = Decimal("0.01")
WH_PER_KWH: Final = 1_000
ZERO: Final = Decimal(0)


class Price(Frozen, frozen=True):
    """Prices in `currency` (ISO 4217), tax included."""

    currency: str
    per_session: Decimal = ZERO
    per_kwh: Decimal = ZERO
    per_minute: Decimal = ZERO


class Amount(Frozen, frozen=True):
    """The parts unrounded, their sum in cents, rounded half up."""

    currency: str
    session: Decimal
    energy: Decimal
    time: Decimal
    total: Decimal


def rate(price: Price, energy_wh: int, duration: timedelta) -> Amount:
    """The amount for `energy_wh` over `duration`; time counts by the second, negative ones as nothing."""
    seconds = Decimal(max(duration, timedelta(0)) // timedelta(seconds=1))
    energy = price.per_kwh * max(energy_wh, 0) / WH_PER_KWH
    time = price.per_minute * seconds / 60
    total = price.per_session + energy + time
    return Amount(
        currency=price.currency,
        session=price.per_session,
        energy=energy,
        time=time,
        total=total.quantize(CENT, ROUND_HALF_UP),
    )
