"""Where the registers of begin and end may come from in OCPP 2.x, and what cannot stand in for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from engine.ocpp import v201 as v201_protocol
from engine.ocpp.messages import v201
from tests.domain.simulated_store import Store, station

BEGINNING = datetime(2026, 3, 1, 8, tzinfo=UTC)
LATER = BEGINNING + timedelta(days=1)
EVENT = v201_protocol.PROTOCOL.inbound["TransactionEvent"]


def at(second: float) -> datetime:
    return BEGINNING + timedelta(seconds=second)


def value(second: float, *registers: float, context: Any = UNSET, **more: Any) -> v201.MeterValue:
    samples = [v201.SampledValue(value=wh, context=context, **more) for wh in registers]
    return v201.MeterValue(timestamp=at(second), sampled_value=samples)


def event(
    kind: Any,
    seq_no: int,
    second: float,
    *values: v201.MeterValue,
    state: Any = UNSET,
    trigger: Any = "MeterValuePeriodic",
) -> v201.TransactionEvent:
    return v201.TransactionEvent(
        event_type=kind,
        timestamp=at(second),
        trigger_reason=trigger,
        seq_no=seq_no,
        transaction_info=v201.Transaction(transaction_id="tx", charging_state=state),
        evse=v201.EVSE(id=1, connector_id=1),
        meter_value=list(values) or UNSET,
    )


def row_after(events: list[v201.TransactionEvent], *, reconnects: bool = False) -> dict[str, Any]:
    store = Store(station("ocpp2.0.1"))
    for one in events:
        if reconnects:
            store.reconnect()
        store.handle(EVENT, one, LATER)
    [row] = store.sessions.values()
    assert row["status"] == "finished"
    return row


BEGUN = event("Started", 0, 0, value(0, 1_000), state="Charging")
BEGUN_SILENTLY = event("Started", 0, 0, state="Charging")
SILENT_END = event("Ended", 5, 3_600, state="EVConnected")
END = event("Ended", 5, 3_600, value(3_600, 5_000), state="EVConnected")


@pytest.mark.parametrize(
    ("events", "energy_wh", "review"),
    [
        pytest.param([BEGUN, event("Updated", 1, 3_591, value(3_591, 5_000)), SILENT_END], 4_000, ()),
        pytest.param([BEGUN, event("Updated", 1, 3_600, value(3_600, 5_000)), SILENT_END], 4_000, ()),
        pytest.param([BEGUN, event("Updated", 6, 3_608, value(3_608, 5_000)), SILENT_END], 4_000, ()),
        pytest.param([BEGUN, event("Updated", 1, 3_620, value(3_598, 5_000)), SILENT_END], 4_000, ()),
        pytest.param(
            [BEGUN, event("Updated", 1, 3_589, value(3_589, 5_000)), SILENT_END], 4_000, ("missing_register",)
        ),
        pytest.param(
            [BEGUN, event("Updated", 6, 3_611, value(3_611, 5_000)), SILENT_END], 0, ("missing_register",)
        ),
        pytest.param([BEGUN_SILENTLY, event("Updated", 1, 9, value(9, 1_000)), END], 4_000, ()),
        pytest.param([BEGUN_SILENTLY, event("Updated", 1, 9, value(-9, 1_000)), END], 4_000, ()),
        pytest.param(
            [BEGUN_SILENTLY, event("Updated", 1, 11, value(11, 1_000)), END], 4_000, ("missing_register",)
        ),
        pytest.param(
            [
                BEGUN_SILENTLY,
                event("Updated", 1, 2, value(2, 1_000)),
                event("Updated", 2, 3_595, value(3_595, 5_000)),
                SILENT_END,
            ],
            4_000,
            (),
        ),
    ],
)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_sample_within_ten_seconds_stands_in(
    events: list[v201.TransactionEvent], energy_wh: int, review: tuple[str, ...], data: st.DataObject
) -> None:
    """In whatever order they are told, and over reconnects."""
    row = row_after(data.draw(st.permutations(events)), reconnects=data.draw(st.booleans()))
    assert (row["energy_wh"], row["review"]) in ((energy_wh, review), (energy_wh, (*review, "late_event")))


@pytest.mark.parametrize("seconds", [0, 1, 8, 60, 3_000])
@pytest.mark.parametrize("reconnects", [False, True])
@pytest.mark.parametrize("context", ["Transaction.End", "Sample.Periodic"])
@pytest.mark.parametrize("early", [False, True])
def test_what_is_told_behind_the_end_is_no_end(
    seconds: int, context: Any, *, reconnects: bool, early: bool
) -> None:
    """340 Wh behind an end of 318: those that flowed into the next session are not this one's."""
    end = event("Ended", 3, 3_600, value(3_600, 318, context=context))
    behind = event("Updated", 4, 3_600 + seconds, value(3_600 + seconds, 340))
    events = [event("Started", 0, 0, value(0, 0)), event("Updated", 1, 60, value(60, 10))]
    row = row_after([*events, *((behind, end) if early else (end, behind))], reconnects=reconnects)
    assert (row["meter_stop_wh"], row["energy_wh"], row["review"]) == (318, 318, ())


