"""Invariants of the physical model, for any station, car, limit and moment."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.simulator.physics import (
    CARS,
    CATALOGUE,
    LEAST_AC_AMPS,
    Battery,
    Ceiling,
    Meter,
    Outlet,
)

hardwares = st.sampled_from(CATALOGUE)
cars = st.sampled_from(CARS)
ceilings = st.builds(
    Ceiling,
    amps=st.one_of(st.just(float("inf")), st.floats(0, 400)),
    watts=st.one_of(st.just(float("inf")), st.floats(0, 200_000)),
    phases=st.integers(1, 3),
)


def outlet(hardware, car, soc=0.3, *, ceiling=None, full=1.0):
    made = Outlet(hardware, Meter(1_000.4), Random(1), ceiling)
    made.battery = Battery(car, soc, full)
    made.closed = True
    return made


@given(hardwares, cars, ceilings, st.floats(0, 1), st.lists(st.floats(0, 900), min_size=1, max_size=8))
@settings(deadline=None, max_examples=60)
def test_limits_hold_and_meters_and_batteries_only_fill(hardware, car, ceiling, soc, looks):
    made = outlet(hardware, car, soc, ceiling=lambda _at: ceiling)
    at, before = 0.0, made.read(0.0)
    for gap in looks:
        at += gap
        made.advance(at)
        reading = made.read(at)
        assert reading.power_w <= ceiling.watts + 1e-6
        assert reading.power_w <= hardware.max_watts + 1e-6
        assert reading.power_w <= reading.offered_w + 1e-6
        assert all(amps <= min(ceiling.amps, hardware.max_amps) + 1e-6 for amps in reading.amps)
        if hardware.current == "AC":
            assert sum(1 for amps in reading.amps if amps > 0) <= min(ceiling.phases, car.ac_phases)
            assert reading.power_w == pytest.approx(
                sum(v * i for v, i in zip(reading.volts, reading.amps, strict=True)), abs=1e-6
            )
        else:
            assert reading.power_w == pytest.approx(reading.volts[0] * reading.amps[0])
        assert reading.energy_wh >= before.energy_wh
        assert (
            reading.energy_wh - before.energy_wh
            <= min(ceiling.watts, hardware.max_watts) * (gap + 1) / 3600 + 1
        )
        assert made.battery.soc <= 1.0
        before = reading


@given(hardwares, cars, st.lists(st.floats(0, 500), min_size=1, max_size=10))
@settings(deadline=None, max_examples=30)
def test_how_often_somebody_looks_changes_nothing(hardware, car, looks):
    often, once = outlet(hardware, car), outlet(hardware, car)
    at = 0.0
    for gap in looks:
        at += gap
        often.advance(at)
    once.advance(at)
    assert often.read(at) == once.read(at)


def test_power_falls_above_eighty_percent_and_ends_when_full():
    made = outlet(CATALOGUE[4], CARS[2], soc=0.75)
    powers = []
    for minute in range(120):
        made.advance(minute * 60.0)
        powers.append(made.read(minute * 60.0).power_w)
    assert powers[0] == pytest.approx(150_000)
    assert powers[-1] == 0.0
    assert made.battery.soc == pytest.approx(1.0)
    assert made.flow(7_200.0) == "ev"
    charging = [power for power in powers if power]
    assert charging == sorted(charging, reverse=True)


def test_a_driver_may_want_less_than_full():
    made = outlet(CATALOGUE[3], CARS[0], soc=0.5, full=0.8)
    made.advance(7_200.0)
    assert made.battery.soc == pytest.approx(0.8)
    assert made.flow(7_200.0) == "ev"


def test_too_little_current_is_none_at_all():
    made = outlet(CATALOGUE[2], CARS[1], ceiling=lambda _at: Ceiling(amps=LEAST_AC_AMPS - 0.1))
    made.advance(600.0)
    assert made.read(600.0).power_w == 0.0
    assert made.flow(600.0) == "evse"
    assert made.meter.register == 1_000


def test_the_contactor_decides():
    made = outlet(CATALOGUE[2], CARS[1])
    made.closed = False
    made.advance(600.0)
    assert (made.meter.register, made.flow(600.0)) == (1_000, "evse")
    made.closed = True
    made.advance(1_200.0)
    assert made.meter.register > 2_000
    made.battery = None
    assert made.flow(1_200.0) == "none"
    assert made.read(1_200.0).power_w == 0.0


def test_only_cars_that_can_tell_show_their_state_of_charge():
    assert outlet(CATALOGUE[2], CARS[1]).read(0.0).soc is None
    assert outlet(CATALOGUE[2], CARS[2]).read(0.0).soc == 30.0
    assert outlet(CATALOGUE[3], CARS[1]).read(0.0).soc == 30.0


def test_a_meter_cannot_run_backwards():
    with pytest.raises(ValueError, match="backwards"):
        Meter(0.0).add(-1.0)
