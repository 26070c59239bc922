"""The tables of a version hold exactly what its schemas hold, each way (OCPP 1.6 §4, §5)."""

from __future__ import annotations

import inspect

import pytest

from engine.ocpp.messages import v16
from engine.ocpp.v16 import PROTOCOL

FROM_CHARGE_POINT = {
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
BOTH_WAYS = {"DataTransfer"}


def test_every_message_from_a_charge_point_has_a_handler() -> None:
    assert set(PROTOCOL.inbound) == FROM_CHARGE_POINT


def test_every_message_to_a_charge_point_has_a_command() -> None:
    assert set(PROTOCOL.outbound) == set(v16.ACTIONS) - FROM_CHARGE_POINT | BOTH_WAYS


@pytest.mark.parametrize("action", sorted(v16.ACTIONS))
def test_entries_carry_the_types_of_their_action(action: str) -> None:
    entries = [table[action] for table in (PROTOCOL.inbound, PROTOCOL.outbound) if action in table]
    assert entries
    for entry in entries:
        assert (entry.request, entry.response) == v16.ACTIONS[action]


@pytest.mark.parametrize("action", sorted(PROTOCOL.inbound))
def test_every_handler_is_documented(action: str) -> None:
    assert inspect.getdoc(PROTOCOL.inbound[action].step)


def test_before_acceptance_no_transaction_is_handled() -> None:
    assert {action for action, handler in PROTOCOL.inbound.items() if handler.before_boot} == {
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StatusNotification",
    }
