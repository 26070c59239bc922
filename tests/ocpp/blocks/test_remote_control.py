"""Rules of remote starts, unlocks and triggers (OCPP 1.6 §5.11, §5.17, §5.18)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.remote_control.start import check_remote_start_transaction_v16
from engine.ocpp.blocks.remote_control.trigger import check_trigger_message_v16
from engine.ocpp.blocks.remote_control.unlock import check_unlock_connector_v16
from engine.ocpp.messages import v16


def profile(purpose: Any = "TxProfile", **more: Any) -> v16.ChargingProfile:
    schedule = v16.ChargingSchedule(
        charging_rate_unit="A",
        charging_schedule_period=[v16.ChargingSchedulePeriod(start_period=0, limit=Decimal("16"))],
    )
    return v16.ChargingProfile(
        charging_profile_id=1,
        stack_level=0,
        charging_profile_purpose=purpose,
        charging_profile_kind="Relative",
        charging_schedule=schedule,
        **more,
    )


@pytest.mark.proves("1.6", "RemoteStartTransaction")
@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"id_tag": "A"}, None),
        ({"id_tag": "A", "connector_id": 1, "charging_profile": profile()}, None),
        ({"id_tag": "A", "connector_id": 0}, "connectorId"),
        ({"id_tag": "A", "connector_id": -2}, "connectorId"),
        ({"id_tag": ""}, "idTag"),
        ({"id_tag": "A", "charging_profile": profile("TxDefaultProfile")}, "TxProfile"),
        ({"id_tag": "A", "charging_profile": profile(transaction_id=5)}, "transactionId"),
        ({"id_tag": "A", "charging_profile": profile(recurrency_kind="Daily")}, "recurrencyKind"),
    ],
)
def test_remote_start(cp: ChargePoint, now: datetime, members: dict[str, Any], reason: str | None) -> None:
    errors = check_remote_start_transaction_v16(v16.RemoteStartTransaction(**members), cp, now)
    assert len(errors) == (reason is not None)
    assert reason is None or reason in errors[0]


@pytest.mark.proves("1.6", "UnlockConnector")
@pytest.mark.parametrize(("connector_id", "count"), [(0, 1), (-1, 1), (1, 0)])
def test_unlock_needs_one_connector(cp: ChargePoint, now: datetime, connector_id: int, count: int) -> None:
    assert len(check_unlock_connector_v16(v16.UnlockConnector(connector_id=connector_id), cp, now)) == count


@pytest.mark.proves("1.6", "ExtendedTriggerMessage", "TriggerMessage")
@pytest.mark.parametrize(
    ("request_", "count"),
    [
        (v16.TriggerMessage(requested_message="Heartbeat"), 0),
        (v16.TriggerMessage(requested_message="Heartbeat", connector_id=1), 1),
        (v16.TriggerMessage(requested_message="MeterValues", connector_id=2), 0),
        (v16.TriggerMessage(requested_message="StatusNotification", connector_id=0), 1),
        (v16.ExtendedTriggerMessage(requested_message="SignChargePointCertificate"), 0),
        (v16.ExtendedTriggerMessage(requested_message="LogStatusNotification", connector_id=1), 1),
    ],
)
def test_triggers_name_a_connector_only_where_there_is_one(
    cp: ChargePoint, now: datetime, request_: v16.TriggerMessage | v16.ExtendedTriggerMessage, count: int
) -> None:
    assert len(check_trigger_message_v16(request_, cp, now)) == count
