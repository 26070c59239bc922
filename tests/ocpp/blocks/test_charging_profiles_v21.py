"""What OCPP 2.1 lets no one send as a charging profile; each refusal names its clause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.state import ChargePoint, Session, SessionStatus
from engine.ocpp.blocks.device_model.get_configuration import get_variables_answered_v2x
from engine.ocpp.blocks.remote_control.start import check_request_start_transaction_v2x
from engine.ocpp.blocks.smart_charging.dynamic import check_update_dynamic_schedule_v21
from engine.ocpp.blocks.smart_charging.set_profile import (
    check_set_charging_profile_v2x,
    set_charging_profile_answered_v2x,
)
from engine.ocpp.blocks.smart_charging.vehicle_charging import notify_ev_charging_needs_v2x
from engine.ocpp.messages import decode_hook, v21, v201
from engine.ocpp.step import Facts

TRANSACTION = "tx-7"
CURVE = [{"frequency": 49.8, "power": -5000}, {"frequency": 50.2, "power": 5000}]
LOCAL = {"operationMode": "LocalFrequency", "v2xBaseline": 0, "v2xFreqWattCurve": CURVE}


@pytest.fixture
def charging(cp: ChargePoint, now: datetime) -> ChargePoint:
    """A transaction runs at EVSE 1 of a station of 2.1."""
    session = Session(
        id=7,
        transaction_id=TRANSACTION,
        evse_number=1,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=now,
    )
    return replace(cp, version="ocpp2.1", sessions={TRANSACTION: session})


def document(purpose: str = "TxDefaultProfile", *periods: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A profile as in JSON. `schedule` is merged into its one schedule; periods begin one after the other."""
    given = periods or ({"limit": 16},)
    schedule = {
        "id": 1,
        "chargingRateUnit": "W",
        "startSchedule": "2026-03-01T12:00:00Z",
        "chargingSchedulePeriod": [{"startPeriod": 60 * n, **period} for n, period in enumerate(given)],
        **more.pop("schedule", {}),
    }
    return {
        "id": 5,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
        **({"transactionId": TRANSACTION} if purpose == "TxProfile" else {}),
        **more,
    }


def request(evse: int, profile: Mapping[str, Any], words: Any = v21) -> Any:
    document = {"evseId": evse, "chargingProfile": profile}
    return msgspec.convert(document, words.SetChargingProfile, dec_hook=decode_hook)


def errors(cp: ChargePoint, now: datetime, profile: Mapping[str, Any], evse: int = 0) -> list[str]:
    return check_set_charging_profile_v2x(request(evse, profile), cp, now)


def vehicle(*parameters: str, evse: int = 1) -> v21.NotifyEVChargingNeeds:
    """A vehicle that says these of its limits."""
    document = {
        "evseId": evse,
        "chargingNeeds": {
            "requestedEnergyTransfer": "AC_BPT",
            "v2xChargingParameters": dict.fromkeys(parameters, 11_000),
        },
    }
    return msgspec.convert(document, v21.NotifyEVChargingNeeds)


