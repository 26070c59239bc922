"""Messages that nothing here acts on yet are kept whole, published and acknowledged, not refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.changes import EventPublished, ReportStored
from engine.domain.state import ChargePoint
from engine.ocpp.messages import decode_hook, v21
from engine.ocpp.step import Facts
from engine.ocpp.versions import PROTOCOLS
from tests.ocpp.strategies import example, schemas, to_json

MODULES = {"ocpp2.0.1": "v201", "ocpp2.1": "v21"}
ACKNOWLEDGED = [
    "ClosePeriodicEventStream",
    "NotifyDERAlarm",
    "NotifyDERStartStop",
    "NotifyPriorityCharging",
    "NotifySettlement",
    "NotifyWebPaymentStarted",
    "ReportDERControl",
]


def told(action: str, *, full: bool) -> Any:
    """An instance of the message, with all its members or with the required ones."""
    document = example(schemas("v21")[action], full=full)
    return msgspec.json.decode(to_json(document), type=v21.ACTIONS[action][0], dec_hook=decode_hook)


@pytest.mark.proves(
    "2.1",
    "ClosePeriodicEventStream",
    "NotifyDERAlarm",
    "NotifyDERStartStop",
    "NotifyPriorityCharging",
    "NotifySettlement",
    "ReportDERControl",
)
@pytest.mark.proves("2.1", "NotifyWebPaymentStarted", way="in")
def test_it_is_stored_published_and_acknowledged(cp: ChargePoint, now: datetime) -> None:
    station = replace(cp, version="ocpp2.1")
    for action in ACKNOWLEDGED:
        for full in (True, False):
            request = told(action, full=full)
            outcome = PROTOCOLS["ocpp2.1"].inbound[action].step(station, request, Facts(), now)
            assert type(outcome.reply) is v21.ACTIONS[action][1], action
            assert outcome.durable, action
            row, event = outcome.changes
            assert isinstance(row, ReportStored)
            assert (row.action, row.at) == (action, now)
            assert msgspec.json.decode(row.payload, type=type(request), dec_hook=decode_hook) == request
            assert isinstance(event, EventPublished)


@pytest.mark.proves("2.1", "OpenPeriodicEventStream")
def test_a_stream_is_welcome_and_kept(cp: ChargePoint, now: datetime) -> None:
    request = told("OpenPeriodicEventStream", full=True)
    handler = PROTOCOLS["ocpp2.1"].inbound["OpenPeriodicEventStream"]
    outcome = handler.step(replace(cp, version="ocpp2.1"), request, Facts(), now)
    assert outcome.reply == v21.OpenPeriodicEventStreamResponse(status="Accepted")
    row = outcome.changes[0]
    assert isinstance(row, ReportStored)
    assert msgspec.json.decode(row.payload, type=v21.OpenPeriodicEventStream, dec_hook=decode_hook) == request


@pytest.mark.proves("2.x", "GetInstalledCertificateIds")
def test_certificates_told_are_kept(station: ChargePoint, words: Any, now: datetime) -> None:
    response = words.GetInstalledCertificateIdsResponse(status="NotFound")
    assert kept(station, "GetInstalledCertificateIds", response, now) == b'{"status":"NotFound"}'


@pytest.mark.proves("2.1", "ClearTariffs", "GetPeriodicEventStream", "GetTariffs")
def test_answers_about_tariffs_and_streams_are_kept(cp: ChargePoint, now: datetime) -> None:
    station = replace(cp, version="ocpp2.1")
    cleared = v21.ClearTariffsResponse(clear_tariffs_result=[v21.ClearTariffsResult(status="NoTariff")])
    expected = b'{"clearTariffsResult":[{"status":"NoTariff"}]}'
    assert kept(station, "ClearTariffs", cleared, now) == expected
    assert kept(station, "GetPeriodicEventStream", v21.GetPeriodicEventStreamResponse(), now) == b"{}"
    none = v21.GetTariffsResponse(status="NoTariff")
    assert kept(station, "GetTariffs", none, now) == b'{"status":"NoTariff"}'


def kept(station: ChargePoint, action: str, response: Any, now: datetime) -> bytes:
    """What is stored of an answer, by the command's own rule; nothing else may change."""
    command = PROTOCOLS[station.version].outbound[action]
    document = example(schemas(MODULES[station.version])[action])
    request = msgspec.json.decode(to_json(document), type=command.request, dec_hook=decode_hook)
    assert command.answered
    outcome = command.answered(station, request, response, now)
    assert outcome.state is station
    [row] = outcome.changes
    assert isinstance(row, ReportStored)
    assert row.action == action
    return row.payload
