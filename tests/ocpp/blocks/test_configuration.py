"""GetConfiguration and ChangeConfiguration (OCPP 1.6 §5.8, §5.3, §9)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from engine.domain.changes import ConfigurationKeyRead
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.device_model.get_configuration import get_configuration_answered_v16
from engine.ocpp.blocks.device_model.set_configuration import (
    change_configuration_answered_v16,
    check_change_configuration_v16,
)
from engine.ocpp.messages import v16


def read(now: datetime, name: str, value: str | None, readonly: bool = False) -> ConfigurationKeyRead:
    return ConfigurationKeyRead(charge_point_id=12, name=name, value=value, readonly=readonly, at=now)


@pytest.mark.proves("1.6", "GetConfiguration")
def test_every_reported_key_is_kept(cp: ChargePoint, now: datetime) -> None:
    response = v16.GetConfigurationResponse(
        configuration_key=[
            v16.KeyValue(key="HeartbeatInterval", readonly=False, value="300"),
            v16.KeyValue(key="NumberOfConnectors", readonly=True, value="2"),
            v16.KeyValue(key="Unset", readonly=False),
            v16.KeyValue(key="Empty", readonly=False, value=""),
        ],
        unknown_key=["Nonsense"],
    )
    outcome = get_configuration_answered_v16(cp, v16.GetConfiguration(), response, now)
    assert outcome.reply is None
    assert list(outcome.changes) == [
        read(now, "HeartbeatInterval", "300"),
        read(now, "NumberOfConnectors", "2", readonly=True),
        read(now, "Unset", None),
        read(now, "Empty", ""),
    ]


@pytest.mark.proves("1.6", "GetConfiguration")
def test_an_empty_answer_changes_nothing(cp: ChargePoint, now: datetime) -> None:
    outcome = get_configuration_answered_v16(cp, v16.GetConfiguration(), v16.GetConfigurationResponse(), now)
    assert not outcome.changes


@pytest.mark.proves("1.6", "ChangeConfiguration")
@pytest.mark.parametrize(
    ("status", "kept"),
    [("Accepted", True), ("RebootRequired", True), ("Rejected", False), ("NotSupported", False)],
)
def test_a_stored_value_is_remembered(cp: ChargePoint, now: datetime, status: Any, kept: bool) -> None:
    request = v16.ChangeConfiguration(key="HeartbeatInterval", value="60")
    response = v16.ChangeConfigurationResponse(status=status)
    outcome = change_configuration_answered_v16(cp, request, response, now)
    assert list(outcome.changes) == ([read(now, "HeartbeatInterval", "60")] if kept else [])


@pytest.mark.proves("1.6", "ChangeConfiguration", "GetConfiguration")
def test_secrets_are_never_kept(cp: ChargePoint, now: datetime) -> None:
    change = change_configuration_answered_v16(
        cp,
        v16.ChangeConfiguration(key="authorizationKey", value="0123456789abcdef"),
        v16.ChangeConfigurationResponse(status="Accepted"),
        now,
    )
    got = get_configuration_answered_v16(
        cp,
        v16.GetConfiguration(),
        v16.GetConfigurationResponse(
            configuration_key=[v16.KeyValue(key="AuthorizationKey", readonly=False, value="leaked")]
        ),
        now,
    )
    assert list(change.changes) == [read(now, "authorizationKey", None)]
    assert list(got.changes) == [read(now, "AuthorizationKey", None)]


@pytest.mark.proves("1.6", "ChangeConfiguration")
@pytest.mark.parametrize(
    ("key", "value", "fine"),
    [
        ("HeartbeatInterval", "0", True),
        ("heartbeatinterval", "300", True),
        ("HeartbeatInterval", "-1", False),
        ("HeartbeatInterval", "5m", False),
        ("HeartbeatInterval", "٣", False),
        ("LocalPreAuthorize", "TRUE", True),
        ("LocalPreAuthorize", "yes", False),
        ("AuthorizationKey", "x" * 15, False),
        ("AuthorizationKey", "x" * 16, True),
        ("AuthorizationKey", "x" * 41, False),
        ("SecurityProfile", "2", True),
        ("SecurityProfile", "4", False),
        ("MeterValuesSampledData", "Energy.Active.Import.Register,SoC", True),
        ("com.acme.anything", "", True),
        ("", "x", False),
    ],
)
def test_standard_keys_have_types(cp: ChargePoint, now: datetime, key: str, value: str, fine: bool) -> None:
    errors = check_change_configuration_v16(v16.ChangeConfiguration(key=key, value=value), cp, now)
    assert (errors == []) is fine
    assert not any(value in error for error in errors if key == "AuthorizationKey")
