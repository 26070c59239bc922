"""Starting, stopping, unlocking and triggering from afar (OCPP 2.x F01, F03, F05, F06)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.remote_control.start import check_request_start_transaction_v2x
from engine.ocpp.blocks.remote_control.stop import check_request_stop_transaction_v2x
from engine.ocpp.blocks.remote_control.trigger import check_trigger_message_v2x
from engine.ocpp.blocks.remote_control.unlock import check_unlock_connector_v2x


def token(words: Any, uid: str = "TAG", kind: str = "ISO14443") -> Any:
    return words.IdToken(id_token=uid, type=kind)


def profile(words: Any, **more: Any) -> Any:
    schedule = words.ChargingSchedule(
        id=1,
        charging_rate_unit="A",
        charging_schedule_period=[words.ChargingSchedulePeriod(start_period=0, limit=16.0)],
    )
    members = {
        "id": 1,
        "stack_level": 0,
        "charging_profile_purpose": "TxProfile",
        "charging_profile_kind": "Relative",
        "charging_schedule": [schedule],
    }
    return words.ChargingProfile(**{**members, **more})


@pytest.mark.proves("2.x", "RequestStartTransaction")
def test_a_start_needs_somebody_and_may_name_an_evse(words: Any, station: ChargePoint, now: datetime) -> None:
    def errors(**members: Any) -> list[str]:
        request = words.RequestStartTransaction(**{"remote_start_id": 1, "id_token": token(words), **members})
        return check_request_start_transaction_v2x(request, station, now)

    assert errors() == []
    assert errors(evse_id=1) == []
    assert len(errors(evse_id=0)) == 1
    assert len(errors(id_token=token(words, ""))) == 1
    assert errors(id_token=token(words, "", "NoAuthorization")) == []


@pytest.mark.proves("2.x", "RequestStartTransaction")
def test_a_start_may_bring_the_profile_of_its_transaction(
    words: Any, station: ChargePoint, now: datetime
) -> None:
    def errors(**members: Any) -> list[str]:
        request = words.RequestStartTransaction(
            remote_start_id=1, id_token=token(words), charging_profile=profile(words, **members)
        )
        return check_request_start_transaction_v2x(request, station, now)

    assert errors() == []
    assert len(errors(charging_profile_purpose="TxDefaultProfile")) == 1
    assert len(errors(transaction_id="T1")) == 1


@pytest.mark.proves("2.x", "RequestStopTransaction")
def test_a_stop_names_its_transaction(words: Any, station: ChargePoint, now: datetime) -> None:
    for name, count in (("T1", 0), ("", 1)):
        request = words.RequestStopTransaction(transaction_id=name)
        assert len(check_request_stop_transaction_v2x(request, station, now)) == count


@pytest.mark.proves("2.x", "UnlockConnector")
@pytest.mark.parametrize(("evse", "connector", "errors"), [(1, 1, 0), (0, 1, 1), (1, 0, 1), (0, 0, 2)])
def test_one_connector_is_unlocked(  # noqa: PLR0917 - one row of the table above per case
    words: Any, station: ChargePoint, now: datetime, evse: int, connector: int, errors: int
) -> None:
    request = words.UnlockConnector(evse_id=evse, connector_id=connector)
    assert len(check_unlock_connector_v2x(request, station, now)) == errors


@pytest.mark.proves("2.x", "TriggerMessage")
@pytest.mark.parametrize(
    ("wanted", "evse", "errors"),
    [
        ("Heartbeat", None, 0),
        ("Heartbeat", {"id": 1}, 1),
        ("MeterValues", None, 0),
        ("MeterValues", {"id": 1}, 0),
        ("TransactionEvent", {"id": 1}, 0),
        ("TransactionEvent", {"id": 0}, 1),
        ("StatusNotification", {"id": 1, "connector_id": 1}, 0),
        ("StatusNotification", {"id": 1}, 1),
        ("StatusNotification", None, 1),
    ],
)
def test_what_may_be_triggered(  # noqa: PLR0917 - one row of the table above per case
    words: Any,
    station: ChargePoint,
    now: datetime,
    wanted: str,
    evse: dict[str, int] | None,
    errors: int,
) -> None:
    where = {} if evse is None else {"evse": words.EVSE(**evse)}
    request = words.TriggerMessage(requested_message=wanted, **where)
    assert len(check_trigger_message_v2x(request, station, now)) == errors
