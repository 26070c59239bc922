"""Reports, variables and their limits (OCPP 2.x B05 to B08)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.changes import DeviceModelReported, DeviceVariableRead, EventPublished
from engine.domain.device import limit_of
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.device_model.get_configuration import get_variables_answered_v2x
from engine.ocpp.blocks.device_model.notify_report import notify_report_v2x
from engine.ocpp.blocks.device_model.report_configuration import get_base_report_answered_v2x
from engine.ocpp.blocks.device_model.report_variables import get_report_answered_v2x
from engine.ocpp.blocks.device_model.set_configuration import (
    check_set_variables_v2x,
    set_variables_answered_v2x,
)
from engine.ocpp.blocks.device_model.variables import check_size_v2x
from engine.ocpp.blocks.report_parts import MAX_REPORTS
from engine.ocpp.step import Facts, Outcome


def entry(words: Any, component: str, variable: str, value: Any, **more: Any) -> Any:
    return words.ReportData(
        component=words.Component(name=component),
        variable=words.Variable(name=variable, instance=more.pop("instance", msgspec.UNSET)),
        variable_attribute=[words.VariableAttribute(value=value, **more)],
    )


def part(words: Any, now: datetime, number: int, *entries: Any, more: bool) -> Any:
    return words.NotifyReport(
        request_id=7, generated_at=now, seq_no=number, tbc=more, report_data=list(entries) or msgspec.UNSET
    )


def asked(words: Any, cp: ChargePoint, now: datetime, base: str = "FullInventory") -> ChargePoint:
    request = words.GetBaseReport(request_id=7, report_base=base)
    return get_base_report_answered_v2x(
        cp, request, words.GetBaseReportResponse(status="Accepted"), now
    ).state


def rows(outcome: Outcome) -> list[DeviceVariableRead]:
    return [change for change in outcome.changes if isinstance(change, DeviceVariableRead)]


def ended(outcome: Outcome) -> list[DeviceModelReported]:
    return [change for change in outcome.changes if isinstance(change, DeviceModelReported)]


def news(outcome: Outcome) -> list[Any]:
    return [msgspec.json.decode(c.payload) for c in outcome.changes if isinstance(c, EventPublished)]


@pytest.mark.proves("2.x", "NotifyReport")
def test_a_part_is_kept_attribute_by_attribute(words: Any, station: ChargePoint, now: datetime) -> None:
    told = words.ReportData(
        component=words.Component(name="EVSE", instance="a", evse=words.EVSE(id=2, connector_id=1)),
        variable=words.Variable(name="Power", instance="b"),
        variable_attribute=[
            words.VariableAttribute(value="11000", mutability="ReadOnly", constant=True),
            words.VariableAttribute(type="MaxSet", value="22000", persistent=True),
        ],
        variable_characteristics=words.VariableCharacteristics(
            data_type="decimal", unit="W", max_limit=22_000.0, supports_monitoring=True
        ),
    )
    outcome = notify_report_v2x(station, part(words, now, 0, told, more=True), Facts(), now)
    assert outcome.reply == words.NotifyReportResponse()
    actual, most = rows(outcome)
    assert actual == DeviceVariableRead(
        charge_point_id=12,
        component="EVSE",
        component_instance="a",
        evse_number=2,
        connector_number=1,
        variable="Power",
        variable_instance="b",
        attribute="Actual",
        value="11000",
        at=now,
        mutability="ReadOnly",
        persistent=False,
        constant=True,
        data_type="decimal",
        unit="W",
        max_limit=22_000.0,
        supports_monitoring=True,
    )
    assert (most.attribute, most.value, most.mutability, most.persistent) == (
        "MaxSet",
        "22000",
        "ReadWrite",  # the default
        True,
    )


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (("W", 22_000.0), {2: 22_000}),
        (("kW", 7.4), {2: 7_400}),
        ((None, 11_000.0), {2: 11_000}),
        (("W", 22.0), {}),  # kW, as nobody said: no EVSE has so little
        (("A", 32_000.0), {}),
        (("W", None), {}),
    ],
)
def test_the_most_power_of_an_evse_is_heeded(
    words: Any, station: ChargePoint, now: datetime, said: tuple[str | None, float | None], wanted: Any
) -> None:
    unit, most = said
    told = words.ReportData(
        component=words.Component(name="EVSE", evse=words.EVSE(id=2)),
        variable=words.Variable(name="Power"),
        variable_attribute=[words.VariableAttribute(type="MaxSet", value="1")],
        variable_characteristics=words.VariableCharacteristics(
            data_type="decimal",
            unit=unit or msgspec.UNSET,
            max_limit=msgspec.UNSET if most is None else most,
            supports_monitoring=True,
        ),
    )
    first = notify_report_v2x(station, part(words, now, 0, told, more=True), Facts(), now)
    assert first.state is not None
    assert first.state.max_power_w == wanted
    value = entry(words, "EVSE", "Power", "500")  # what it is now says nothing of its most
    again = notify_report_v2x(first.state, part(words, now, 1, value, more=False), Facts(), now)
    assert again.state is not None
    assert again.state.max_power_w == wanted


@pytest.mark.proves("2.x", "NotifyReport")
@pytest.mark.parametrize(
    ("name", "more"),
    [
        (("SecurityCtrlr", "BasicAuthPassword"), {}),
        (("NetworkConfiguration", "basicAuthPassword"), {}),
        (("NetworkConfiguration", "VpnKey"), {}),
        (("X", "Y"), {"mutability": "WriteOnly"}),
    ],
)
def test_secrets_are_not_kept(
    words: Any, station: ChargePoint, now: datetime, name: tuple[str, str], more: dict[str, Any]
) -> None:
    told = entry(words, *name, "hunter2", **more)
    outcome = notify_report_v2x(station, part(words, now, 0, told, more=False), Facts(), now)
    assert [row.value for row in rows(outcome)] == [None]


@pytest.mark.proves("2.x", "GetBaseReport")
def test_a_full_inventory_that_came_whole_ends_what_it_does_not_name(
    words: Any, station: ChargePoint, now: datetime
) -> None:
    state = asked(words, station, now)
    later = now + timedelta(seconds=9)
    first = notify_report_v2x(
        state, part(words, now, 0, entry(words, "A", "B", "1"), more=True), Facts(), later
    )
    assert not ended(first)
    assert not news(first)
    again = notify_report_v2x(first.state, part(words, now, 0, more=True), Facts(), later)
    last = notify_report_v2x(again.state, part(words, now, 1, more=False), Facts(), later)
    assert ended(last) == [DeviceModelReported(charge_point_id=12, since=now, at=later)]
    assert last.state.reports == {}
    assert [(n["notification"], n["requestId"], n["complete"]) for n in news(last)] == [
        ("chargePoint.deviceModelReported", 7, True)
    ]


@pytest.mark.proves("2.x", "GetBaseReport")
def test_a_report_with_a_gap_ends_nothing(words: Any, station: ChargePoint, now: datetime) -> None:
    state = asked(words, station, now)
    last = notify_report_v2x(state, part(words, now, 1, more=False), Facts(), now)
    assert not ended(last)
    assert news(last)[0]["complete"] is False
    # What was missing comes late, and the report is whole after all.
    late = notify_report_v2x(last.state, part(words, now, 0, more=True), Facts(), now)
    assert len(ended(late)) == 1


@pytest.mark.proves("2.x", "GetBaseReport")
@pytest.mark.parametrize("base", ["ConfigurationInventory", "SummaryInventory"])
def test_a_report_of_some_variables_ends_nothing(
    words: Any, station: ChargePoint, now: datetime, base: str
) -> None:
    state = asked(words, station, now, base)
    outcome = notify_report_v2x(state, part(words, now, 0, more=False), Facts(), now)
    assert not ended(outcome)
    assert news(outcome)[0]["complete"] is True


@pytest.mark.proves("2.x", "NotifyReport")
def test_a_report_nobody_asked_for_on_this_connection_is_kept(
    words: Any, station: ChargePoint, now: datetime
) -> None:
    outcome = notify_report_v2x(
        station, part(words, now, 3, entry(words, "A", "B", "1"), more=False), Facts(), now
    )
    assert len(rows(outcome)) == 1
    assert not ended(outcome)


def test_a_clock_set_back_does_not_age_what_was_just_reported(
    words: Any, station: ChargePoint, now: datetime
) -> None:
    state = asked(words, station, now)
    before = now - timedelta(hours=1)
    outcome = notify_report_v2x(
        state, part(words, now, 0, entry(words, "A", "B", "1"), more=False), Facts(), before
    )
    assert all(row.at >= ended(outcome)[0].since for row in rows(outcome))


@pytest.mark.proves("2.x", "GetReport")
def test_refused_reports_are_not_awaited(words: Any, station: ChargePoint, now: datetime) -> None:
    base = words.GetBaseReport(request_id=7, report_base="FullInventory")
    for status in ("Rejected", "NotSupported", "EmptyResultSet"):
        answer = words.GetBaseReportResponse(status=status)
        assert get_base_report_answered_v2x(station, base, answer, now).state is station
    empty = words.GetReportResponse(status="EmptyResultSet")
    assert get_report_answered_v2x(station, words.GetReport(request_id=1), empty, now).state is station


@pytest.mark.proves("2.x", "GetReport")
def test_reports_awaited_are_bounded(words: Any, station: ChargePoint, now: datetime) -> None:
    state = station
    for number in range(3 * MAX_REPORTS):
        request = words.GetReport(request_id=number)
        answer = words.GetReportResponse(status="Accepted")
        state = get_report_answered_v2x(state, request, answer, now).state
    assert [number for _, number in state.reports] == list(range(2 * MAX_REPORTS, 3 * MAX_REPORTS))


# --- variables ---------------------------------------------------------------------------------------------


@pytest.mark.proves("2.x", "GetVariables")
def test_values_that_were_told_are_kept(words: Any, station: ChargePoint, now: datetime) -> None:
    component, variable = words.Component(name="OCPPCommCtrlr"), words.Variable(name="HeartbeatInterval")
    data = words.GetVariableData(component=component, variable=variable)
    results = [
        words.GetVariableResult(
            attribute_status=status, attribute_value="300", component=component, variable=variable
        )
        for status in ("Accepted", "Rejected", "UnknownVariable")
    ]
    outcome = get_variables_answered_v2x(
        station,
        words.GetVariables(get_variable_data=[data]),
        words.GetVariablesResponse(get_variable_result=results),
        now,
    )
    assert [(row.variable, row.value, row.mutability) for row in rows(outcome)] == [
        ("HeartbeatInterval", "300", None)
    ]


@pytest.mark.proves("2.x", "SetVariables")
def test_values_that_were_stored_over_there_are_kept(words: Any, station: ChargePoint, now: datetime) -> None:
    component = words.Component(name="Ctrlr")
    names = ["A", "B", "C", "D"]
    data = [
        words.SetVariableData(attribute_value=n.lower(), component=component, variable=words.Variable(name=n))
        for n in names
    ]
    statuses = ["Accepted", "RebootRequired", "Rejected", "Accepted"]
    results = [  # in another order and case than they were asked
        words.SetVariableResult(
            attribute_status=status,
            component=words.Component(name="CTRLR"),
            variable=words.Variable(name="unknown" if name == "D" else name.lower()),
        )
        for name, status in reversed(list(zip(names, statuses, strict=True)))
    ]
    outcome = set_variables_answered_v2x(
        station,
        words.SetVariables(set_variable_data=data),
        words.SetVariablesResponse(set_variable_result=results),
        now,
    )
    assert {(row.component, row.variable, row.value) for row in rows(outcome)} == {
        ("Ctrlr", "A", "a"),
        ("Ctrlr", "B", "b"),
    }


@pytest.mark.proves("2.x", "SetVariables")
def test_a_password_is_set_and_forgotten(words: Any, station: ChargePoint, now: datetime) -> None:
    named = {
        "component": words.Component(name="SecurityCtrlr"),
        "variable": words.Variable(name="BasicAuthPassword"),
    }
    outcome = set_variables_answered_v2x(
        station,
        words.SetVariables(set_variable_data=[words.SetVariableData(attribute_value="hunter2", **named)]),
        words.SetVariablesResponse(
            set_variable_result=[words.SetVariableResult(attribute_status="Accepted", **named)]
        ),
        now,
    )
    assert [row.value for row in rows(outcome)] == [None]


# --- limits ------------------------------------------------------------------------------------------------


def variables(words: Any, count: int) -> Any:
    return words.SetVariables(
        set_variable_data=[
            words.SetVariableData(
                attribute_value="1",
                component=words.Component(name="C"),
                variable=words.Variable(name=f"V{n}"),
            )
            for n in range(count)
        ]
    )


def test_limits_are_learnt_from_reports(words: Any, station: ChargePoint, now: datetime) -> None:
    told = [
        entry(words, "DeviceDataCtrlr", "ItemsPerMessage", "4", instance="SetVariables"),
        entry(words, "LocalAuthListCtrlr", "ItemsPerMessage", "20"),
        entry(words, "DeviceDataCtrlr", "ItemsPerMessage", "many", instance="GetVariables"),
    ]
    outcome = notify_report_v2x(station, part(words, now, 0, *told, more=False), Facts(), now)
    assert outcome.state.items_per_message == {"SetVariables": 4, "SendLocalList": 20}


@pytest.mark.parametrize(
    ("component", "variable", "instance", "value", "limit"),
    [
        ("devicedatactrlr", "itemspermessage", "getreport", "10", ("GetReport", "items", 10)),
        (
            "MonitoringCtrlr",
            "ItemsPerMessage",
            "SetVariableMonitoring",
            " 3 ",
            ("SetVariableMonitoring", "items", 3),
        ),
        ("DeviceDataCtrlr", "BytesPerMessage", "GetReport", "10", ("GetReport", "bytes", 10)),
        ("LocalAuthListCtrlr", "bytespermessage", "", "99", ("SendLocalList", "bytes", 99)),
        ("DeviceDataCtrlr", "ItemsPerMessage", "GetReport", "0", None),
        ("DeviceDataCtrlr", "ItemsPerMessage", "GetReport", "-1", None),
        ("DeviceDataCtrlr", "ItemsPerMessage", "GetReport", "1" * 5_000, None),
        ("DeviceDataCtrlr", "ItemsPerMessage", "GetReport", None, None),
        ("DeviceDataCtrlr", "ItemsPerMessage", "Other", "1", None),
    ],
)
def test_what_limits_a_message(
    component: str, variable: str, instance: str, value: str | None, limit: tuple[str, str, int] | None
) -> None:
    assert limit_of(component, variable, instance, value) == limit


@pytest.mark.proves("2.x", "SetVariables")
@pytest.mark.parametrize(("limit", "errors"), [(None, 0), (5, 0), (4, 1)])
def test_a_message_holds_what_the_station_takes(
    words: Any, station: ChargePoint, now: datetime, limit: int | None, errors: int
) -> None:
    cp = station if limit is None else replace(station, items_per_message={"SetVariables": limit})
    assert len(check_set_variables_v2x(variables(words, 5), cp, now)) == errors


def test_an_attribute_is_set_once_per_message(words: Any, station: ChargePoint, now: datetime) -> None:
    twice = words.SetVariables(set_variable_data=variables(words, 1).set_variable_data * 2)
    assert check_set_variables_v2x(twice, station, now) == ["setVariableData names an attribute twice"]


@pytest.mark.parametrize(("length", "errors"), [(15, 1), (16, 0), (64, 0)])
def test_a_password_is_not_too_short(
    words: Any, station: ChargePoint, now: datetime, length: int, errors: int
) -> None:
    data = words.SetVariableData(
        component=words.Component(name="SecurityCtrlr"),
        variable=words.Variable(name="BasicAuthPassword"),
        attribute_value="p" * length,
    )
    request = words.SetVariables(set_variable_data=[data])
    assert len(check_set_variables_v2x(request, station, now)) == errors


@pytest.mark.proves("2.x", "GetReport")
def test_a_report_without_a_list_is_never_too_long(words: Any, station: ChargePoint, now: datetime) -> None:
    cp = replace(station, items_per_message={"GetReport": 1})
    assert check_size_v2x(words.GetReport(request_id=1), cp, now) == []


@pytest.mark.proves("2.x", "GetMonitoringReport")
def test_one_limit_is_for_both_kinds_of_reports(words: Any, station: ChargePoint, now: datetime) -> None:
    cp = replace(station, items_per_message={"GetReport": 1})
    wanted = [words.ComponentVariable(component=words.Component(name=name)) for name in ("A", "B")]
    for request in (words.GetReport, words.GetMonitoringReport):  # N02.FR.07
        assert check_size_v2x(request(request_id=1, component_variable=wanted[:1]), cp, now) == []
        assert len(check_size_v2x(request(request_id=1, component_variable=wanted), cp, now)) == 1


@pytest.mark.proves("2.x", "ClearVariableMonitoring")
def test_a_message_is_no_longer_than_the_station_takes(
    words: Any, station: ChargePoint, now: datetime
) -> None:
    request = words.ClearVariableMonitoring(id=[1, 22])
    length = len(b'{"id":[1,22]}')
    for most, errors in ((length, 0), (length - 1, 1)):
        cp = replace(station, bytes_per_message={"ClearVariableMonitoring": most})
        assert len(check_size_v2x(request, cp, now)) == errors


def test_limits_that_were_read_count_at_once(words: Any, station: ChargePoint, now: datetime) -> None:
    told = [
        entry(words, "DeviceDataCtrlr", name, value, instance="SetVariables")
        for name, value in (("ItemsPerMessage", "4"), ("BytesPerMessage", "900"))
    ]
    state = notify_report_v2x(station, part(words, now, 0, *told, more=False), Facts(), now).state
    assert (state.items_per_message, state.bytes_per_message) == ({"SetVariables": 4}, {"SetVariables": 900})


@pytest.mark.parametrize("numbers", [(2_147_483_647, -5), (-1,), (3, 1), (5, 0, 1)])
def test_numbers_that_contradict_each_other_make_no_whole_report(
    words: Any, station: ChargePoint, now: datetime, numbers: tuple[int, ...]
) -> None:
    """Nothing is ended by a report whose parts may be missing."""
    state = asked(words, station, now)
    for number in numbers:
        outcome = notify_report_v2x(state, part(words, now, number, more=False), Facts(), now)
        assert ended(outcome) == []
        state = outcome.state


@pytest.mark.parametrize("kind", ["MaxSet", "Actual"])
def test_a_result_without_attribute_is_of_the_one_that_was_asked_for(
    words: Any, station: ChargePoint, now: datetime, kind: str
) -> None:
    named = {"component": words.Component(name="C"), "variable": words.Variable(name="V")}
    outcome = set_variables_answered_v2x(
        station,
        words.SetVariables(
            set_variable_data=[words.SetVariableData(attribute_value="1", attribute_type=kind, **named)]
        ),
        words.SetVariablesResponse(
            set_variable_result=[words.SetVariableResult(attribute_status="Accepted", **named)]
        ),
        now,
    )
    assert [(row.attribute, row.value) for row in rows(outcome)] == [(kind, "1")]
    outcome = get_variables_answered_v2x(
        station,
        words.GetVariables(get_variable_data=[words.GetVariableData(attribute_type=kind, **named)]),
        words.GetVariablesResponse(
            get_variable_result=[
                words.GetVariableResult(attribute_status="Accepted", attribute_value="2", **named)
            ]
        ),
        now,
    )
    assert [(row.attribute, row.value) for row in rows(outcome)] == [(kind, "2")]
