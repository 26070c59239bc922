"""What a session costs by the simple price: per session, per kWh, per minute. Exact decimals, rounded once.

The result depends on nothing but its arguments, so it is computed whenever it is read and stored nowhere.
Whoever tells an amount, to a station or over an API, has it from `cost`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from engine.domain.state import Frozen, Price

CENT: Final = Decimal("0.01")
WH_PER_KWH: Final = 1_000


class Amount(Frozen, frozen=True):
    """The parts unrounded, their sum in cents, rounded half up."""

    currency: str
    session: Decimal
    energy: Decimal
    time: Decimal
    total: Decimal


class Billed(Frozen, frozen=True):
    """What the amount of a session depends on beside its price.

    `waived`: whatever it delivered, nobody pays for it. `clock_was_wrong`: its own times say nothing, those
    at which we were told of its begin and end count.
    """

    energy_wh: int
    started_at: datetime
    start_received_at: datetime
    stopped_at: datetime | None = None  # None: it goes on
    stop_received_at: datetime | None = None
    clock_was_wrong: bool = False
    waived: bool = False

    @property
    def is_free(self) -> bool:
        """Nobody pays for what is waived, nor for what was over before any energy (2.1 C20.FR.03)."""
        return self.waived or (self.stopped_at is not None and self.energy_wh <= 0)


def cost(price: Price, session: Billed, now: datetime) -> Amount:
    """The amount of a session: final where it has its end, else what it has come to at `now`."""
    begun, ended = session.started_at, session.stopped_at
    if session.clock_was_wrong:
        begun, ended = session.start_received_at, session.stop_received_at or ended
    if session.is_free:
        return rate(Price(currency=price.currency), 0, timedelta(0))
    return rate(price, session.energy_wh, (ended or now) - begun)


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


def spell(price: Price) -> str:
    """The price as a driver reads it: `0.50 EUR + 0.39 EUR/kWh + 0.05 EUR/min`; a free one has no parts."""
    parts = ((price.per_session, ""), (price.per_kwh, "/kWh"), (price.per_minute, "/min"))
    told = [f"{_shown(amount)} {price.currency}{unit}" for amount, unit in parts if amount]
    return " + ".join(told) or f"{_shown(Decimal(0))} {price.currency}"


def _shown(amount: Decimal) -> str:
    """With two places at least, and as many as there are."""
    return f"{amount.normalize():f}" if amount != amount.quantize(CENT) else f"{amount:.2f}"
