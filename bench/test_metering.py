"""Five samples to the numbers that a session is advanced by."""

from __future__ import annotations

import runpy
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import ext
from bench.samples import METER_VALUES_PAYLOAD
from engine.ocpp.messages import v16
from ext.metering import read

pytestmark = pytest.mark.benchmark(group="Five samples to numbers")
KILO = {"kWh", "kW"}
FOLDER = Path(ext.__file__ or "").parent


@pytest.fixture
def samples() -> Sequence[v16.SampledValue]:
    message = msgspec.json.decode(METER_VALUES_PAYLOAD, type=v16.MeterValues)
    return message.meter_value[0].sampled_value


def with_decimal(samples: Sequence[v16.SampledValue]) -> dict[tuple[str, str], Decimal]:
    """As one writes it by hand: no rule about phases, locations or values that are no numbers."""
    totals: dict[tuple[str, str], Decimal] = {}
    for sample in samples:
        value = Decimal(sample.value)
        if sample.unit in KILO:
            value *= 1000
        totals[sample.measurand or "Energy.Active.Import.Register", sample.phase or ""] = value
    return totals


def test_voltrio(benchmark: BenchmarkFixture, samples: Sequence[v16.SampledValue]) -> None:
    assert benchmark(read, samples).power_w == 11_040


def test_same_source_uncompiled(benchmark: BenchmarkFixture, samples: Sequence[v16.SampledValue]) -> None:
    plain = runpy.run_path(str(FOLDER / "metering.py"))
    assert benchmark(plain["read"], samples).power_w == 11_040


def test_decimal_by_hand(benchmark: BenchmarkFixture, samples: Sequence[v16.SampledValue]) -> None:
    assert benchmark(with_decimal, samples)["Power.Active.Import", ""] == 11_040
