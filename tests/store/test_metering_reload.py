"""What a new connection finds of a running session: the totals of the old one, whatever the clock said."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from engine.domain.access import StationRecord
from engine.domain.pricing import Price
from engine.ocpp.blocks.metering import meter_values
from engine.ocpp.blocks.transactions import start_transaction
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts
from engine.store import Store
from tests.answers import facts_of
from tests.plans import EVERYBODY

from .conftest import NOW, at, closed, opened

CENTURY = timedelta(days=30_000)


@pytest.mark.parametrize(
    "stamps",
    [
        pytest.param([60, 120, 180], id="right"),
        pytest.param([60, 120, 120], id="two of one second"),
        pytest.param([60, CENTURY.total_seconds(), 180], id="one of the future"),
        pytest.param([60, -CENTURY.total_seconds()], id="the last one never set"),
        pytest.param([120, 60], id="the last one late"),
    ],
)
async def test_totals_are_the_same_after_a_reload(
    store: Store, station: StationRecord, stamps: list[float]
) -> None:
    state = await store.reader.load(station, "ocpp1.6")
    start = v16.StartTransaction(connector_id=1, id_tag="TAG", meter_start=1_000, timestamp=NOW)
    began = start_transaction.start_transaction_v16(state, start, facts_of(new_ids=(7, 8)), at(1))
    await store.journal.commit(began.changes)
    state = began.state
    for n, second in enumerate(stamps, 1):
        sampled = [
            v16.SampledValue(value=str(1_000 + 50 * n)),
            v16.SampledValue(value=str(7_000 + n), measurand="Power.Active.Import"),
            v16.SampledValue(value="40", measurand="SoC", context="Trigger" if n % 2 else "Sample.Clock"),
        ]
        request = v16.MeterValues(
            connector_id=1,
            transaction_id=7,
            meter_value=[v16.MeterValue(timestamp=at(second), sampled_value=sampled)],
        )
        outcome = meter_values.meter_values_v16(state, request, Facts(), at(200 + n))
        await store.journal.commit(outcome.changes)
        state = outcome.state
    loaded = (await store.reader.load(station, "ocpp1.6")).sessions["7"]
    assert loaded.metering == state.sessions["7"].metering
    assert loaded.review == state.sessions["7"].review


async def test_the_amount_of_a_wrong_clock_goes_by_when_we_were_told(
    store: Store, station: StationRecord
) -> None:
    await store.operators.set_price(EVERYBODY, Price(currency="EUR", per_minute=Decimal("0.10")))
    wrong = opened(station.id, started_at=NOW - CENTURY, review=("clock_drift",))
    await store.journal.commit([wrong, closed(stop_received_at=at(3_600), review=wrong.review)])
    assert (await store.sessions.get(EVERYBODY, 1)).amount == Decimal("6.00")
