"""Profiles of 2.x: where they may go, which ones a station holds, limits from outside (K01 to K17)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.changes import ChargingLimitChanged, ChargingProfileChanged, ReportStored
from engine.domain.state import ChargePoint, Session, SessionStatus
from engine.ocpp.blocks.smart_charging.clear_profile import (
    check_clear_charging_profile_v2x,
    clear_charging_profile_answered_v2x,
)
from engine.ocpp.blocks.smart_charging.dynamic import (
    check_update_dynamic_schedule_v21,
    pull_dynamic_schedule_update_v21,
    update_dynamic_schedule_answered_v21,
)
from engine.ocpp.blocks.smart_charging.external_limits import (
    cleared_charging_limit_v2x,
    notify_charging_limit_v2x,
)
from engine.ocpp.blocks.smart_charging.report_profiles import (
    check_get_charging_profiles_v2x,
    get_charging_profiles_answered_v2x,
    report_charging_profiles_v2x,
)
from engine.ocpp.blocks.smart_charging.set_profile import (
    check_set_charging_profile_v2x,
    set_charging_profile_answered_v2x,
)
from engine.ocpp.blocks.smart_charging.vehicle_charging import (
    notify_ev_charging_needs_v2x,
    notify_ev_charging_schedule_v2x,
)
from engine.ocpp.messages import v21
from engine.ocpp.step import Facts, Outcome

TRANSACTION = "tx-7"


@pytest.fixture
def charging(station: ChargePoint, now: datetime) -> ChargePoint:
    """A transaction runs at EVSE 1."""
    session = Session(
        id=7,
        transaction_id=TRANSACTION,
        evse_number=1,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=now,
    )
    return replace(station, sessions={TRANSACTION: session})


def profile(words: Any, now: datetime, purpose: str = "TxDefaultProfile", **more: Any) -> Any:
    schedule = {
        "id": 1,
        "charging_rate_unit": "A",
        "start_schedule": now,
        "charging_schedule_period": [words.ChargingSchedulePeriod(start_period=0, limit=16.0)],
        **more.pop("schedule", {}),
    }
    members = {
        "id": 1,
        "stack_level": 0,
        "charging_profile_purpose": purpose,
        "charging_profile_kind": "Absolute",
        "charging_schedule": [words.ChargingSchedule(**schedule)],
        **({"transaction_id": TRANSACTION} if purpose == "TxProfile" else {}),
        **more,
    }
    return words.ChargingProfile(**members)


def asked(words: Any, now: datetime, evse: int = 0, purpose: str = "TxDefaultProfile", **more: Any) -> Any:
    return words.SetChargingProfile(evse_id=evse, charging_profile=profile(words, now, purpose, **more))


def accepted(cp: ChargePoint, words: Any, request: Any, now: datetime) -> Outcome:
    response = words.SetChargingProfileResponse(status="Accepted")
    return set_charging_profile_answered_v2x(cp, request, response, now)


def held(cp: ChargePoint) -> list[tuple[int, int]]:
    return sorted((one.evse_number, one.profile_id) for one in cp.charging_profiles)


def rows(outcome: Outcome) -> list[tuple[int, int, bool]]:
    return [
        (one.evse_number, one.profile_id, one.active)
        for one in outcome.changes
        if isinstance(one, ChargingProfileChanged)
    ]


@pytest.mark.proves("2.x", "SetChargingProfile")
@pytest.mark.parametrize(
    ("evse", "purpose", "more", "reason"),
    [
        (0, "TxDefaultProfile", {}, None),
        (1, "TxDefaultProfile", {}, None),
        (1, "TxProfile", {}, None),
        (0, "ChargingStationMaxProfile", {}, None),
        (1, "ChargingStationMaxProfile", {}, "evseId 0 only"),
        (0, "TxProfile", {}, "not 0"),
        (2, "TxProfile", {}, "running at its evseId"),
        (1, "TxProfile", {"transaction_id": "other"}, "running at its evseId"),
        (1, "TxDefaultProfile", {"transaction_id": TRANSACTION}, "TxProfile only"),
        (0, "ChargingStationExternalConstraints", {}, "external systems only"),
        (0, "TxDefaultProfile", {"schedule": {"start_schedule": msgspec.UNSET}}, "startSchedule is required"),
        (0, "TxDefaultProfile", {"charging_profile_kind": "Relative"}, "does not go with kind Relative"),
        (0, "TxDefaultProfile", {"charging_profile_kind": "Recurring"}, "recurrencyKind is required"),
        (0, "TxDefaultProfile", {"recurrency_kind": "Daily"}, "kind Recurring only"),
        (0, "TxDefaultProfile", {"schedule": {"duration": 0}}, "duration must be greater"),
        (0, "TxDefaultProfile", {"stack_level": -1}, "stackLevel"),
    ],
)
def test_a_profile_goes_only_where_it_belongs(
    charging: ChargePoint,
    words: Any,
    now: datetime,
    *,
    evse: int,
    purpose: str,
    more: Any,
    reason: str | None,
) -> None:
    request = asked(words, now, evse, purpose, **more)
    errors = check_set_charging_profile_v2x(request, charging, now)
    assert (errors == []) if reason is None else any(reason in error for error in errors), errors


@pytest.mark.proves("2.x", "SetChargingProfile")
@pytest.mark.parametrize(
    ("periods", "reason"),
    [
        ([{"start_period": 0, "limit": 6.0}, {"start_period": 60, "limit": 8.0}], None),
        ([{"start_period": 1, "limit": 6.0}], "must start at 0"),
        ([{"start_period": 0, "limit": 6.0}, {"start_period": 0, "limit": 8.0}], "one after the other"),
        ([{"start_period": 0, "limit": -1.0}], "negative"),
        ([{"start_period": 0, "limit": 6.0, "number_phases": 3, "phase_to_use": 2}], "numberPhases 1 only"),
        ([{"start_period": 0, "limit": 6.0, "number_phases": 1, "phase_to_use": 2}], None),
    ],
)
def test_periods_follow_each_other(
    station: ChargePoint, words: Any, now: datetime, periods: list[Any], reason: str | None
) -> None:
    built = [words.ChargingSchedulePeriod(**period) for period in periods]
    request = asked(words, now, schedule={"charging_schedule_period": built})
    errors = check_set_charging_profile_v2x(request, station, now)
    assert (errors == []) if reason is None else any(reason in error for error in errors), errors


@pytest.mark.proves("2.1", "SetChargingProfile")
@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"limit": 6.0}, None),
        ({}, "needs limit"),
        ({"operation_mode": "CentralSetpoint", "setpoint": -5.0}, None),
        ({"operation_mode": "CentralSetpoint", "limit": 5.0}, "needs setpoint"),
        (
            {"operation_mode": "CentralFrequency", "setpoint": 1.0, "setpoint_reactive": 1.0},
            "does not go with",
        ),
        ({"operation_mode": "Idle", "limit": 5.0}, "limit does not go with"),
        (
            {"operation_mode": "ChargingOnly", "limit": 5.0, "discharge_limit": -1.0},
            "dischargeLimit does not",
        ),
    ],
)
def test_an_operation_mode_takes_its_own_values(
    cp: ChargePoint, now: datetime, members: Any, reason: str | None
) -> None:
    period = v21.ChargingSchedulePeriod(start_period=0, **members)
    request = asked(v21, now, schedule={"charging_schedule_period": [period]})
    errors = check_set_charging_profile_v2x(request, cp, now)
    assert (errors == []) if reason is None else any(reason in error for error in errors), errors


@pytest.mark.proves("2.0.1", "SetChargingProfile")
def test_an_accepted_profile_is_held_and_its_id_is_known_once(
    station: ChargePoint, words: Any, now: datetime
) -> None:
    first = accepted(station, words, asked(words, now, 1), now)
    assert held(first.state) == [(1, 1)]
    moved = accepted(first.state, words, asked(words, now, 2, stack_level=3), now)
    assert held(moved.state) == [(2, 1)]  # K01.FR.05: the id is the station's
    assert rows(moved) == [(1, 1, False), (2, 1, True)]


def test_two_profiles_do_not_claim_the_same_at_the_same_time(
    charging: ChargePoint, words: Any, now: datetime
) -> None:
    state = accepted(charging, words, asked(words, now, 1), now).state
    state = accepted(state, words, asked(words, now, 1, "TxProfile", id=5), now).state

    def errors(evse: int, purpose: str = "TxDefaultProfile", **more: Any) -> int:
        request = asked(words, now, evse, purpose, **more)
        return len(check_set_charging_profile_v2x(request, state, now))

    assert errors(1, id=2) == 1  # K01.FR.06
    assert errors(1, id=1) == errors(2, id=2) == errors(1, id=2, stack_level=1) == 0
    assert errors(1, "TxProfile", id=6) == 1  # K01.FR.39
    assert errors(1, "TxProfile", id=5) == errors(1, "TxProfile", id=6, stack_level=1) == 0


def test_profiles_that_are_valid_one_after_the_other_stand_beside_each_other(
    station: ChargePoint, words: Any, now: datetime
) -> None:
    noon = now + timedelta(hours=1)
    state = accepted(station, words, asked(words, now, 1, valid_to=noon), now).state
    later = asked(words, now, 1, id=2, valid_from=noon)
    assert check_set_charging_profile_v2x(later, state, now) == []
    assert held(accepted(state, words, later, now).state) == [(1, 1), (1, 2)]
    sooner = asked(words, now, 1, id=2, valid_from=noon - timedelta(seconds=1))
    assert check_set_charging_profile_v2x(sooner, state, now)


def test_a_profile_makes_way_for_one_that_took_its_place_all_the_same(
    station: ChargePoint, words: Any, now: datetime
) -> None:
    state = accepted(station, words, asked(words, now, 1), now).state
    state = accepted(state, words, asked(words, now, 2, id=2), now).state
    state = accepted(state, words, asked(words, now, 1, id=3), now).state
    assert held(state) == [(1, 3), (2, 2)]


def test_a_refused_profile_is_not_held(station: ChargePoint, words: Any, now: datetime) -> None:
    response = words.SetChargingProfileResponse(status="Rejected")
    outcome = set_charging_profile_answered_v2x(station, asked(words, now), response, now)
    assert (outcome.state, outcome.changes) == (station, ())


def test_a_profile_of_a_transaction_ends_with_it(charging: ChargePoint, words: Any, now: datetime) -> None:
    state = accepted(charging, words, asked(words, now, 1, "TxProfile"), now).state
    assert state.charging_profiles[0].transaction_id == TRANSACTION
    over = replace(state, sessions={})
    outcome = accepted(over, words, asked(words, now, 0, id=9), now)
    assert held(outcome.state) == [(0, 9)]


@pytest.mark.proves("2.x", "ClearChargingProfile")
@pytest.mark.parametrize(
    ("members", "left"),
    [
        ({"charging_profile_id": 1}, [(1, 2), (2, 3)]),
        ({"charging_profile_criteria": {"evse_id": 1}}, [(0, 1), (2, 3)]),
        ({"charging_profile_criteria": {"stack_level": 0}}, []),
        ({"charging_profile_criteria": {"evse_id": 1, "stack_level": 4}}, [(0, 1), (1, 2), (2, 3)]),
    ],
)
@pytest.mark.parametrize("status", ["Accepted", "Unknown"])
def test_clearing_takes_what_matches(
    station: ChargePoint, words: Any, now: datetime, *, members: Any, left: Any, status: str
) -> None:
    for number in range(3):
        station = accepted(station, words, asked(words, now, number, id=number + 1), now).state
    criteria = members.get("charging_profile_criteria")
    if criteria is not None:
        members = {"charging_profile_criteria": words.ClearChargingProfileClearChargingProfile(**criteria)}
    request = words.ClearChargingProfile(**members)
    assert check_clear_charging_profile_v2x(request, station, now) == []
    outcome = clear_charging_profile_answered_v2x(
        station, request, words.ClearChargingProfileResponse(status=status), now
    )
    assert held(outcome.state) == left
    assert len(outcome.changes) == 3 - len(left)


@pytest.mark.proves("2.x", "ClearChargingProfile")
def test_nothing_to_clear_by_is_no_request(station: ChargePoint, words: Any, now: datetime) -> None:
    empty = words.ClearChargingProfileClearChargingProfile()
    for request in (
        words.ClearChargingProfile(),
        words.ClearChargingProfile(charging_profile_criteria=empty),
    ):
        assert check_clear_charging_profile_v2x(request, station, now)


@pytest.mark.proves("2.x", "ReportChargingProfiles")
def test_reported_profiles_are_held_under_their_source(
    station: ChargePoint, words: Any, now: datetime
) -> None:
    request = words.ReportChargingProfiles(
        request_id=5,
        charging_limit_source="EMS",
        evse_id=0,
        charging_profile=[profile(words, now, "ChargingStationExternalConstraints", id=40)],
    )
    outcome = report_charging_profiles_v2x(station, request, Facts(), now)
    assert type(outcome.reply) is words.ReportChargingProfilesResponse
    assert [(one.profile_id, one.source) for one in outcome.state.charging_profiles] == [(40, "EMS")]
    [stored] = [change for change in outcome.changes if isinstance(change, ReportStored)]
    assert (stored.action, stored.request_id) == ("ReportChargingProfiles", 5)


@pytest.mark.proves("2.x", "GetChargingProfiles")
def test_no_profiles_means_none_of_those_asked_for(station: ChargePoint, words: Any, now: datetime) -> None:
    for number in range(2):
        station = accepted(station, words, asked(words, now, number, id=number + 1), now).state
    request = words.GetChargingProfiles(
        request_id=1, evse_id=1, charging_profile=words.ChargingProfileCriterion(stack_level=0)
    )
    assert check_get_charging_profiles_v2x(request, station, now) == []
    nothing = replace(request, charging_profile=words.ChargingProfileCriterion())
    assert check_get_charging_profiles_v2x(nothing, station, now)  # K09.FR.03
    response = words.GetChargingProfilesResponse(status="NoProfiles")
    outcome = get_charging_profiles_answered_v2x(station, request, response, now)
    assert held(outcome.state) == [(0, 1)]


@pytest.mark.proves("2.x", "ClearedChargingLimit", "NotifyChargingLimit")
def test_limits_from_outside_come_and_go(station: ChargePoint, words: Any, now: datetime) -> None:
    limit = words.ChargingLimit(charging_limit_source="SO", is_grid_critical=True)
    told = words.NotifyChargingLimit(evse_id=2, charging_limit=limit)
    outcome = notify_charging_limit_v2x(station, told, Facts(), now)
    assert outcome.changes[0] == ChargingLimitChanged(
        charge_point_id=12,
        evse_number=2,
        source="SO",
        grid_critical=True,
        schedules=b"[]",
        active=True,
        at=now,
    )
    cleared = words.ClearedChargingLimit(charging_limit_source="SO", evse_id=2)
    change = cleared_charging_limit_v2x(station, cleared, Facts(), now).changes[0]
    assert isinstance(change, ChargingLimitChanged)
    assert (change.evse_number, change.source, change.active) == (2, "SO", False)


@pytest.mark.proves("2.x", "NotifyEVChargingSchedule")
@pytest.mark.parametrize(
    ("plan", "status"),
    [
        ([(0, 12.0)], "Accepted"),
        ([(0, 16.0), (3600, 12.0)], "Accepted"),
        ([(0, 16.0)], "Rejected"),
        ([(0, 10.0), (600, 8.0)], "Accepted"),
        ([(0, 20.0)], "Rejected"),
        ([(0, 16.0), (600, 17.0)], "Rejected"),
        ([(0, 16.0), (5000, 10.0)], "Rejected"),  # the offer falls to 12 A before the plan does
    ],
)
def test_a_vehicle_stays_within_its_profile(
    charging: ChargePoint, words: Any, now: datetime, plan: list[tuple[int, float]], status: str
) -> None:
    offer = [(0, 16.0), (3600, 12.0)]
    periods = [words.ChargingSchedulePeriod(start_period=start, limit=limit) for start, limit in offer]
    request = asked(words, now, 1, "TxProfile", schedule={"charging_schedule_period": periods})
    state = accepted(charging, words, request, now).state
    schedule = words.ChargingSchedule(
        id=1,
        charging_rate_unit="A",
        charging_schedule_period=[
            words.ChargingSchedulePeriod(start_period=start, limit=limit) for start, limit in plan
        ],
    )
    told = words.NotifyEVChargingSchedule(time_base=now, charging_schedule=schedule, evse_id=1)
    outcome = notify_ev_charging_schedule_v2x(state, told, Facts(), now)
    assert outcome.reply.status == status  # type: ignore[union-attr] # both versions' answers have one


@pytest.mark.proves("2.x", "NotifyEVChargingSchedule")
def test_a_later_plan_is_measured_against_the_later_offer(
    charging: ChargePoint, words: Any, now: datetime
) -> None:
    offer = [(0, 6.0), (3600, 16.0)]
    periods = [words.ChargingSchedulePeriod(start_period=start, limit=limit) for start, limit in offer]
    request = asked(words, now, 1, "TxProfile", schedule={"charging_schedule_period": periods})
    state = accepted(charging, words, request, now).state
    schedule = words.ChargingSchedule(
        id=1,
        charging_rate_unit="A",
        charging_schedule_period=[words.ChargingSchedulePeriod(start_period=0, limit=16.0)],
    )
    told = words.NotifyEVChargingSchedule(
        time_base=now + timedelta(hours=1), charging_schedule=schedule, evse_id=1
    )
    outcome = notify_ev_charging_schedule_v2x(state, told, Facts(), now)
    assert outcome.reply.status == "Accepted"  # type: ignore[union-attr] # as above


@pytest.mark.proves("2.x", "NotifyEVChargingNeeds")
def test_needs_are_kept_and_no_schedule_is_promised(station: ChargePoint, words: Any, now: datetime) -> None:
    needs = words.ChargingNeeds(requested_energy_transfer="DC")
    outcome = notify_ev_charging_needs_v2x(
        station, words.NotifyEVChargingNeeds(evse_id=1, charging_needs=needs), Facts(), now
    )
    expected = "NoChargingProfile" if words is v21 else "Rejected"
    assert outcome.reply == words.NotifyEVChargingNeedsResponse(status=expected)
    assert isinstance(outcome.changes[0], ReportStored)


def dynamic(now: datetime, **period: Any) -> v21.SetChargingProfile:
    built = v21.ChargingSchedulePeriod(start_period=0, **period)
    schedule = v21.ChargingSchedule(id=1, charging_rate_unit="W", charging_schedule_period=[built])
    return v21.SetChargingProfile(
        evse_id=0,
        charging_profile=v21.ChargingProfile(
            id=8,
            stack_level=0,
            charging_profile_purpose="TxDefaultProfile",
            charging_profile_kind="Dynamic",
            charging_schedule=[schedule],
        ),
    )


@pytest.mark.proves("2.1", "PullDynamicScheduleUpdate", "UpdateDynamicSchedule")
def test_a_dynamic_profile_is_updated_and_pulled(cp: ChargePoint, now: datetime) -> None:
    cp = replace(cp, version="ocpp2.1")
    request = dynamic(now, limit=5000.0)
    assert check_set_charging_profile_v2x(request, cp, now) == []
    state = accepted(cp, v21, request, now).state
    update = v21.UpdateDynamicSchedule(
        charging_profile_id=8, schedule_update=v21.ChargingScheduleUpdate(limit=3000.0)
    )
    assert check_update_dynamic_schedule_v21(update, state, now) == []
    outcome = update_dynamic_schedule_answered_v21(
        state, update, v21.UpdateDynamicScheduleResponse(status="Accepted"), now
    )
    assert rows(outcome) == [(0, 8, True)]
    pull = v21.PullDynamicScheduleUpdate(charging_profile_id=8)
    pulled = pull_dynamic_schedule_update_v21(outcome.state, pull, Facts(), now)
    assert pulled.reply == v21.PullDynamicScheduleUpdateResponse(
        status="Accepted", schedule_update=v21.ChargingScheduleUpdate(limit=3000.0)
    )


@pytest.mark.proves("2.1", "PullDynamicScheduleUpdate")
def test_an_unknown_or_other_profile_cannot_be_pulled(cp: ChargePoint, now: datetime) -> None:
    cp = replace(cp, version="ocpp2.1")
    state = accepted(cp, v21, asked(v21, now), now).state
    for number in (1, 99):
        pull = v21.PullDynamicScheduleUpdate(charging_profile_id=number)
        reply = pull_dynamic_schedule_update_v21(state, pull, Facts(), now).reply
        assert isinstance(reply, v21.PullDynamicScheduleUpdateResponse)
        assert reply.status == "Rejected"
        assert reply.status_info
        assert reply.status_info.reason_code == "InvalidProfile"


def test_a_dynamic_profile_is_one_period(cp: ChargePoint, now: datetime) -> None:
    good = dynamic(now, limit=5000.0)
    profile_ = good.charging_profile
    schedule = profile_.charging_schedule[0]
    period = schedule.charging_schedule_period[0]
    longer = replace(schedule, charging_schedule_period=[period, replace(period, start_period=60)])

    def errors(**more: Any) -> int:
        request = replace(good, charging_profile=replace(profile_, **more))
        return len(check_set_charging_profile_v2x(request, cp, now))

    assert errors() == errors(dyn_update_interval=60) == 0
    assert errors(charging_schedule=[longer]) == 1  # K28.FR.01
    timed = {"charging_profile_kind": "Relative", "dyn_update_interval": 60}
    assert errors(**timed) == 1  # K01.FR.122


def reported(words: Any, now: datetime, *ids: int, more: bool = False, request_id: int = 5) -> Any:
    return words.ReportChargingProfiles(
        request_id=request_id,
        charging_limit_source="CSO",
        evse_id=0,
        tbc=more,
        charging_profile=[profile(words, now, id=number, stack_level=number) for number in ids],
    )


@pytest.mark.proves("2.x", "ReportChargingProfiles", "GetChargingProfiles")
def test_a_whole_report_ends_what_it_does_not_name(station: ChargePoint, words: Any, now: datetime) -> None:
    for number in (1, 2, 3, 4):
        request = asked(words, now, 0, id=number, stack_level=number)
        station = accepted(station, words, request, now).state
    elsewhere = accepted(station, words, asked(words, now, 2, id=9), now).state
    criterion = words.ChargingProfileCriterion(charging_profile_purpose="TxDefaultProfile")
    request = words.GetChargingProfiles(request_id=5, evse_id=0, charging_profile=criterion)
    answer = words.GetChargingProfilesResponse(status="Accepted")
    awaiting = get_charging_profiles_answered_v2x(elsewhere, request, answer, now)
    assert held(awaiting.state) == held(elsewhere)
    step = report_charging_profiles_v2x
    first = step(awaiting.state, reported(words, now, 1, more=True), Facts(), now)
    assert held(first.state) == held(elsewhere)
    # Set while the report is on its way: it could not name this one.
    new = accepted(first.state, words, asked(words, now, 0, id=4, stack_level=8), now).state
    last = step(new, reported(words, now, 3), Facts(), now)
    assert held(last.state) == [(0, 1), (0, 3), (0, 4), (2, 9)]
    assert (0, 2, False) in rows(last)
    assert last.state.reports == {}


@pytest.mark.proves("2.x", "ReportChargingProfiles")
def test_a_report_that_nobody_asked_for_ends_nothing(station: ChargePoint, words: Any, now: datetime) -> None:
    station = accepted(station, words, asked(words, now, 0, id=1), now).state
    outcome = report_charging_profiles_v2x(station, reported(words, now, 3, request_id=77), Facts(), now)
    assert held(outcome.state) == [(0, 1), (0, 3)]
