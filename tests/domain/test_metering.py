"""Folding meter values: registers that reset, jump or jitter, intervals, charging periods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.domain.changes import ChargingPeriodOpened, EventPublished, MeterValueAdded
from engine.domain.metering import (
    Measured,
    absorb,
    advance,
    charging_state,
    fold,
    identity,
    identity_of,
    loose_row,
    settle,
)
from engine.domain.plausibility import Review
from engine.domain.state import ChargePoint, Metering, Session, SessionStatus
from engine.ocpp.messages import v16
from ext.metering import read

POWER_W = 11_000
Value = Callable[..., Measured]


@pytest.fixture(scope="session")
def value(now: datetime) -> Value:
    """A MeterValue so many minutes after `now`, of (measurand, value) pairs; a bare value is the register."""

    def make(minutes: float, *samples: tuple[str, str] | str) -> Measured:
        sampled = [
            v16.SampledValue(value=s) if isinstance(s, str) else v16.SampledValue(measurand=s[0], value=s[1])
            for s in samples
        ]
        return Measured(
            at=now + timedelta(minutes=minutes),
            reading=read(sampled),
            samples=msgspec.json.encode(sampled).decode(),
        )

    return make


def folded(totals: Metering, measured: Measured, meter_start_wh: int) -> tuple[Metering, Review | None]:
    return fold(totals, measured.reading, measured.at, meter_start_wh, POWER_W)


def energy(session: Session, values: Sequence[Measured]) -> tuple[int, int, list[Review]]:
    """Energy, resets and doubts after `values`."""
    totals, doubts = session.metering, []
    for measured in values:
        totals, doubt = folded(totals, measured, session.meter_start_wh)
        doubts += [doubt] if doubt else []
    return totals.energy_wh, totals.resets, doubts


@pytest.mark.parametrize(
    ("registers", "wanted"),
    [
        pytest.param([1_500, 2_000], (1_000, 0, []), id="grows"),
        pytest.param([1_500, 1_495, 2_000], (1_000, 0, []), id="jitters"),
        pytest.param([3_000, 100, 600], (2_600, 1, []), id="restarts from zero"),
        pytest.param([5, 900], (900, 1, []), id="counts the session although the start was the total"),
        pytest.param(
            [3_000, -50, 100], (2_150, 1, [Review.METER_RESET]), id="falls to a value that says nothing"
        ),
        pytest.param([910_000, 910_500], (0, 0, [Review.IMPLAUSIBLE_ENERGY] * 2), id="a whole odometer"),
        pytest.param([1_500, 999_999, 2_000], (1_000, 0, [Review.IMPLAUSIBLE_ENERGY]), id="one bad sample"),
    ],
)
def test_registers(
    session: Session, value: Value, registers: list[int], wanted: tuple[int, int, list[Review]]
) -> None:
    values = [value(20 * (n + 1), str(register)) for n, register in enumerate(registers)]
    assert energy(session, values) == wanted


def test_late_and_repeated_registers_change_nothing(session: Session, value: Value) -> None:
    in_order = [value(10, "1500"), value(20, "2500")]
    assert energy(session, in_order) == energy(session, [*in_order, in_order[0], in_order[1], value(0, "1")])


def test_a_register_whose_start_is_unknown_counts_from_its_first_value(now: datetime) -> None:
    first, doubt = advance(Metering(), 5_000, now, 0, POWER_W)
    assert (first.energy_wh, first.register_wh, doubt) == (0, 5_000, None)


INTERVAL = "Energy.Active.Import.Interval"


def test_intervals_are_summed_exactly(session: Session, value: Value) -> None:
    assert energy(session, [value(n, (INTERVAL, "0.4")) for n in range(1, 11)]) == (4, 0, [])


def test_a_register_outranks_intervals(session: Session, value: Value) -> None:
    values = [value(5, (INTERVAL, "700")), value(10, "1600"), value(15, (INTERVAL, "700")), value(20, "2000")]
    assert energy(session, values) == (1_000, 0, [])
    both = [value(5, (INTERVAL, "500"), "1500"), value(10, (INTERVAL, "500"), "2000")]
    assert energy(session, both) == (1_000, 0, [])


@given(st.permutations(range(1, 8)))
def test_intervals_add_up_in_any_order(value: Value, now: datetime, order: list[int]) -> None:
    totals = Metering(register_wh=0, register_at=now)
    for minute in order:
        totals, _ = folded(totals, value(minute, (INTERVAL, f"{minute}.3")), 0)
    assert totals.energy_wh == 30  # 30.1


def test_instantaneous_values_are_those_of_the_newest(session: Session, value: Value, now: datetime) -> None:
    totals = session.metering
    for measured in (
        value(5, ("Power.Active.Import", "7000"), ("SoC", "40"), ("Current.Import", "10")),
        value(10, ("Power.Active.Import", "9000"), ("Voltage", "230")),
        value(7, ("Power.Active.Import", "1"), ("SoC", "1"), ("Voltage", "1")),
    ):
        totals, _ = folded(totals, measured, session.meter_start_wh)
    assert (totals.power_w, totals.soc_percent, totals.voltage_v, totals.current_a) == (9_000, 40, 230, 10)
    assert totals.last_sample_at == now + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("sampled", "stop", "wanted"),
    [
        pytest.param(["2000"], 2_500, (1_500, 0, None), id="plain"),
        pytest.param([], 1_000, (0, 0, None), id="nothing delivered"),
        pytest.param(["2000"], 1_995, (995, 0, None), id="jitter: the difference counts"),
        pytest.param([], 900_000, (899_000, 0, Review.IMPLAUSIBLE_ENERGY), id="a whole odometer is held"),
        pytest.param(["2000"], 100, (1_100, 1, None), id="reset before the stop"),
        pytest.param(["2000"], 0, (1_000, 1, None), id="a stop without a reading"),
        pytest.param(["4000", "50"], 60, (3_060, 1, None), id="reset on the way"),
        pytest.param(["5", "900"], 1_900, (900, 1, None), id="session register, then the total again"),
        pytest.param([(INTERVAL, "800")], 1_000, (800, 0, None), id="intervals and no register"),
        pytest.param([(INTERVAL, "5")], 1_000, (5, 0, None), id="few intervals and no register"),
        pytest.param([(INTERVAL, "800")], 1_790, (790, 0, None), id="intervals, then the register"),
        pytest.param([(INTERVAL, "800")], 1_700, (700, 0, None), id="the register is below the intervals"),
        pytest.param([], -5, (0, 1, Review.METER_RESET), id="below zero"),
    ],
)
def test_the_stop_settles_the_energy(
    session: Session,
    value: Value,
    sampled: list[str | tuple[str, str]],
    stop: int,
    wanted: tuple[int, int, Review | None],
) -> None:
    totals = session.metering
    for n, sample in enumerate(sampled):
        totals, _ = folded(totals, value(20 * (n + 1), sample), session.meter_start_wh)
    settled, doubt = settle(
        replace(session, metering=totals), stop, session.started_at + timedelta(hours=1), POWER_W
    )
    assert (settled.energy_wh, settled.resets, doubt) == wanted


@given(
    st.lists(st.tuples(st.integers(-60, 600), st.integers(-(2**31), 2**31)), max_size=12),
    st.integers(-(2**31), 2**31),
    st.integers(-(2**31), 2**31),
)
def test_energy_is_never_negative(
    now: datetime, value: Value, values: list[tuple[int, int]], start: int, stop: int
) -> None:
    totals = Metering(register_wh=start, register_at=now)
    for minutes, register in values:
        totals, _ = folded(totals, value(minutes, str(register)), start)
        assert totals.energy_wh >= 0
    session = Session(
        id=1,
        transaction_id="1",
        evse_number=1,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=now,
        meter_start_wh=start,
        metering=totals,
    )
    assert settle(session, stop, now + timedelta(hours=1), POWER_W)[0].energy_wh >= 0


@pytest.mark.parametrize(
    ("before", "power", "current", "after"),
    [
        (None, 100.0, None, True),
        (None, 50.0, None, False),
        (None, 75.0, None, None),
        (True, 75.0, None, True),
        (False, 75.0, None, False),
        (True, 0.0, 16.0, False),  # power knows better
        (None, None, 0.5, True),
        (True, None, 0.25, False),
        (True, None, None, True),
    ],
)
def test_the_charging_state_has_hysteresis(
    before: bool | None, power: float | None, current: float | None, after: bool | None
) -> None:
    assert charging_state(before, power, current) is after


def test_periods_open_with_the_session_and_at_each_flip(
    cp: ChargePoint, session: Session, value: Value, now: datetime
) -> None:
    watts = ["7000", "7000", "0", "75", "7000"]
    values = [
        value(n + 1, ("Power.Active.Import", w), ("Energy.Active.Import.Register", str(1_100 + 100 * n)))
        for n, w in enumerate(watts)
    ]
    after, changes = absorb(cp, session, values, now)
    periods = [
        (c.charging_state, (c.started_at - now) // timedelta(minutes=1), c.energy_wh)
        for c in changes
        if isinstance(c, ChargingPeriodOpened)
    ]
    assert periods == [("charging", 0, 0), ("idle", 3, 300), ("charging", 5, 500)]
    assert after.charging is True
    news = [msgspec.json.decode(c.payload) for c in changes if isinstance(c, EventPublished)]
    assert [(n["previousState"], n["currentState"]) for n in news] == [
        (None, "charging"),
        ("charging", "idle"),
        ("idle", "charging"),
    ]


def test_a_late_value_flips_nothing(cp: ChargePoint, session: Session, value: Value, now: datetime) -> None:
    session, _ = absorb(cp, session, [value(5, ("Power.Active.Import", "7000"))], now)
    after, changes = absorb(cp, session, [value(3, ("Power.Active.Import", "0"))], now)
    assert after.charging is True
    assert [type(c) for c in changes] == [MeterValueAdded]


def test_a_late_row_has_its_own_values_and_no_energy(
    cp: ChargePoint, session: Session, value: Value, now: datetime
) -> None:
    session, _ = absorb(cp, session, [value(5, "1500", ("Power.Active.Import", "7000"))], now)
    _, [row] = absorb(cp, session, [value(3, "1200", ("Power.Active.Import", "3000"))], now)
    assert isinstance(row, MeterValueAdded)
    assert (row.energy_wh, row.register_wh, row.power_w) == (None, 1_200, 3_000)


def test_a_row_carries_the_totals_beside_the_samples_as_received(
    cp: ChargePoint, session: Session, value: Value, now: datetime
) -> None:
    measured = value(5, "1500", ("SoC", "44"), ("Voltage", "n/a"))
    _, [row] = absorb(cp, session, [measured], now)
    assert isinstance(row, MeterValueAdded)
    assert (row.session_id, row.evse_number, row.energy_wh, row.register_wh) == (7, 1, 500, 1_500)
    assert (row.soc_percent, row.voltage_v, row.resets) == (44, None, 0)
    assert row.samples == measured.samples
    assert row.received_at == now


def test_the_same_samples_have_another_key_in_another_session_and_on_another_evse(
    cp: ChargePoint, session: Session, value: Value, now: datetime
) -> None:
    measured = value(5, "1500")
    other = replace(session, id=8)
    keys = [absorb(cp, s, [measured], now)[1][0].sample_key for s in (session, other)]
    keys += [loose_row(cp, evse, measured, now).sample_key for evse in (0, 1, 2)]
    assert len(set(keys)) == 5
    assert all(0 <= key < 2**63 for key in keys)


def test_identities_fill_in_the_defaults() -> None:
    assert identity(v16.SampledValue(value="1")) == identity_of("", "", "", "", "")
    assert identity_of("", "", "", "", "") == "Energy.Active.Import.Register||Outlet|Sample.Periodic|Raw"
    sample = v16.SampledValue(value="1", measurand="SoC", location="EV", context="Trigger", phase="L1")
    assert identity(sample) == "SoC|L1|EV|Trigger|Raw"
