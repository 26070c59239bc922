"""A text to message type, id, action and payload, still undecoded where that is possible."""

from __future__ import annotations

import json

import msgspec
import pytest
from ocpp.messages import unpack
from pytest_benchmark.fixture import BenchmarkFixture

from ext.envelope import split

pytestmark = pytest.mark.benchmark(group="Text to envelope")


def test_voltrio(benchmark: BenchmarkFixture, text: bytes) -> None:
    assert benchmark(split, text)[0] == 2


def test_msgspec_with_raw_payload(benchmark: BenchmarkFixture, text: bytes) -> None:
    decoder = msgspec.json.Decoder(tuple[int, str, str, msgspec.Raw])
    assert benchmark(decoder.decode, text)[0] == 2


def test_json(benchmark: BenchmarkFixture, text: bytes) -> None:
    assert benchmark(json.loads, text)[0] == 2


def test_ocpp_unpack(benchmark: BenchmarkFixture, text: bytes) -> None:
    assert benchmark(unpack, text).message_type_id == 2
