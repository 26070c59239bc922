"""Folding meter values: registers that reset, jump or jitter, intervals, charging periods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.changes import (
    ChargingPeriodOpened,
    EventPublished,
    MeterValueAdded,
    MeterValueCounted,
    SessionMeasured,
)
from engine.domain.metering.live import absorb
from engine.domain.metering.readings import Measured, identity, identity_of, loose_row
from engine.domain.metering.registers import advance, fold
from engine.domain.metering.timeline import charging_state
from engine.domain.metering.verify import Ending, doubts, settled
from engine.domain.session.facts import Stop
from engine.domain.session.review import Review
from engine.domain.state import ChargePoint, Metering, Session, SessionStatus, StationSettings
from engine.ocpp.messages import v16
from ext.metering import read

SETTINGS = StationSettings(max_power_w=11_000)
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


def folded(session: Session, measured: Measured) -> tuple[Session, Review | None]:
    totals, doubt = fold(session, measured.reading, measured.at, SETTINGS)
    return replace(session, metering=totals), doubt


def ending(session: Session, stop_wh: int | None, *, minutes: float) -> Ending:
    """The stop so many minutes after the start."""
    at = session.started_at + timedelta(minutes=minutes)
    stop = Stop(at=at, meter_wh=stop_wh, reason=None)
    return Ending(session=session, stop=stop, settings=SETTINGS, now=at)


def energy(session: Session, values: Sequence[Measured]) -> tuple[int, int, list[Review]]:
    """Energy, resets and doubts after `values`."""
    doubts = []
    for measured in values:
        session, doubt = folded(session, measured)
        doubts += [doubt] if doubt else []
    return session.metering.energy_wh, session.metering.resets, doubts


@pytest.mark.parametrize(
    ("registers", "wanted"),
    [
        pytest.param([1_500, 2_000], (1_000, 0, []), id="grows"),
        pytest.param([1_500, 1_400, 2_000], (1_000, 0, []), id="jitters"),
        pytest.param([950, 1_500], (500, 0, []), id="jitters below the start"),
        pytest.param([3_000, 2_985, 5_000], (4_000, 0, []), id="a step back of the rounding"),
        pytest.param([3_000, 2_500], (1_500, 0, [Review.METER_RESET]), id="what was before was wrong"),
        pytest.param([3_000, 2_500, 5_000], (4_000, 0, [Review.METER_RESET]), id="a step back for a while"),
        pytest.param([3_000, 100, 600], (2_600, 1, [Review.METER_RESET]), id="restarts from zero"),
        pytest.param([3_000, 0, 4_000], (3_000, 0, [Review.METER_RESET]), id="a zero between"),
        pytest.param([3_000, 0, 0, 4_000, 0, 5_000], (4_000, 0, [Review.METER_RESET] * 2), id="some zeros"),
        pytest.param(
            [3_000, 100, 600, 50, 90], (2_690, 2, [Review.METER_RESET] * 2), id="restarts once more"
        ),
        pytest.param([5, 900], (900, 1, [Review.METER_RESET]), id="counts the session from zero"),
        pytest.param([700, 1_500], (500, 0, [Review.METER_RESET]), id="a value below the start"),
        pytest.param([3_000, -50, 3_100], (2_100, 0, [Review.METER_RESET]), id="below zero"),
        pytest.param([910_000, 910_500], (0, 0, [Review.IMPLAUSIBLE_ENERGY] * 2), id="a whole odometer"),
        pytest.param([1_500, 999_999, 2_000], (1_000, 0, [Review.IMPLAUSIBLE_ENERGY]), id="one bad sample"),
        pytest.param(
            [1_000, 1_000, 8_000], (7_000, 0, [Review.IMPLAUSIBLE_ENERGY]), id="late, then too fast"
        ),
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


def test_a_register_whose_start_is_unknown_counts_from_its_first_value(
    session: Session, now: datetime
) -> None:
    unknown = replace(session, metering=Metering(), meter_start_wh=0)
    first, doubt = advance(unknown, 5_000, now, SETTINGS)
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
    session = begun(now, 0)
    for minute in order:
        session, _ = folded(session, value(minute, (INTERVAL, f"{minute}.3")))
    assert session.metering.energy_wh == 30  # 30.1


def begun(now: datetime, meter_start_wh: int) -> Session:
    return Session(
        id=1,
        transaction_id="1",
        evse_number=1,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=now,
        meter_start_wh=meter_start_wh,
        metering=Metering(register_wh=meter_start_wh, register_at=now),
    )


def test_instantaneous_values_are_those_of_the_newest(session: Session, value: Value, now: datetime) -> None:
    for measured in (
        value(5, ("Power.Active.Import", "7000"), ("SoC", "40"), ("Current.Import", "10")),
        value(10, ("Power.Active.Import", "9000"), ("Voltage", "230")),
        value(7, ("Power.Active.Import", "1"), ("SoC", "1"), ("Voltage", "1")),
    ):
        session, _ = folded(session, measured)
    totals = session.metering
    assert (totals.power_w, totals.soc_percent, totals.voltage_v, totals.current_a) == (9_000, 40, 230, 10)
    assert totals.last_sample_at == now + timedelta(minutes=10)


def test_of_two_registers_of_one_time_the_larger_is_the_newer(session: Session, value: Value) -> None:
    assert energy(session, [value(0, "1050")])[0] == 50  # in the second of the start
    assert energy(session, [value(5, "1500"), value(5, "1520"), value(5, "1510")])[0] == 520


def at_place(now: datetime, minute: int, *samples: tuple[str, str, str]) -> Measured:
    """Registers by (location, phase, value)."""
    sampled = [
        v16.SampledValue(value=wh, location=place or UNSET, phase=phase or UNSET)
        for place, phase, wh in samples
    ]
    return Measured(at=now + timedelta(minutes=minute), reading=read(sampled), samples="[]")


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        pytest.param(
            [[("", "", "1500")], [("", "L1", "600")], [("", "", "2000")]], (1_000, []), id="a phase"
        ),
        pytest.param(
            [[("Outlet", "", "1500"), ("Inlet", "", "1600")], [("Inlet", "", "2300")]],
            (500, []),
            id="the inlet",
        ),
        pytest.param(
            [[("Inlet", "", "1500")], [("Outlet", "", "1800")], [("Inlet", "", "2000")]],
            (1_000, [Review.MISSING_REGISTER]),
            id="an outlet too late",
        ),
        pytest.param(
            [[("", "L1", "1100")], [("", "L1", "1200"), ("", "L2", "900")], [("", "L1", "1300")]],
            (300, [Review.MISSING_REGISTER]),
            id="phases that come and go",
        ),
        pytest.param(
            [[("", p, "400") for p in ("L1", "L2", "L3")], [("", p, "500") for p in ("", "L1", "L2", "L3")]],
            (500, []),
            id="phases, then the total beside them",
        ),
    ],
)
def test_registers_of_another_kind_never_compare(
    session: Session,
    now: datetime,
    values: list[list[tuple[str, str, str]]],
    wanted: tuple[int, list[Review]],
) -> None:
    measured = [at_place(now, 10 * (n + 1), *samples) for n, samples in enumerate(values)]
    energy_wh, _, doubts = energy(session, measured)
    assert (energy_wh, doubts) == wanted


def test_a_value_without_a_time_counts_in_the_order_told(
    cp: ChargePoint, session: Session, value: Value, now: datetime
) -> None:
    years = 60 * 24 * 365
    values = [value(10, "1500"), value(80 * years, "2000"), value(-60 * years, "2500"), value(5, "3000")]
    for measured in values:
        session, _ = absorb(cp, session, [measured], now + timedelta(minutes=20))
    assert (session.metering.energy_wh, session.review) == (2_000, ("clock_drift",))
    assert session.metering.last_sample_at == now + timedelta(minutes=10)


def test_the_power_that_the_station_reported_of_the_evse_bounds_its_samples(
    cp: ChargePoint, session: Session, value: Value
) -> None:
    samples = [value(60, "8000")]  # 7 kW, and at most 11 kW are set
    plain, _ = absorb(cp, session, samples, samples[0].at)
    slow, _ = absorb(replace(cp, max_power_w={1: 3_700}), session, samples, samples[0].at)
    assert (plain.review, slow.review) == ((), ("implausible_energy",))


@pytest.mark.parametrize(
    ("sampled", "stop", "wanted"),
    [
        pytest.param(["2000"], 2_500, (1_500, None), id="plain"),
        pytest.param([], 1_000, (0, None), id="nothing delivered"),
        pytest.param([], 950, (0, None), id="nothing delivered, rounded"),
        pytest.param(["2000"], 1_951, (951, None), id="rounded samples: the difference counts"),
        pytest.param(["2000"], 1_800, (800, Review.METER_RESET), id="a sample above the stop"),
        pytest.param([], 900_000, (899_000, Review.IMPLAUSIBLE_ENERGY), id="a whole odometer is held"),
        pytest.param(["1100"] * 2, 8_000, (7_000, Review.IMPLAUSIBLE_ENERGY), id="a jump at the stop"),
        pytest.param(["2000"], 100, (1_100, Review.METER_RESET), id="reset before the stop"),
        pytest.param(["2000"], 0, (1_000, Review.METER_RESET), id="a stop without a reading"),
        pytest.param(["4000", "50"], 60, (3_060, Review.METER_RESET), id="reset on the way"),
        pytest.param(
            ["5", "900"], 1_900, (900, Review.METER_RESET), id="session register, then the total again"
        ),
        pytest.param(["3000", "0", "4000"], 5_000, (4_000, None), id="a zero between: held by then"),
        pytest.param([(INTERVAL, "800")], 1_000, (800, Review.METER_RESET), id="intervals and no register"),
        pytest.param([(INTERVAL, "5")], 1_000, (0, None), id="few intervals and no register"),
        pytest.param([(INTERVAL, "800")], 1_790, (790, None), id="intervals, then the register"),
        pytest.param([(INTERVAL, "800")], 1_600, (600, Review.METER_RESET), id="the register is below"),
        pytest.param([], -5, (0, Review.METER_RESET), id="below zero"),
        pytest.param([], None, (0, None), id="none at the stop"),
    ],
)
def test_the_stop_settles_the_energy(
    session: Session,
    value: Value,
    sampled: list[str | tuple[str, str]],
    stop: int | None,
    wanted: tuple[int, Review | None],
) -> None:
    for n, sample in enumerate(sampled):
        session, _ = folded(session, value(18 * (n + 1), sample))
    end = ending(session, stop, minutes=60)
    assert (settled(end).energy_wh, doubts(end)) == (wanted[0], [wanted[1]] if wanted[1] else [])


@given(
    st.lists(st.tuples(st.integers(-60, 600), st.integers(-(2**31), 2**31)), max_size=12),
    st.integers(-(2**31), 2**31),
    st.integers(-(2**31), 2**31),
)
def test_energy_is_never_negative(
    now: datetime, value: Value, values: list[tuple[int, int]], start: int, stop: int
) -> None:
    session = begun(now, start)
    for minutes, register in values:
        session, _ = folded(session, value(minutes, str(register)))
        assert session.metering.energy_wh >= 0
    assert settled(ending(session, stop, minutes=60)).energy_wh >= 0


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
    _, [row, totals] = absorb(cp, session, [measured], now)
    assert isinstance(row, MeterValueAdded)
    assert isinstance(totals, SessionMeasured)
    assert (row.session_id, row.evse_number, row.energy_wh, row.register_wh) == (7, 1, 500, 1_500)
    assert (row.soc_percent, row.voltage_v) == (44, None)
    assert (totals.energy_wh, totals.register_wh, totals.soc_percent) == (500, 1_500, 44)
    assert (totals.resets, totals.register_at, totals.sampled_at) == (0, measured.at, measured.at)
    assert row.samples == measured.samples
    assert row.received_at == now


def test_a_row_moves_the_totals_where_its_columns_say_all_of_them(
    cp: ChargePoint, session: Session, value: Value, now: datetime
) -> None:
    session, _ = absorb(cp, session, [value(1, "1500")], now)
    after, ordinary = absorb(cp, session, [value(2, "1600")], now)
    assert [type(change) for change in ordinary] == [MeterValueCounted]
    for other in (value(3, ("SoC", "44")), value(3, "100")):  # no register; a register that began again
        _, changes = absorb(cp, after, [other], now)
        assert [type(change) for change in changes] == [MeterValueAdded, SessionMeasured]


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
