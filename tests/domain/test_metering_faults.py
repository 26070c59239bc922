"""A true energy curve and a charger that tells it badly: the energy is the true one, or the session is held.

What was delivered is known here from the curve alone; nothing of how sessions are counted is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace as replaced

from engine.domain.state import StationSettings
from engine.ocpp import v16 as v16_protocol
from engine.ocpp import v201 as v201_protocol
from engine.ocpp.messages import v16, v201
from tests.domain.simulated_store import Store, station

BEGINNING = datetime(2026, 3, 1, 8, tzinfo=UTC)
LATER = BEGINNING + timedelta(days=2)  # all of it is told by then, and none of it is of the future
TOLERANCE_WH = 100
POWER_W = 22_000

START = v16_protocol.PROTOCOL.inbound["StartTransaction"]
STOP = v16_protocol.PROTOCOL.inbound["StopTransaction"]
VALUES = v16_protocol.PROTOCOL.inbound["MeterValues"]
EVENT = v201_protocol.PROTOCOL.inbound["TransactionEvent"]


@dataclass(frozen=True)
class Sample:
    """A register as one sample shows it: in Wh, with the words that say what it is."""

    wh: int
    phase: str = ""
    location: str = ""
    unit: str = ""
    text: str | None = None  # in place of the value


@dataclass(frozen=True)
class Point:
    """One reading on the way. `parts` are MeterValues under one time stamp."""

    at: datetime
    parts: tuple[tuple[Sample, ...], ...]


@dataclass(frozen=True)
class Curve:
    """What happened: the register over time, and the energy that was delivered."""

    points: tuple[tuple[datetime, int], ...]
    delivered: int
    restart: int | None = None  # the point at which the register began anew, if it did


@dataclass
class Sent:
    """What the charger says of a curve, point by point: the first is the beginning, the last the end."""

    curve: Curve
    points: list[Point] = field(default_factory=list)


INLET_OFFSET = 777_777  # the inlet's meter is another one
FACTORS = {"": 1, "Wh": 1, "kWh": 1_000, " KWH": 1_000, "MWh": 1_000_000}


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    """At most 22 kW; the register may begin anew in the middle, and is then read before and after."""
    register = draw(st.sampled_from((0, 40, 5_000, 50_000, 910_000)) | st.integers(0, 10**6))
    clock, energy = BEGINNING, 0
    points = [(clock, register)]
    count = draw(st.integers(1, 7))
    restart = draw(st.none() | st.integers(1, count)) if count > 1 else None
    for n in range(1, count + 1):
        seconds = draw(st.integers(30, 1_800))
        clock += timedelta(seconds=seconds)
        gained = draw(st.integers(0, POWER_W * seconds // 3_600))
        energy += gained
        register += gained
        points.append((clock, register))
        if n == restart and n < count:
            clock += timedelta(seconds=1)
            register = 0
            points.append((clock, register))
    return Curve(tuple(points), energy, None if restart in (None, count) else restart)


def total(wh: int, unit: str = "") -> tuple[tuple[Sample, ...], ...]:
    return ((Sample(wh, unit=unit),),)


def phases(wh: int, split: bool) -> tuple[tuple[Sample, ...], ...]:
    parts = [Sample(wh // 3 + (wh % 3 if n == 1 else 0), phase=f"L{n}") for n in (1, 2, 3)]
    return tuple((part,) for part in parts) if split else (tuple(parts),)


def inlet(wh: int) -> Sample:
    return Sample(wh + INLET_OFFSET, location="Inlet")


@st.composite
def spoilt(draw: st.DrawFn, at: datetime, wh: int, usual: str, middle: bool) -> Point:
    """A reading that may be told wrong. A wrong number only in the middle: elsewhere nothing could tell."""
    words = ["right", "unit", "rounded", "beside inlet", "beside phase", "split", "only inlet"]
    words += ["unreadable", "strange unit", "none", *(["glitch", "only phase"] if middle else [])]
    if at == BEGINNING:
        words.append("only phase")  # one phase at both ends is what a charger of one phase tells
    word = draw(st.sampled_from(["right"] * 12 + words))
    right = total(wh) if usual == "total" else phases(wh, split=usual == "split")
    match word:
        case "unit":
            right = total(wh, draw(st.sampled_from(tuple(FACTORS))))
        case "rounded" if middle:
            right = total(round(wh, -2))
        case "beside inlet":
            right = ((*right[0], inlet(wh)), *right[1:])
        case "beside phase" if usual == "total":
            right = ((*right[0], Sample(wh // 3 + 5, phase="L1")),)
        case "split":
            right = phases(wh, split=True)
        case "only phase":
            right = ((Sample(wh // 3, phase=draw(st.sampled_from(("L1", "L2")))),),)
        case "only inlet":
            right = ((inlet(wh),),)
        case "unreadable":
            right = ((Sample(wh, text="1e300"),),)
        case "strange unit":
            right = ((Sample(wh, unit=draw(st.sampled_from(("varh", "kvarh", "W")))),),)
        case "none":
            right = ()
        case "glitch":
            right = total(max(draw(st.sampled_from((0, wh - 15, wh - 4_000, wh + 9_000, wh * 10))), 0))
    return Point(at, right)


@st.composite
def sessions(draw: st.DrawFn) -> Sent:
    curve = draw(curves())
    usual = draw(st.sampled_from(("total", "total", "phases", "split")))
    told = Sent(curve)
    last = len(curve.points) - 1
    for n, (at, wh) in enumerate(curve.points):
        # A restart shows only where the same register is read before and after it.
        kept = curve.restart is not None
        plain = Point(at, total(wh) if usual == "total" else phases(wh, split=usual == "split"))
        told.points.append(plain if kept else draw(spoilt(at, wh, usual, 0 < n < last)))
    return told


def found(store: Store) -> dict[str, Any]:
    [row] = store.sessions.values()
    assert row["status"] == "finished"
    return row


def judge(curve: Curve, row: dict[str, Any]) -> None:
    """The one thing that must never be: a wrong energy that nobody looks at."""
    right = abs(row["energy_wh"] - curve.delivered) <= TOLERANCE_WH
    assert right or row["review"], f"{row['energy_wh']} Wh in place of {curve.delivered} Wh"


def is_clean(told: Sent) -> bool:
    return told.curve.restart is None and all(
        point.parts == total(wh) for point, (_, wh) in zip(told.points, told.curve.points, strict=True)
    )


# --- OCPP 1.6 ----------------------------------------------------------------------------------------------


def value_v16(sample: Sample) -> v16.SampledValue:
    text = sample.text or f"{sample.wh / FACTORS.get(sample.unit, 1):.6f}"
    unit: Any = (
        sample.unit.strip().replace("KWH", "kWh").replace("MWh", "") or UNSET
    )  # others are mended before
    if "MWh" in sample.unit:
        text = str(sample.wh)
    phase: Any = sample.phase or UNSET
    location: Any = sample.location or UNSET
    return v16.SampledValue(value=text, unit=unit, phase=phase, location=location)


def values_v16(point: Point) -> list[v16.MeterValue]:
    return [
        v16.MeterValue(timestamp=point.at, sampled_value=[value_v16(s) for s in part]) for part in point.parts
    ]


def fresh(version: str) -> Store:
    own = StationSettings(max_power_w=POWER_W)
    return Store(station(version, own))


def same_as_reloaded(store: Store) -> None:
    """What a new connection finds in the database is what the old one had in memory."""
    for session in store.cp.sessions.values():
        loaded = store._session(session.id)
        kept = ("energy_wh", "register_wh", "register_at", "series", "resets", "power_w", "last_sample_at")
        mine, theirs = ([getattr(s.metering, name) for name in kept] for s in (session, loaded))
        assert mine == theirs
        assert (session.review, session.meter_start_wh) == (loaded.review, loaded.meter_start_wh)


CLOCKS = (timedelta(0), timedelta(days=30_000), timedelta(days=-20_000))  # right, far ahead, never set


@settings(max_examples=400, deadline=None)
@given(sessions(), st.data())
def test_1_6_bills_the_truth_or_holds(told: Sent, data: st.DataObject) -> None:
    store = fresh("ocpp1.6")
    (begin, start_wh), *_, (end, stop_wh) = told.curve.points
    start = v16.StartTransaction(connector_id=1, id_tag="TAG", meter_start=start_wh, timestamp=begin)
    number = store.handle(START, start, LATER).transaction_id  # type: ignore[attr-defined]  # its answer
    middle = told.points[1:-1]
    if told.curve.restart is None:
        # In any order, some twice, some never, some by a clock that is off.
        middle = data.draw(st.lists(st.sampled_from(middle), max_size=8)) if middle else []
        middle = [replace(p, at=p.at + data.draw(st.sampled_from((CLOCKS[0], *CLOCKS)))) for p in middle]
    for point in middle:
        if data.draw(st.integers(0, 3)) == 0:
            store.reconnect()
        if point.parts:
            request = v16.MeterValues(connector_id=1, transaction_id=number, meter_value=values_v16(point))
            store.handle(VALUES, request, LATER)
            same_as_reloaded(store)
    last = values_v16(told.points[-1])
    repeats: bool = data.draw(st.booleans())
    stop = v16.StopTransaction(
        transaction_id=number,
        timestamp=end,
        meter_stop=stop_wh,
        transaction_data=last if last and repeats else UNSET,
    )
    store.handle(STOP, stop, LATER)
    row = found(store)
    judge(told.curve, row)
    if told.curve.restart is None:
        assert row["energy_wh"] == told.curve.delivered  # start and stop are the law
    if is_clean(told) and [p.at for p in middle] == sorted({p.at for p in middle}):
        assert not row["review"] or any(p.at.year != BEGINNING.year for p in middle)


# --- OCPP 2.x ----------------------------------------------------------------------------------------------


def value_v2x(sample: Sample) -> v201.SampledValue:
    value = 1e300 if sample.text else sample.wh / FACTORS.get(sample.unit, 1)
    phase: Any = sample.phase or UNSET
    location: Any = sample.location or UNSET
    unit = v201.UnitOfMeasure(unit=sample.unit) if sample.unit else UNSET
    return v201.SampledValue(value=value, phase=phase, location=location, unit_of_measure=unit)


def event(kind: Any, seq_no: int, at: datetime, points: list[Point]) -> v201.TransactionEvent:
    values = [
        v201.MeterValue(timestamp=p.at, sampled_value=[value_v2x(s) for s in part])
        for p in points
        for part in p.parts
    ]
    return v201.TransactionEvent(
        event_type=kind,
        timestamp=at,
        trigger_reason="MeterValuePeriodic",
        seq_no=seq_no,
        transaction_info=v201.Transaction(transaction_id="tx"),
        evse=v201.EVSE(id=1),
        meter_value=values or UNSET,
    )


@st.composite
def events(draw: st.DrawFn, told: Sent) -> list[v201.TransactionEvent]:
    """One event per point, or with a later one; the clock may be set on the way, and two share a second."""
    last = len(told.points) - 1
    set_at, by = draw(st.integers(1, last)), timedelta(0)
    if draw(st.integers(0, 3)) == 0:
        by = timedelta(seconds=draw(st.sampled_from((-3_600, -90, -7, 3_600))))
    unset_until = draw(st.sampled_from((0, 0, 0, 1, 2)))
    same_second = draw(st.integers(0, 4)) == 0
    made: list[v201.TransactionEvent] = []
    waiting: list[Point] = []
    silent = not told.points[last].parts
    for n, point in enumerate(told.points):
        shift = by if n >= set_at else timedelta(0)
        if n < unset_until:
            shift = CLOCKS[2]
        at = point.at + shift
        if same_second and n == last and not (waiting or silent):
            at = made[-1].timestamp
        waiting.append(replace(point, at=at))
        if 0 < n < last and shift == timedelta(0) and draw(st.integers(0, 4)) == 0:
            continue  # it tells this one later
        kind = "Started" if n == 0 else "Ended" if n == last else "Updated"
        made.append(event(kind, len(made), at, waiting))
        waiting = []
    if silent:
        # A register that only a wrong clock puts beside an end without one cannot be told from its own.
        stamps = [v.timestamp for one in made for v in one.meter_value or ()]
        assume(all(abs(stamp - made[-1].timestamp) > timedelta(seconds=10) for stamp in stamps))
    return made


@settings(max_examples=600, deadline=None)
@given(sessions(), st.data())
def test_2_x_bills_the_truth_or_holds(told: Sent, data: st.DataObject) -> None:
    made = data.draw(events(told))
    in_order, store = fresh("ocpp2.0.1"), fresh("ocpp2.0.1")
    plain = [e.timestamp for e in made] == sorted({e.timestamp for e in made})
    for one in made:
        in_order.handle(EVENT, one, LATER)
        if plain:  # a sample told under the same time again has no row of its own
            same_as_reloaded(in_order)
    judge(told.curve, found(in_order))

    repeated = [one for one in made for _ in range(data.draw(st.integers(1, 2)))]
    if plain:  # what belongs to a transaction goes by time where its number begins anew
        repeated = data.draw(st.permutations(repeated))
    for one in repeated:
        if data.draw(st.integers(0, 3)) == 0:
            store.reconnect()
        store.handle(EVENT, one, LATER)
    judge(told.curve, found(store))
    assert found(store)["energy_wh"] == found(in_order)["energy_wh"]
    if is_clean(told) and [e.timestamp for e in made] == [p.at for p in told.points]:
        assert (found(in_order)["energy_wh"], found(in_order)["review"]) == (told.curve.delivered, ())


# --- what has been billed wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "samples", "stop", "energy", "is_held"),
    [
        pytest.param(0, [6_000], 5_951, 5_951, False, id="a rounded sample above the stop"),
        pytest.param(20_000, [26_000], 25_951, 5_951, False, id="the same of an odometer"),
        pytest.param(0, [9_000, 8_985, 18_000], 18_100, 18_100, False, id="a small step back"),
        pytest.param(0, [6_000, 5_800, 6_100], 6_200, 6_200, True, id="a larger one"),
        pytest.param(50_000, [0, 52_000], 53_000, 3_000, True, id="a zero between"),
        pytest.param(3_000, [9_000], 8_000, 5_000, True, id="a sample far above the stop"),
        pytest.param(50_000, [51_000], 1_500, 2_500, True, id="reset before the stop"),
        pytest.param(910_000, [], 0, 0, True, id="a stop without a reading"),
        pytest.param(0, [], 910_083, 910_083, True, id="an odometer as the stop"),
    ],
)
def test_registers_of_chargers_that_were_seen(
    start: int, samples: list[int], stop: int, energy: int, is_held: bool
) -> None:
    store = fresh("ocpp1.6")
    store.empty = store.cp = replaced(store.cp, settings=StationSettings())
    begin = v16.StartTransaction(connector_id=1, id_tag="TAG", meter_start=start, timestamp=BEGINNING)
    number = store.handle(START, begin, LATER).transaction_id  # type: ignore[attr-defined]  # its answer
    for n, wh in enumerate(samples, 1):
        point = Point(BEGINNING + timedelta(minutes=30 * n), total(wh))
        request = v16.MeterValues(connector_id=1, transaction_id=number, meter_value=values_v16(point))
        store.handle(VALUES, request, LATER)
    end = BEGINNING + timedelta(hours=3)
    store.handle(STOP, v16.StopTransaction(transaction_id=number, timestamp=end, meter_stop=stop), LATER)
    assert (found(store)["energy_wh"], bool(found(store)["review"])) == (energy, is_held)


# --- what is told beside the registers ---------------------------------------------------------------------


def told(
    kind: Any,
    minute: float,
    wh: float | None = None,
    state: Any = UNSET,
    *,
    power: float | None = None,
    stamped: float | None = None,
) -> v201.TransactionEvent:
    """An event `minute` minutes after the beginning; its only MeterValue is that of `stamped`."""
    samples = [] if wh is None else [v201.SampledValue(value=wh)]
    samples += [] if power is None else [v201.SampledValue(value=power, measurand="Power.Active.Import")]
    at = BEGINNING + timedelta(minutes=minute if stamped is None else stamped)
    return v201.TransactionEvent(
        event_type=kind,
        timestamp=BEGINNING + timedelta(minutes=minute),
        trigger_reason="MeterValuePeriodic",
        seq_no=0,
        transaction_info=v201.Transaction(transaction_id="tx", charging_state=state),
        evse=v201.EVSE(id=1),
        meter_value=[v201.MeterValue(timestamp=at, sampled_value=samples)] if samples else UNSET,
    )


def after_events(events: list[v201.TransactionEvent], *, reconnects: bool) -> dict[str, Any]:
    store = fresh("ocpp2.0.1")
    for seq_no, one in enumerate(events):
        if reconnects:
            store.reconnect()
        store.handle(EVENT, replaced(one, seq_no=seq_no), LATER)
    return found(store)


@pytest.mark.parametrize("reconnects", [False, True])
@pytest.mark.parametrize(
    "events",
    [
        pytest.param(
            [
                told("Started", 0, 1_000, "EVConnected"),
                told("Updated", 5, power=11_000),
                told("Updated", 65, power=11_000),
                told("Ended", 120),
            ],
            id="power only",
        ),
        pytest.param(
            [
                told("Started", 0, 1_000, "Charging"),
                told("Updated", 5, 2_000, "SuspendedEV"),
                told("Updated", 10, 2_100, power=7_000),
                told("Ended", 60),
            ],
            id="power after it was suspended",
        ),
        pytest.param(
            [
                told("Started", 0, 1_000, "Charging"),
                told("Updated", 5, 1_500, "SuspendedEV"),
                told("Updated", 20, 5_000),
                told("Updated", 40, 9_000),
                told("Ended", 90),
            ],
            id="the register rises",
        ),
        pytest.param(
            [
                told("Started", 0, None, "EVConnected"),
                told("Updated", 10, power=11_000),
                told("Updated", 30, 5_000),
                told("Ended", 60, 9_000),
            ],
            id="power before the first register",
        ),
        pytest.param(
            [
                told("Started", 0, None, "EVConnected"),
                told("Updated", 30, 5_000, power=11_000),
                told("Ended", 60, 9_000),
            ],
            id="power with the first register",
        ),
        pytest.param(
            [
                told("Started", 0, 1_000, "EVConnected"),
                told("Updated", 5, 1_000),
                told("Ended", 60, None, "Charging"),
            ],
            id="charging until the end",
        ),
        pytest.param(
            [
                told("Started", 400, 1_000, "EVConnected", stamped=40),
                told("Updated", 430, 3_000, "Charging"),
                told("Ended", 460, 9_000),
            ],
            id="a register long before the beginning",
        ),
    ],
)
def test_idle_is_not_believed_against_what_is_measured(
    events: list[v201.TransactionEvent], reconnects: bool
) -> None:
    assert after_events(events, reconnects=reconnects)["review"] == ("missing_register",)


@pytest.mark.parametrize("reconnects", [False, True])
@pytest.mark.parametrize(
    "events",
    [
        pytest.param(
            [
                told("Started", 0, 1_000, "Charging"),
                told("Updated", 30, 4_900, power=7_000),
                told("Updated", 31, None, "SuspendedEV"),
                told("Updated", 45, 5_000),
                told("Ended", 90),
            ],
            id="the first register since",
        ),
        pytest.param(
            [
                told("Started", 0, 1_000, "Charging"),
                told("Updated", 30, 4_998, "SuspendedEV", power=7_000),
                told("Updated", 45, 5_000, power=0),
                told("Ended", 90),
            ],
            id="standby",
        ),
        pytest.param(
            [
                told("Started", 0, 1_000, "Charging"),
                told("Updated", 30, 4_000, "SuspendedEV"),
                told("Updated", 31, 5_000, power=4_000),
                told("Updated", 45, 5_000, power=0),
                told("Ended", 90),
            ],
            id="it took a while to stop",
        ),
        pytest.param(
            [
                told("Started", 0, None, "EVConnected"),
                told("Updated", 20, 1_000, "Charging", power=0),
                told("Ended", 60, 5_000),
            ],
            id="it took a while to begin",
        ),
    ],
)
def test_idle_is_believed_where_nothing_contradicts_it(
    events: list[v201.TransactionEvent], reconnects: bool
) -> None:
    row = after_events(events, reconnects=reconnects)
    assert (row["energy_wh"], row["review"]) == (4_000, ())


@pytest.mark.parametrize("reconnects", [False, True])
def test_a_register_told_again_in_a_unit_that_is_one_counts(reconnects: bool) -> None:
    strange = v201.SampledValue(value=9_000, unit_of_measure=v201.UnitOfMeasure(unit="varh"))
    first = told("Updated", 30)
    at = v201.MeterValue(timestamp=first.timestamp, sampled_value=[strange])
    events = [
        told("Started", 0, 1_000),
        replaced(first, meter_value=[at]),
        told("Ended", 30, 9_000),
    ]
    row = after_events(events, reconnects=reconnects)
    assert (row["energy_wh"], row["review"]) == (8_000, ())


@pytest.mark.parametrize("reconnects", [False, True])
def test_a_register_that_begins_anew_while_the_clock_is_set_back_is_held(*, reconnects: bool) -> None:
    """What an event tells last was last, although its stamp is that of a value which was told before."""
    both = [
        v201.MeterValue(timestamp=at, sampled_value=[v201.SampledValue(value=wh)])
        for at, wh in ((BEGINNING + timedelta(minutes=16), 343), (BEGINNING + timedelta(minutes=15), 0))
    ]
    events = [
        told("Started", 0, 0),
        replaced(told("Updated", 15), meter_value=both),
        told("Ended", 30, 429),
    ]
    assert after_events(events, reconnects=reconnects)["review"] == ("meter_reset",)


@pytest.mark.parametrize("wh", [-1, -5_000])
def test_a_beginning_below_zero_is_held(wh: int) -> None:
    events = [told("Started", 0, wh, "Charging"), told("Updated", 30, 4_000), told("Ended", 60, 9_000)]
    assert "missing_register" in after_events(events, reconnects=False)["review"]


def v16_session(
    samples: list[tuple[int, int]], stop: tuple[int, int], data: list[tuple[int, int]] | None = None
) -> dict[str, Any]:
    """A session from 0 Wh on with registers by (minute, Wh); `data` come with its stop."""
    store = fresh("ocpp1.6")
    begin = v16.StartTransaction(connector_id=1, id_tag="TAG", meter_start=0, timestamp=BEGINNING)
    number = store.handle(START, begin, LATER).transaction_id  # type: ignore[attr-defined]  # its answer

    def values(points: list[tuple[int, int]]) -> list[v16.MeterValue]:
        return [
            one
            for minute, wh in points
            for one in values_v16(Point(BEGINNING + timedelta(minutes=minute), total(wh)))
        ]

    for point in samples:
        request = v16.MeterValues(connector_id=1, transaction_id=number, meter_value=values([point]))
        store.handle(VALUES, request, LATER)
    end = v16.StopTransaction(
        transaction_id=number,
        timestamp=BEGINNING + timedelta(minutes=stop[0]),
        meter_stop=stop[1],
        transaction_data=values(data) if data else UNSET,
    )
    store.handle(STOP, end, LATER)
    return found(store)


def test_a_stop_stamped_before_its_samples_is_held() -> None:
    samples = [(30, 3_000), (60, 6_000), (120, 12_000)]
    assert v16_session(samples, (61, 12_000))["review"] == ("clock_drift",)
    assert v16_session(samples[:1], (61, 12_000), samples[1:])["review"] == ("clock_drift",)
    assert not v16_session(samples, (119, 12_000))["review"]


def twice(kind: Any, *registers: int, together: bool = False) -> v201.TransactionEvent:
    """An event after 30 minutes with these values of one register, each by itself or `together`."""
    at = BEGINNING + timedelta(minutes=30)
    samples = [v201.SampledValue(value=wh) for wh in registers]
    lists = [samples] if together else [[one] for one in samples]
    values = [v201.MeterValue(timestamp=at, sampled_value=one) for one in lists]
    return replaced(told(kind, 30), meter_value=values)


@pytest.mark.parametrize("reconnects", [False, True])
@pytest.mark.parametrize(
    "events",
    [
        pytest.param(
            [
                told("Started", 0, 1_000),
                twice("Updated", 5_000, 9_000),
                told("Ended", 60, 10_000),
            ],
            id="in one message",
        ),
        pytest.param(
            [
                told("Started", 0, 1_000),
                twice("Updated", 9_000, 5_000, together=True),
                told("Ended", 60, 10_000),
            ],
            id="in one list",
        ),
        pytest.param(
            [told("Started", 0, 1_000), twice("Ended", 9_000, 5_000)],
            id="at the end",
        ),
        pytest.param(
            [
                told("Started", 0, 1_000),
                told("Updated", 30, 9_000),
                told("Updated", 31, 5_000, stamped=30),
                told("Ended", 60, 10_000),
            ],
            id="in two messages",
        ),
    ],
)
def test_two_values_of_one_register_at_one_time_are_held(
    events: list[v201.TransactionEvent], reconnects: bool
) -> None:
    assert after_events(events, reconnects=reconnects)["review"] == ("meter_reset",)


@pytest.mark.parametrize("together", [False, True])
def test_two_values_of_1_6_are_held_and_begin_and_end_are_not(together: bool) -> None:
    at = BEGINNING + timedelta(minutes=30)

    def stopped(*contexts: Any) -> str | None:
        samples = [v16.SampledValue(value=str(5_000 * n), context=c) for n, c in enumerate(contexts)]
        lists = [samples] if together else [[one] for one in samples]
        store = fresh("ocpp1.6")
        begin = v16.StartTransaction(connector_id=1, id_tag="TAG", meter_start=0, timestamp=BEGINNING)
        number = store.handle(START, begin, LATER).transaction_id  # type: ignore[attr-defined]
        data = [v16.MeterValue(timestamp=at, sampled_value=one) for one in lists]
        stop = v16.StopTransaction(
            transaction_id=number, timestamp=at, meter_stop=5_000, transaction_data=data
        )
        store.handle(STOP, stop, LATER)
        return found(store)["review"]

    assert stopped("Sample.Periodic", "Sample.Clock") == ("meter_reset",)
    assert stopped("Transaction.Begin", "Transaction.End") == ()


@pytest.mark.parametrize(
    ("minutes", "stop_wh", "review"),
    [
        pytest.param([10, 30, 60], 0, ("implausible_energy",), id="stuck"),
        pytest.param([10, 30, 60], 7_000, (), id="it counts"),
        pytest.param([1], 0, (), id="hardly begun"),
    ],
)
@pytest.mark.parametrize("reconnects", [False, True])
def test_a_register_that_stays_although_power_flows_is_held(
    minutes: list[int], stop_wh: int, review: tuple[str, ...], reconnects: bool
) -> None:
    store = fresh("ocpp1.6")
    begin = v16.StartTransaction(connector_id=1, id_tag="TAG", meter_start=0, timestamp=BEGINNING)
    number = store.handle(START, begin, LATER).transaction_id  # type: ignore[attr-defined]  # its answer
    if reconnects:
        store.reconnect()
    for minute in minutes:
        value = v16.MeterValue(
            timestamp=BEGINNING + timedelta(minutes=minute),
            sampled_value=[v16.SampledValue(value="7000", measurand="Power.Active.Import")],
        )
        request = v16.MeterValues(connector_id=1, transaction_id=number, meter_value=[value])
        store.handle(VALUES, request, LATER)
        if reconnects and minute == minutes[0]:
            store.reconnect()
    end = BEGINNING + timedelta(minutes=minutes[-1] + 1)
    store.handle(STOP, v16.StopTransaction(transaction_id=number, timestamp=end, meter_stop=stop_wh), LATER)
    assert found(store)["review"] == review