@pytest.mark.parametrize("reconnects", [False, True])
def test_the_register_of_the_end_is_told_by_its_context(*, reconnects: bool) -> None:
    """Signed readings take a while: begin and end are what they say, not what their stamps say."""
    row = row_after(
        [
            event("Started", 0, 0),
            event(
                "Ended",
                1,
                3_600,
                value(20, 0, context="Transaction.Begin"),
                value(3_580, 318, context="Transaction.End"),
                value(3_600, 340),
            ),
        ],
        reconnects=reconnects,
    )
    assert (row["meter_stop_wh"], row["energy_wh"], row["review"]) == (318, 318, ())


def test_begin_and_end_may_both_be_told_at_the_end() -> None:
    both = [value(0, 1_000, context="Transaction.Begin"), value(3_600, 5_000, context="Transaction.End")]
    row = row_after([event("Started", 0, 0), event("Ended", 1, 3_600, *both)])
    assert (row["energy_wh"], row["review"]) == (4_000, ())
    none = [value(0, 1_000, context="Transaction.Begin"), value(3_600, 1_000, context="Transaction.End")]
    row = row_after([event("Started", 0, 0), event("Ended", 1, 3_600, *none)])
    assert (row["energy_wh"], row["review"]) == (0, ())


@pytest.mark.parametrize(
    "told",
    [
        pytest.param([value(3_600, 5_000, location="Inlet")], id="another register"),
        pytest.param(
            [value(3_600, 5_000, unit_of_measure=v201.UnitOfMeasure(unit="varh"))], id="a strange unit"
        ),
    ],
)
def test_nothing_stands_in_for_a_register_that_the_end_told(told: list[v201.MeterValue]) -> None:
    near = event("Updated", 1, 3_598, value(3_598, 4_000))
    row = row_after([BEGUN, near, event("Ended", 2, 3_600, *told)])
    assert row["review"] == ("missing_register",)


# --- no energy at all --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "review"),
    [
        pytest.param(
            [event("Started", 0, 0, state="EVConnected"), event("Ended", 1, 60)], (), id="never charging"
        ),
        pytest.param(
            [event("Started", 0, 0), event("Ended", 1, 60, trigger="EVConnectTimeout")],
            (),
            id="nothing was plugged in",
        ),
        pytest.param(
            [event("Started", 0, 0), event("Ended", 1, 60)], ("missing_register",), id="it does not say"
        ),
        pytest.param(
            [
                event("Started", 0, 0, state="EVConnected"),
                event("Updated", 1, 30, state="Charging"),
                event("Ended", 2, 60),
            ],
            ("missing_register",),
            id="it charged",
        ),
        pytest.param(
            [
                event("Started", 0, 0, state="EVConnected"),
                event("Updated", 1, 30, value(30, 7_000, measurand="Power.Active.Import")),
                event("Ended", 2, 60),
            ],
            ("missing_register",),
            id="power was measured",
        ),
        pytest.param(
            [event("Started", 0, 0, state="EVConnected"), event("Ended", 2, 60)],
            ("missing_register",),
            id="an event is missing",
        ),
    ],
)
@pytest.mark.parametrize("reconnects", [False, True])
def test_a_session_without_energy_needs_no_register(
    events: list[v201.TransactionEvent], review: tuple[str, ...], *, reconnects: bool
) -> None:
    row = row_after(events, reconnects=reconnects)
    assert (row["energy_wh"], row["review"]) == (0, review)


# --- numbers that are missing ------------------------------------------------------------------------------

IDLE = event("Updated", 1, 600, value(600, 3_000), state="SuspendedEV")


@pytest.mark.parametrize("reconnects", [False, True])
def test_idling_is_not_believed_over_events_that_were_not_told(*, reconnects: bool) -> None:
    begin = event("Started", 0, 0, value(0, 1_000), state="Charging")
    still = event("Updated", 2, 700, value(700, 3_000))
    assert not row_after([begin, IDLE, still, event("Ended", 3, 3_600)], reconnects=reconnects)["review"]
    missing = [begin, IDLE, event("Ended", 3, 3_600)]
    assert row_after(missing, reconnects=reconnects)["review"] == ("missing_register",)
    # What was missing comes: it idled all the time, so nobody has to look.
    assert not row_after([*missing, still], reconnects=reconnects)["review"]
    # It did not: the register that came is of the time before the end.
    charging = event("Updated", 2, 700, value(700, 3_500), state="Charging")
    assert row_after([*missing, charging], reconnects=reconnects)["review"] == ("missing_register",)


def test_idling_is_believed_again_when_it_is_told_anew() -> None:
    begin = event("Started", 0, 0, value(0, 1_000), state="Charging")
    again = event("Updated", 3, 700, value(700, 3_000), state="SuspendedEV")
    assert not row_after([begin, IDLE, again, event("Ended", 4, 3_600)])["review"]
