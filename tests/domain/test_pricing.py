"""The simple price: exact, rounded once, never negative."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.pricing import rate, spell
from engine.domain.state import Price

PRICES = st.decimals(0, 100, places=5)


@pytest.mark.parametrize(
    ("price", "energy_wh", "seconds", "total"),
    [
        (Price(currency="EUR"), 10_000, 3_600, "0.00"),
        (Price(currency="EUR", per_session=Decimal("0.50")), 0, 0, "0.50"),
        (Price(currency="EUR", per_kwh=Decimal("0.49")), 10_000, 0, "4.90"),
        (Price(currency="EUR", per_minute=Decimal("0.10")), 0, 90, "0.15"),
        (Price(currency="EUR", per_kwh=Decimal("0.49")), 83, 0, "0.04"),
        (Price(currency="EUR", per_kwh=Decimal("0.005")), 1_000, 0, "0.01"),  # half a cent is rounded up
        (Price(currency="EUR", per_session=Decimal("0.004"), per_kwh=Decimal("0.004")), 1_000, 0, "0.01"),
        (Price(currency="EUR", per_kwh=Decimal(1), per_minute=Decimal(1)), -5, -60, "0.00"),
    ],
)
def test_totals(price: Price, energy_wh: int, seconds: int, total: str) -> None:
    assert str(rate(price, energy_wh, timedelta(seconds=seconds)).total) == total


@given(PRICES, PRICES, PRICES, st.integers(0, 10**9), st.integers(0, 10**7))
def test_the_total_is_the_sum_of_its_parts(a: Decimal, b: Decimal, c: Decimal, wh: int, seconds: int) -> None:
    price = Price(currency="EUR", per_session=a, per_kwh=b, per_minute=c)
    amount = rate(price, wh, timedelta(seconds=seconds))
    assert abs(amount.total - (amount.session + amount.energy + amount.time)) <= Decimal("0.005")


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        (("0.50000", "0.39000", "0.05000"), "0.50 EUR + 0.39 EUR/kWh + 0.05 EUR/min"),
        (("0", "0.39500", "0"), "0.395 EUR/kWh"),
        (("0", "0", "1"), "1.00 EUR/min"),
        (("0", "0", "0"), "0.00 EUR"),
    ],
)
def test_a_price_in_words(prices: tuple[str, str, str], words: str) -> None:
    session, kwh, minute = map(Decimal, prices)
    assert spell(Price(currency="EUR", per_session=session, per_kwh=kwh, per_minute=minute)) == words
