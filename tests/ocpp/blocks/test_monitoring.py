"""Monitors and what they notice (OCPP 2.x N02 to N08)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.changes import (
    EventPublished,
    HardwareStatusChanged,
    MonitoringBaseSet,
    MonitorsReported,
    ReportStored,
    VariableMonitorCleared,
    VariableMonitorSet,
)
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.monitoring.clear_monitors import clear_variable_monitoring_answered_v2x
from engine.ocpp.blocks.monitoring.notify_event import notify_event_v2x
from engine.ocpp.blocks.monitoring.report_monitors import (
    get_monitoring_report_answered_v2x,
    notify_monitoring_report_v2x,
)
from engine.ocpp.blocks.monitoring.set_monitoring_base import set_monitoring_base_answered_v2x
from engine.ocpp.blocks.monitoring.set_monitoring_level import check_set_monitoring_level_v2x
from engine.ocpp.blocks.monitoring.set_monitors import (
    check_set_variable_monitoring_v2x,
    set_variable_monitoring_answered_v2x,
)
from engine.ocpp.messages import v21
from engine.ocpp.step import Facts


def event(words: Any, now: datetime, component: Any, variable: str, value: str, **more: Any) -> Any:
    members = {
        "event_id": 1,
        "timestamp": now,
        "trigger": "Alerting",
        "actual_value": value,
        "component": component,
        "event_notification_type": "CustomMonitor",
        "variable": words.Variable(name=variable),
    }
    return words.EventData(**{**members, **more})


def notify(words: Any, now: datetime, *events: Any) -> Any:
    return words.NotifyEvent(generated_at=now, seq_no=0, event_data=list(events))


def data(words: Any, **more: Any) -> Any:
    members = {
        "value": 60.0,
        "type": "UpperThreshold",
        "severity": 4,
        "component": words.Component(name="EVSE", evse=words.EVSE(id=1)),
        "variable": words.Variable(name="Temperature"),
    }
    return words.SetMonitoringData(**{**members, **more})


def result(words: Any, status: str = "Accepted", number: Any = 81, **more: Any) -> Any:
    members = {
        "id": number,
        "status": status,
        "type": "UpperThreshold",
        "severity": 4,
        "component": words.Component(name="evse", evse=words.EVSE(id=1)),
        "variable": words.Variable(name="temperature"),
    }
    return words.SetMonitoringResult(**{**members, **more})


@pytest.mark.proves("2.x", "NotifyEvent")
def test_events_are_kept_and_published_one_by_one(words: Any, station: ChargePoint, now: datetime) -> None:
    component = words.Component(name="EVSE", evse=words.EVSE(id=2))
    request = notify(
        words,
        now,
        event(words, now, component, "Temperature", "61", variable_monitoring_id=81, tech_info="hot"),
        event(words, now, component, "Temperature", "40", event_id=2, cleared=True),
    )
    outcome = notify_event_v2x(station, request, Facts(), now)
    assert outcome.reply == words.NotifyEventResponse()
    assert outcome.state is station
    stored, *published = outcome.changes
    assert isinstance(stored, ReportStored)
    assert msgspec.json.decode(stored.payload)["eventData"][1]["eventId"] == 2
    told = [msgspec.json.decode(one.payload) for one in published if isinstance(one, EventPublished)]
    assert [(t["eventId"], t["actualValue"], t.get("cleared", False)) for t in told] == [
        (1, "61", False),
        (2, "40", True),
    ]
    assert (told[0]["evseNumber"], told[0]["variableMonitoringId"], told[0]["techInfo"]) == (2, 81, "hot")
    assert "connectorNumber" not in told[0]


@pytest.mark.proves("2.x", "NotifyEvent")
@pytest.mark.parametrize("name", [("Connector", "AvailabilityState"), ("connector", "availabilitystate")])
def test_an_availability_event_is_a_status(
    words: Any, station: ChargePoint, now: datetime, name: tuple[str, str]
) -> None:
    component = words.Component(name=name[0], evse=words.EVSE(id=2, connector_id=1))
    request = notify(words, now, event(words, now, component, name[1], "Occupied", trigger="Delta"))
    outcome = notify_event_v2x(station, request, Facts(), now)
    assert outcome.state.connectors[2, 1].status == "occupied"
    statuses = [change for change in outcome.changes if isinstance(change, HardwareStatusChanged)]
    assert [(s.evse_number, s.connector_number, s.status) for s in statuses] == [(2, 1, "occupied")]


@pytest.mark.proves("2.x", "NotifyEvent")
def test_an_availability_that_does_not_exist_is_no_status(
    words: Any, station: ChargePoint, now: datetime
) -> None:
    component = words.Component(name="Connector", evse=words.EVSE(id=2, connector_id=1))
    request = notify(words, now, event(words, now, component, "AvailabilityState", "Sleeping"))
    assert notify_event_v2x(station, request, Facts(), now).state is station


@pytest.mark.proves("2.x", "NotifyMonitoringReport")
def test_what_a_station_watches_is_kept(words: Any, station: ChargePoint, now: datetime) -> None:
    kind = {"event_notification_type": "PreconfiguredMonitor"} if station.version == "ocpp2.1" else {}
    monitors = [
        words.VariableMonitoring(id=n, transaction=True, value=1.5, type="Delta", severity=n, **kind)
        for n in (5, 6)
    ]
    request = words.NotifyMonitoringReport(
        monitor=[
            words.MonitoringData(
                component=words.Component(name="EVSE", evse=words.EVSE(id=1)),
                variable=words.Variable(name="Power"),
                variable_monitoring=monitors,
            )
        ],
        request_id=1,
        seq_no=0,
        generated_at=now,
    )
    outcome = notify_monitoring_report_v2x(station, request, Facts(), now)
    assert outcome.changes == [
        VariableMonitorSet(
            charge_point_id=12,
            monitor_id=n,
            component="EVSE",
            component_instance="",
            evse_number=1,
            connector_number=0,
            variable="Power",
            variable_instance="",
            type="Delta",
            value=1.5,
            severity=n,
            transaction=True,
            kind="PreconfiguredMonitor" if kind else None,
            at=now,
        )
        for n in (5, 6)
    ]


@pytest.mark.proves("2.x", "SetVariableMonitoring")
def test_a_monitor_that_was_accepted_has_its_id(words: Any, station: ChargePoint, now: datetime) -> None:
    request = words.SetVariableMonitoring(set_monitoring_data=[data(words), data(words, severity=5)])
    answer = words.SetVariableMonitoringResponse(
        set_monitoring_result=[
            result(words, "Rejected", msgspec.UNSET, severity=5),
            result(words, number=82),
            result(words, number=83, severity=1),  # nobody asked for this one
        ]
    )
    outcome = set_variable_monitoring_answered_v2x(station, request, answer, now)
    assert [
        (c.monitor_id, c.variable, c.severity, c.kind)
        for c in outcome.changes
        if isinstance(c, VariableMonitorSet)
    ] == [(82, "Temperature", 4, "CustomMonitor")]


@pytest.mark.proves("2.x", "ClearVariableMonitoring")
def test_a_monitor_is_cleared_by_either_word(words: Any, station: ChargePoint, now: datetime) -> None:
    answer = words.ClearVariableMonitoringResponse(
        clear_monitoring_result=[
            words.ClearMonitoringResult(id=n, status=status)
            for n, status in enumerate(("Accepted", "Rejected", "NotFound"))
        ]
    )
    request = words.ClearVariableMonitoring(id=[0, 1, 2])
    outcome = clear_variable_monitoring_answered_v2x(station, request, answer, now)
    assert outcome.changes == [
        VariableMonitorCleared(charge_point_id=12, monitor_id=n, at=now) for n in (0, 2)
    ]


@pytest.mark.proves("2.x", "SetMonitoringBase")
def test_a_monitoring_base_counts_when_accepted(words: Any, station: ChargePoint, now: datetime) -> None:
    request = words.SetMonitoringBase(monitoring_base="HardWiredOnly")
    accepted = set_monitoring_base_answered_v2x(
        station, request, words.SetMonitoringBaseResponse(status="Accepted"), now
    )
    assert list(accepted.changes) == [MonitoringBaseSet(id=12, monitoring_base="HardWiredOnly", at=now)]
    refused = words.SetMonitoringBaseResponse(status="NotSupported")
    assert not set_monitoring_base_answered_v2x(station, request, refused, now).changes


@pytest.mark.proves("2.x", "SetVariableMonitoring")
@pytest.mark.parametrize(
    ("members", "errors"),
    [
        ({}, 0),
        ({"severity": 0}, 0),
        ({"severity": 9}, 0),
        ({"severity": 10}, 1),
        ({"type": "Delta", "value": -1.0}, 1),
        ({"type": "LowerThreshold", "value": -20.0}, 0),
    ],
)
def test_what_may_be_watched(
    words: Any, station: ChargePoint, now: datetime, members: dict[str, Any], errors: int
) -> None:
    request = words.SetVariableMonitoring(set_monitoring_data=[data(words, **members)])
    assert len(check_set_variable_monitoring_v2x(request, station, now)) == errors


@pytest.mark.proves("2.x", "SetVariableMonitoring")
def test_monitors_are_set_within_the_stations_limit(words: Any, station: ChargePoint, now: datetime) -> None:
    cp = replace(station, items_per_message={"SetVariableMonitoring": 1})
    request = words.SetVariableMonitoring(set_monitoring_data=[data(words), data(words, severity=1)])
    assert len(check_set_variable_monitoring_v2x(request, cp, now)) == 1


@pytest.mark.proves("2.x", "SetMonitoringLevel")
@pytest.mark.parametrize(("severity", "errors"), [(0, 0), (9, 0), (10, 1)])
def test_severities(words: Any, station: ChargePoint, now: datetime, severity: int, errors: int) -> None:
    request = words.SetMonitoringLevel(severity=severity)
    assert len(check_set_monitoring_level_v2x(request, station, now)) == errors


def test_the_value_of_a_secret_is_neither_kept_nor_published(
    words: Any, station: ChargePoint, now: datetime
) -> None:
    component = words.Component(name="SecurityCtrlr")
    request = notify(words, now, event(words, now, component, "BasicAuthPassword", "hunter2"))
    stored, published = notify_event_v2x(station, request, Facts(), now).changes
    assert isinstance(stored, ReportStored)
    assert isinstance(published, EventPublished)
    assert b"hunter2" not in stored.payload + published.payload
    assert msgspec.json.decode(published.payload)["variable"] == "BasicAuthPassword"


def report(words: Any, now: datetime, number: int, *, more: bool) -> Any:
    return words.NotifyMonitoringReport(request_id=7, seq_no=number, tbc=more, generated_at=now)


def wanted(words: Any, cp: ChargePoint, now: datetime, status: str = "Accepted", **more: Any) -> Any:
    response = words.GetMonitoringReportResponse(status=status)
    return get_monitoring_report_answered_v2x(
        cp, words.GetMonitoringReport(request_id=7, **more), response, now
    )


@pytest.mark.proves("2.x", "GetMonitoringReport", "NotifyMonitoringReport")
def test_a_report_of_all_monitors_ends_the_others(words: Any, station: ChargePoint, now: datetime) -> None:
    state = wanted(words, station, now).state
    later = now + timedelta(seconds=9)
    first = notify_monitoring_report_v2x(state, report(words, now, 0, more=True), Facts(), later)
    assert not first.changes
    last = notify_monitoring_report_v2x(first.state, report(words, now, 1, more=False), Facts(), later)
    assert last.changes == [MonitorsReported(charge_point_id=12, since=now, at=later)]
    assert last.state.reports == {}


@pytest.mark.proves("2.x", "NotifyMonitoringReport")
@pytest.mark.parametrize("numbers", [[1], [0, 2]])
def test_a_monitoring_report_with_a_gap_ends_nothing(
    words: Any, station: ChargePoint, now: datetime, numbers: list[int]
) -> None:
    state, changes = wanted(words, station, now).state, list[Any]()
    for number in numbers:
        told = report(words, now, number, more=number != numbers[-1])
        outcome = notify_monitoring_report_v2x(state, told, Facts(), now)
        state = outcome.state
        changes += outcome.changes
    assert not changes


def test_a_report_of_some_monitors_ends_nothing(words: Any, station: ChargePoint, now: datetime) -> None:
    state = wanted(words, station, now, monitoring_criteria=["DeltaMonitoring"]).state
    last = notify_monitoring_report_v2x(state, report(words, now, 0, more=False), Facts(), now)
    assert not last.changes


@pytest.mark.proves("2.x", "GetMonitoringReport")
def test_an_empty_report_says_that_nothing_is_watched(
    words: Any, station: ChargePoint, now: datetime
) -> None:
    ended = [MonitorsReported(charge_point_id=12, since=now, at=now)]
    assert list(wanted(words, station, now, "EmptyResultSet").changes) == ended
    some = {"component_variable": [words.ComponentVariable(component=words.Component(name="EVSE"))]}
    assert not wanted(words, station, now, "EmptyResultSet", **some).changes
    assert not wanted(words, station, now, "Rejected").changes


def test_an_event_stream_has_a_pace(cp: ChargePoint, now: datetime) -> None:
    pace = v21.PeriodicEventStreamParams
    for stream, errors in ((pace(), 1), (pace(interval=60), 0), (pace(values=5), 0)):  # N11.FR.09
        request = v21.SetVariableMonitoring(set_monitoring_data=[data(v21, periodic_event_stream=stream)])
        assert len(check_set_variable_monitoring_v2x(request, cp, now)) == errors