@pytest.mark.proves("2.1", "SetChargingProfile")
@pytest.mark.parametrize(
    ("profile", "clause"),
    [
        (document("PriorityCharging"), None),
        (document("PriorityCharging", schedule={"duration": 60}), "K01.FR.73"),
        (document("TxDefaultProfile", schedule={"duration": 60}), None),
        (document("TxDefaultProfile", schedule={"randomizedDelay": 60}), None),
        (document("ChargingStationMaxProfile", schedule={"randomizedDelay": 60}), "K01.FR.95"),
        (document("ChargingStationMaxProfile", schedule={"randomizedDelay": 0}), None),
        # Operation modes of purposes.
        (document("ChargingStationMaxProfile", {"limit": 1, "operationMode": "ChargingOnly"}), None),
        (document("ChargingStationMaxProfile", {"operationMode": "ExternalLimits"}), "K01.FR.111"),
        (document("PriorityCharging", {"limit": 1}, {"operationMode": "Idle"}), "K01.FR.111"),
        (document("LocalGeneration", {"operationMode": "ExternalLimits"}), None),
        (document("LocalGeneration", {"operationMode": "CentralSetpoint", "setpoint": 1}), "K01.FR.113"),
        # What goes with an operation mode.
        (document("TxDefaultProfile", {"limit": 1, "setpoint": 1}), "Q02.FR.02"),
        (document("TxDefaultProfile", {"limit": 1, "setpointReactive_L3": 1}), "Q02.FR.02"),
        (
            document("TxDefaultProfile", {"operationMode": "CentralSetpoint", "setpoint": 1, "limit": 1}),
            "Q03.FR.02",
        ),
        (document("TxDefaultProfile", {"operationMode": "CentralSetpoint", "setpoint": 1}), None),
        (document("TxDefaultProfile", {"operationMode": "ExternalSetpoint", "setpoint": 1}), "Q05.FR.01"),
        (document("TxDefaultProfile", {"operationMode": "ExternalSetpoint", "limit": 1}), None),
        (document("TxDefaultProfile", {"operationMode": "ExternalLimits", "limit": 1}), "Q05.FR.02"),
        (document("TxDefaultProfile", {"operationMode": "CentralFrequency", "setpoint": 1}), "Q07.FR.02"),
        (document("TxDefaultProfile", LOCAL), None),
        (document("TxDefaultProfile", {**LOCAL, "limit": 1}), "Q08.FR.01"),
        (document("TxDefaultProfile", {**LOCAL, "setpoint_L2": 1}), "Q08.FR.01"),
        (document("TxDefaultProfile", {**LOCAL, "v2xFreqWattCurve": CURVE[:1]}), "Q08.FR.02"),
        (
            document("TxDefaultProfile", {"operationMode": "LocalFrequency", "v2xFreqWattCurve": CURVE}),
            "Q08.FR.02",
        ),
        (document("TxDefaultProfile", {"operationMode": "LocalFrequency"}), "Q08.FR.02"),
        (
            document("TxDefaultProfile", {**LOCAL, "v2xSignalWattCurve": [{"signal": 0, "power": 0}]}),
            "Q08.FR.02",
        ),
        (document("TxDefaultProfile", LOCAL, schedule={"chargingRateUnit": "A"}), "Q08.FR.05"),
        (document("TxDefaultProfile", {"operationMode": "Idle", "dischargeLimit_L2": -1}), "Q10.FR.01"),
        (document("TxDefaultProfile", {"operationMode": "Idle", "evseSleep": True}), None),
        (document("TxDefaultProfile", {"limit": 1, "evseSleep": True}), "K01.FR.126"),
        # Phases.
        (document("TxDefaultProfile", {"limit": 1, "limit_L2": 1}), "K01.FR.143"),
        (document("LocalGeneration", {"limit": 1, "limit_L3": 1}), "K01.FR.143"),
        (
            document(
                "TxDefaultProfile", {"operationMode": "CentralSetpoint", "setpoint": 1, "setpoint_L2": 1}
            ),
            "V2X.09",
        ),
    ],
)
def test_a_profile_that_must_not_be_sent(
    charging: ChargePoint, now: datetime, profile: Mapping[str, Any], clause: str | None
) -> None:
    found = errors(charging, now, profile)
    assert (found == []) if clause is None else [one for one in found if f"({clause})" in one], found


@pytest.mark.proves("2.1", "SetChargingProfile")
@pytest.mark.parametrize(
    ("period", "clause"),
    [
        ({"setpoint": 1}, None),
        ({"setpoint": 1, "limit": 1}, "Q07.FR.03"),
        ({"setpoint": 1, "dischargeLimit": -1}, "Q07.FR.03"),
        ({"setpoint": 1, "limit_L2": 1}, "Q07.FR.03"),
    ],
)
def test_setpoints_by_the_frequency_stand_alone(
    charging: ChargePoint, now: datetime, period: Mapping[str, Any], clause: str | None
) -> None:
    dynamic = document("TxDefaultProfile", {"operationMode": "CentralFrequency", **period})
    dynamic["chargingProfileKind"] = "Dynamic"
    found = errors(charging, now, dynamic)
    assert (found == []) if clause is None else [one for one in found if f"({clause})" in one], found


