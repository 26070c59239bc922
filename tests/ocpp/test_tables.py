"""The tables of a version hold what its schemas hold, each way: nothing without a handler or a command."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Protocol
from engine.ocpp.versions import PROTOCOLS

MESSAGES: dict[str, ModuleType] = {"ocpp1.6": v16, "ocpp2.0.1": v201, "ocpp2.1": v21}
FROM_STATION_16 = {
    "Authorize",
    "BootNotification",
    "DataTransfer",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "SecurityEventNotification",
    "SignCertificate",
    "SignedFirmwareStatusNotification",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
}
FROM_STATION_201 = {
    "Authorize",
    "BootNotification",
    "ClearedChargingLimit",
    "DataTransfer",
    "FirmwareStatusNotification",
    "Get15118EVCertificate",
    "GetCertificateStatus",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "NotifyChargingLimit",
    "NotifyCustomerInformation",
    "NotifyDisplayMessages",
    "NotifyEVChargingNeeds",
    "NotifyEVChargingSchedule",
    "NotifyEvent",
    "NotifyMonitoringReport",
    "NotifyReport",
    "PublishFirmwareStatusNotification",
    "ReportChargingProfiles",
    "ReservationStatusUpdate",
    "SecurityEventNotification",
    "SignCertificate",
    "StatusNotification",
    "TransactionEvent",
}
FROM_STATION_21 = FROM_STATION_201 | {
    "BatterySwap",
    "ClosePeriodicEventStream",
    "GetCertificateChainStatus",
    "NotifyDERAlarm",
    "NotifyDERStartStop",
    "NotifyPriorityCharging",
    "NotifySettlement",
    "NotifyWebPaymentStarted",
    "OpenPeriodicEventStream",
    "PullDynamicScheduleUpdate",
    "ReportDERControl",
    "VatNumberValidation",
}
FROM_STATION = {"ocpp1.6": FROM_STATION_16, "ocpp2.0.1": FROM_STATION_201, "ocpp2.1": FROM_STATION_21}
BOTH_WAYS = {
    "ocpp1.6": {"DataTransfer"},
    "ocpp2.0.1": {"DataTransfer"},
    "ocpp2.1": {"DataTransfer", "NotifyWebPaymentStarted"},
}
# What a station may send while its boot is not accepted, in 2.x only if it was asked for
# (OCPP 1.6 §4.2; 2.0.1 B02.FR.09, B03.FR.07).
EARLY = {
    "ocpp1.6": {
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StatusNotification",
    },
    "ocpp2.0.1": {
        "BootNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "NotifyReport",
        "PublishFirmwareStatusNotification",
        "SignCertificate",
        "StatusNotification",
        "TransactionEvent",
    },
}
EARLY["ocpp2.1"] = EARLY["ocpp2.0.1"]


def entries(protocol: Protocol) -> Iterator[tuple[str, Any]]:
    yield from protocol.inbound.items()
    yield from protocol.outbound.items()


ENTRIES = [
    pytest.param(name, action, entry, id=f"{name}-{action}")
    for name, protocol in PROTOCOLS.items()
    for action, entry in entries(protocol)
]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_message_from_a_station_has_a_handler(name: str) -> None:
    assert set(PROTOCOLS[name].inbound) == FROM_STATION[name]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_message_to_a_station_has_a_command(name: str) -> None:
    wanted = set(MESSAGES[name].ACTIONS) - FROM_STATION[name] | BOTH_WAYS[name]
    assert set(PROTOCOLS[name].outbound) == wanted


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_message_without_an_answer_is_listened_to(name: str) -> None:
    assert dict(PROTOCOLS[name].sent).keys() == getattr(MESSAGES[name], "SENT", {}).keys()


@pytest.mark.parametrize(("name", "action", "entry"), ENTRIES)
def test_entries_carry_the_types_of_their_action(name: str, action: str, entry: Any) -> None:
    assert (entry.request, entry.response) == MESSAGES[name].ACTIONS[action]


@pytest.mark.parametrize(
    ("name", "action"),
    [(name, action) for name, protocol in PROTOCOLS.items() for action in sorted(protocol.inbound)],
)
def test_every_handler_is_documented(name: str, action: str) -> None:
    assert inspect.getdoc(PROTOCOLS[name].inbound[action].step)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_before_acceptance_only_what_can_be_asked_for_is_handled(name: str) -> None:
    early = {action for action, handler in PROTOCOLS[name].inbound.items() if handler.before_boot}
    assert early == EARLY[name]
