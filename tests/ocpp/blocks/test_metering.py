"""MeterValues: to which session they go, and what is left out because it is stored already."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from types import ModuleType

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.changes import MeterValueAdded
from engine.domain.lookups import SamplesSince, SessionOfTransaction
from engine.domain.metering.readings import identity
from engine.domain.state import ChargePoint, Metering, Session, SessionStatus
from engine.ocpp.blocks.metering.meter_values import (
    meter_values_needs_v16,
    meter_values_v2x,
    meter_values_v16,
)
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Facts
from tests.answers import facts_of

REGISTER = v16.SampledValue(value="1500")
SOC = v16.SampledValue(value="40", measurand="SoC", location="EV")
SIGNED = v16.SampledValue(value='OCMF|{"FV":"1.0"}|{"SD":"30"}', format="SignedData")
Message = Callable[..., v16.MeterValues]


@pytest.fixture
def charging(cp: ChargePoint, now: datetime) -> ChargePoint:
    """Session 7 on EVSE 1 since an hour, last sampled ten minutes ago."""
    then = now - timedelta(minutes=10)
    session = Session(
        id=7,
        transaction_id="7",
        evse_number=1,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=now - timedelta(hours=1),
        meter_start_wh=1_000,
        metering=Metering(energy_wh=200, register_wh=1_200, register_at=then, last_sample_at=then),
    )
    return replace(cp, sessions={"7": session})


@pytest.fixture
def message(now: datetime) -> Message:
    """MeterValues of connector 1: transaction id (None: absent), then (minutes after `now`, samples…)."""

    def make(
        transaction: int | None, *values: tuple[float, *tuple[v16.SampledValue, ...]], connector: int = 1
    ) -> v16.MeterValues:
        meter_value = [
            v16.MeterValue(timestamp=now + timedelta(minutes=at), sampled_value=list(samples))
            for at, *samples in values
        ]
        if transaction is None:
            return v16.MeterValues(connector_id=connector, meter_value=meter_value)
        return v16.MeterValues(connector_id=connector, transaction_id=transaction, meter_value=meter_value)

    return make


def rows(
    cp: ChargePoint, request: v16.MeterValues, now: datetime, facts: Facts | None = None
) -> list[MeterValueAdded]:
    outcome = meter_values_v16(cp, request, facts or Facts(), now)
    assert outcome.reply == v16.MeterValuesResponse()
    assert outcome.durable
    return [change for change in outcome.changes if isinstance(change, MeterValueAdded)]


@pytest.mark.proves("1.6", "MeterValues")
@pytest.mark.parametrize("transaction", [7, 0, -1, None])
def test_newer_values_of_the_running_session_need_no_read(
    charging: ChargePoint, message: Message, now: datetime, transaction: int | None
) -> None:
    request = message(transaction, (0, REGISTER, SOC))
    assert not meter_values_needs_v16(charging, request)
    [row] = rows(charging, request, now)
    assert (row.session_id, row.energy_wh, row.soc_percent) == (7, 500, 40)
    after = meter_values_v16(charging, request, Facts(), now).state
    assert after.sessions["7"].metering.last_sample_at == now


@pytest.mark.parametrize("minutes", [-10, -20])
def test_values_as_old_as_the_newest_ask_for_what_is_stored(
    charging: ChargePoint, message: Message, now: datetime, minutes: int
) -> None:
    since = now + timedelta(minutes=minutes)
    request = message(7, (0, SOC), (minutes, REGISTER))
    assert meter_values_needs_v16(charging, request) == (SamplesSince(7, since),)


@pytest.mark.proves("1.6", "MeterValues")
def test_stored_samples_are_left_out_one_by_one(
    charging: ChargePoint, message: Message, now: datetime
) -> None:
    at = now - timedelta(minutes=10)
    facts = facts_of(samples=frozenset({(at, identity(REGISTER))}))
    [row] = rows(charging, message(7, (-10, REGISTER, SOC)), now, facts)
    assert msgspec.json.decode(row.samples, type=list[v16.SampledValue]) == [SOC]
    assert rows(charging, message(7, (-10, REGISTER)), now, facts) == []


@pytest.mark.proves("1.6", "MeterValues")
def test_what_one_message_says_twice_is_kept_once(
    charging: ChargePoint, message: Message, now: datetime
) -> None:
    kept = rows(charging, message(7, (0, REGISTER), (-1, SOC), (0, REGISTER, SOC)), now)
    assert [row.timestamp for row in kept] == [now - timedelta(minutes=1), now]
    assert [len(msgspec.json.decode(row.samples)) for row in kept] == [1, 2]


def test_signed_values_are_kept_verbatim_and_not_counted(
    charging: ChargePoint, message: Message, now: datetime
) -> None:
    [row] = rows(charging, message(7, (0, SIGNED)), now)
    assert msgspec.json.decode(row.samples) == [{"value": SIGNED.value, "format": "SignedData"}]
    assert row.energy_wh == 200


def test_a_closed_session_gets_its_late_values(
    charging: ChargePoint, message: Message, now: datetime
) -> None:
    closed = replace(charging.sessions["7"], status=SessionStatus.FINISHED, stopped_at=now)
    cp = replace(charging, sessions={})
    request = message(7, (-20, REGISTER))
    since = now - timedelta(minutes=20)
    assert meter_values_needs_v16(cp, request) == (SessionOfTransaction("7"), SamplesSince(7, since))
    [row] = rows(cp, request, now, facts_of(session=closed))
    # What came late says nothing of the session's totals; it keeps its own register.
    assert (row.session_id, row.energy_wh, row.register_wh) == (7, None, int(REGISTER.value))


def test_an_unknown_transaction_gives_way_to_the_connector(
    charging: ChargePoint, message: Message, now: datetime
) -> None:
    request = message(99, (0, REGISTER))
    assert meter_values_needs_v16(charging, request) == (SessionOfTransaction("99"), SamplesSince(99, now))
    [row] = rows(charging, request, now)
    assert (row.session_id, row.energy_wh) == (7, 500)


@pytest.mark.parametrize(
    "told", [(None, 2, 0), (None, 0, 0), (-1, 1, -90), (99, 2, 0)], ids=["other", "main", "before", "unknown"]
)
def test_values_of_no_session_are_the_connectors_own(
    charging: ChargePoint,
    message: Message,
    now: datetime,
    told: tuple[int | None, int, int],
) -> None:
    transaction, connector, minutes = told
    request = message(transaction, (minutes, REGISTER), connector=connector)
    [row] = rows(charging, request, now)
    assert (row.session_id, row.evse_number, row.energy_wh, row.register_wh) == (None, connector, None, 1_500)
    assert meter_values_v16(charging, request, Facts(), now).state is charging


def test_unusable_values_are_kept_and_change_nothing(
    charging: ChargePoint, message: Message, now: datetime
) -> None:
    [row] = rows(
        charging,
        message(7, (0, v16.SampledValue(value="NaN"), v16.SampledValue(value="", measurand="SoC"))),
        now,
    )
    assert (row.energy_wh, row.soc_percent) == (200, None)
    assert b"NaN" in row.samples


@pytest.mark.proves("2.x", "MeterValues")
@pytest.mark.parametrize("words", [v201, v21], ids=["ocpp2.0.1", "ocpp2.1"])
def test_values_of_2x_belong_to_no_session(cp: ChargePoint, now: datetime, words: ModuleType) -> None:
    signed = words.SignedMeterValue(
        signed_meter_data="T0NNRg==", signing_method="", encoding_method="OCMF", public_key="a2V5"
    )
    kilo = words.UnitOfMeasure(unit="kWh")
    sample = words.SampledValue(
        value=12.345, context="Sample.Clock", unit_of_measure=kilo, signed_meter_value=signed
    )
    request = words.MeterValues(
        evse_id=1, meter_value=[words.MeterValue(timestamp=now, sampled_value=[sample])]
    )
    outcome = meter_values_v2x(cp, request, Facts(), now)
    [row] = outcome.changes
    assert isinstance(row, MeterValueAdded)
    assert (row.session_id, row.evse_number, row.register_wh) == (None, 1, 12_345)
    assert msgspec.json.decode(row.samples)[0]["signedMeterValue"]["signedMeterData"] == "T0NNRg=="
    assert outcome.reply == words.MeterValuesResponse()