SETPOINT = {"operationMode": "CentralSetpoint", "setpoint": 1}


@pytest.mark.proves("2.1", "SetChargingProfile", "NotifyEVChargingNeeds")
@pytest.mark.parametrize(
    ("said", "period", "clause"),
    [
        (None, {"limit": 1}, None),
        (None, {"limit": 1, "limit_L2": 1}, "K01.FR.142"),
        ((), {"limit": 1, "limit_L2": 1}, "K01.FR.142"),
        (("maxChargePower_L2",), {"limit": 1, "limit_L2": 1}, None),
        (("maxChargePower_L2",), {"limit": 1, "limit_L2": 1, "limit_L3": 1}, "K01.FR.142"),
        (("maxChargePower_L2", "maxChargePower_L3"), {"limit": 1, "limit_L2": 1, "limit_L3": 1}, None),
        (("maxChargePower_L2",), {"operationMode": "ExternalSetpoint", "limit_L2": 1}, "K01.FR.145"),
        (("maxChargePower_L2",), {**SETPOINT, "setpoint_L2": 1}, "V2X.08"),
        (("maxDischargePower_L2",), {**SETPOINT, "setpoint_L2": 1}, None),
        (("maxDischargePower_L3",), {**SETPOINT, "setpointReactive_L3": 1}, "V2X.07"),
    ],
)
def test_a_vehicle_is_given_the_phases_that_it_spoke_of(
    charging: ChargePoint, now: datetime, *, said: Any, period: Mapping[str, Any], clause: str | None
) -> None:
    if said is not None:
        told = notify_ev_charging_needs_v2x(charging, vehicle(*said), Facts(), now)
        charging = told.state
    found = errors(charging, now, document("TxProfile", period), evse=1)
    assert (found == []) if clause is None else [one for one in found if f"({clause})" in one], found


def test_what_an_earlier_vehicle_said_is_past(charging: ChargePoint, now: datetime) -> None:
    long_ago = now.replace(hour=11)
    told = notify_ev_charging_needs_v2x(charging, vehicle("maxChargePower_L2"), Facts(), long_ago)
    profile = document("TxProfile", {"limit": 1, "limit_L2": 1})
    assert "K01.FR.142" in errors(told.state, now, profile, evse=1)[0]


@pytest.mark.parametrize("words", [v201, v21])
def test_several_schedules_are_for_a_vehicle_that_chooses(
    charging: ChargePoint, now: datetime, words: Any
) -> None:
    profile = document("TxProfile")
    profile["chargingSchedule"] *= 2
    asked = request(1, profile, words)
    check = check_set_charging_profile_v2x
    [reason] = check(asked, charging, now)
    assert "K01.FR.34" in reason
    needs = words.NotifyEVChargingNeeds(
        evse_id=1, charging_needs=words.ChargingNeeds(requested_energy_transfer="DC")
    )
    told = notify_ev_charging_needs_v2x(charging, needs, Facts(), now).state
    assert check(asked, told, now) == []


def test_vehicles_are_remembered_at_so_many_evses_only(charging: ChargePoint, now: datetime) -> None:
    state = charging
    for evse in range(1, 400):
        state = notify_ev_charging_needs_v2x(state, vehicle(evse=evse), Facts(), now).state
    assert len(state.vehicles) == 256
    again = notify_ev_charging_needs_v2x(state, vehicle("maxChargePower"), Facts(), now).state
    assert again.vehicles[1].parameters == {"maxChargePower"}


def knowing(cp: ChargePoint, now: datetime, name: str, value: str, evse: int | None = None) -> ChargePoint:
    """The station after it told a variable."""
    component = v21.Component(name="SmartChargingCtrlr", evse=v21.EVSE(id=evse) if evse else msgspec.UNSET)
    result = v21.GetVariableResult(
        attribute_status="Accepted",
        attribute_value=value,
        component=component,
        variable=v21.Variable(name=name),
    )
    asked = v21.GetVariableData(component=component, variable=v21.Variable(name=name))
    return get_variables_answered_v2x(
        cp,
        v21.GetVariables(get_variable_data=[asked]),
        v21.GetVariablesResponse(get_variable_result=[result]),
        now,
    ).state


