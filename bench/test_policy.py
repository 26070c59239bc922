"""The payload of a five-sample MeterValues to a message that keeps its schema."""

from __future__ import annotations

import msgspec
import pytest
from ocpp.messages import _validate_payload, unpack
from pytest_benchmark.fixture import BenchmarkFixture

from bench.samples import METER_VALUES, METER_VALUES_PAYLOAD
from engine.domain.state import Policy
from engine.ocpp.messages import v16
from engine.ocpp.outcome import Decoded
from engine.ocpp.policy import decode

pytestmark = pytest.mark.benchmark(group="MeterValues to a checked message")


def test_voltrio(benchmark: BenchmarkFixture) -> None:
    decoded = benchmark(decode, v16.MeterValues, METER_VALUES_PAYLOAD, Policy.REPAIR)
    assert isinstance(decoded, Decoded)


def test_ocpp_json_schema(benchmark: BenchmarkFixture) -> None:
    def receive() -> object:
        call = unpack(METER_VALUES)
        _validate_payload(call, "1.6")
        return call

    assert benchmark(receive)


def test_msgspec_generic_without_check(benchmark: BenchmarkFixture) -> None:
    assert benchmark(msgspec.json.decode, METER_VALUES_PAYLOAD)["connectorId"] == 1
