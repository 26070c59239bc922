"""Percentiles of what was measured."""

from __future__ import annotations

from engine.simulator.load.latencies import Latencies


def test_percentiles():
    latencies = Latencies()
    for n in range(1, 101):
        latencies.add("A", float(n))
    assert (latencies.percentile("A", 50), latencies.percentile("A", 99), latencies.count("A")) == (
        51,
        100,
        100,
    )
    assert str(latencies.percentile("B", 50)) == "nan"