@pytest.mark.proves("2.1", "SetChargingProfile")
@pytest.mark.parametrize(
    ("highest", "number", "good"),
    [("4", 5, True), ("5", 5, False), ("2147400000", 5, False), (" -1 ", 0, True), ("many", 5, True)],
)
def test_an_id_is_above_those_that_the_station_gives(
    charging: ChargePoint, now: datetime, *, highest: str, number: int, good: bool
) -> None:
    state = knowing(charging, now, "MaxExternalConstraintsId", highest)
    found = errors(state, now, document(id=number))
    assert (found == []) is good, found
    assert all("K01.FR.80" in one for one in found)


@pytest.mark.parametrize(
    ("told", "evse", "good"),
    [
        ([], 1, True),  # it may well be
        ([("true", 1)], 1, True),
        ([("false", 1)], 1, False),
        ([("False", None)], 1, False),
        ([("false", None), ("true", 1)], 1, True),
        ([("true", 1), ("false", 2)], 1, True),
        ([("true", 1), ("false", 2)], 0, False),
    ],
)
def test_a_phase_is_chosen_where_the_station_can(
    charging: ChargePoint, now: datetime, *, told: list[Any], evse: int, good: bool
) -> None:
    state = charging
    for value, number in told:
        state = knowing(state, now, "ACPhaseSwitchingSupported", value, number)
    period = {"limit": 1, "numberPhases": 1, "phaseToUse": 2}
    found = errors(state, now, document("TxDefaultProfile", period), evse)
    assert (found == []) is good, found
    assert all("K01.FR.20" in one for one in found)


@pytest.mark.proves("2.1", "UpdateDynamicSchedule")
@pytest.mark.parametrize(
    ("values", "clause"),
    [
        ({"setpoint": 2.0}, None),
        ({"setpoint": 2.0, "limit": 1.0}, "Q07.FR.03"),
        ({"setpoint_L2": 1.0}, "V2X.09"),
    ],
)
def test_an_update_leaves_a_profile_as_it_may_be(
    charging: ChargePoint, now: datetime, values: Mapping[str, Any], clause: str | None
) -> None:
    profile = document("TxDefaultProfile", {"operationMode": "CentralFrequency", "setpoint": 1})
    profile["chargingProfileKind"] = "Dynamic"
    asked = request(0, profile)
    response = v21.SetChargingProfileResponse(status="Accepted")
    state = set_charging_profile_answered_v2x(charging, asked, response, now).state
    update = v21.UpdateDynamicSchedule(
        charging_profile_id=5, schedule_update=msgspec.convert(values, v21.ChargingScheduleUpdate)
    )
    found = check_update_dynamic_schedule_v21(update, state, now)
    assert (found == []) if clause is None else [one for one in found if f"({clause})" in one], found


@pytest.mark.proves("2.1", "RequestStartTransaction")
def test_the_profile_of_a_remote_start_obeys_too(charging: ChargePoint, now: datetime) -> None:
    idle = replace(charging, sessions={})
    profile = {**document("TxProfile", {"limit": 1, "limit_L2": 1})}
    del profile["transactionId"]
    asked = msgspec.convert(
        {
            "idToken": {"idToken": "A", "type": "Central"},
            "remoteStartId": 1,
            "evseId": 1,
            "chargingProfile": profile,
        },
        v21.RequestStartTransaction,
        dec_hook=decode_hook,
    )
    check = check_request_start_transaction_v2x
    [reason] = check(asked, idle, now)
    assert "K01.FR.142" in reason
    told = notify_ev_charging_needs_v2x(idle, vehicle("maxChargePower_L2"), Facts(), now).state
    assert check(asked, told, now) == []
    reserved = knowing(told, now, "MaxExternalConstraintsId", "5")
    assert any("K01.FR.80" in one for one in check(asked, reserved, now))
