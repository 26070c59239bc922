"""Charging profiles: rules, what is held, profiles in 2.x shape (OCPP 1.6 §3.13, §5.5, §5.16)."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.changes import ChargingProfileChanged, EventPublished
from engine.domain.state import ChargePoint, InstalledProfile, Session, SessionStatus
from engine.errors import Invalid
from engine.ocpp.blocks.smart_charging.clear_profile import (
    check_clear_charging_profile_v16,
    clear_charging_profile_answered_v16,
)
from engine.ocpp.blocks.smart_charging.get_composite_schedule import check_get_composite_schedule_v16
from engine.ocpp.blocks.smart_charging.set_profile import (
    check_set_charging_profile_v16,
    profile_from_v201,
    set_charging_profile_answered_v16,
)
from engine.ocpp.messages import v16
from engine.ocpp.step import Outcome


def period(start: int = 0, limit: str = "16", **more: Any) -> v16.ChargingSchedulePeriod:
    return v16.ChargingSchedulePeriod(start_period=start, limit=Decimal(limit), **more)


def profile(purpose: Any = "TxDefaultProfile", **more: Any) -> v16.ChargingProfile:
    schedule = v16.ChargingSchedule(charging_rate_unit="A", charging_schedule_period=[period()])
    plain = v16.ChargingProfile(
        charging_profile_id=1,
        stack_level=0,
        charging_profile_purpose=purpose,
        charging_profile_kind="Absolute",
        charging_schedule=replace(schedule, **more.pop("schedule", {})),
    )
    return replace(plain, **more)


def placed(connector: int, purpose: Any = "TxDefaultProfile", **more: Any) -> v16.SetChargingProfile:
    return v16.SetChargingProfile(connector_id=connector, cs_charging_profiles=profile(purpose, **more))


@pytest.fixture
def charging(cp: ChargePoint, now: datetime) -> ChargePoint:
    """Transaction 7 runs at connector 1."""
    session = Session(
        id=7,
        transaction_id="7",
        evse_number=1,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=now,
    )
    return replace(cp, sessions={"7": session})


@pytest.mark.proves("1.6", "SetChargingProfile")
@pytest.mark.parametrize(
    ("request_", "reasons"),
    [
        (placed(0), []),
        (placed(1), []),
        (placed(-1), ["connectorId"]),
        (placed(0, "ChargePointMaxProfile"), []),
        (placed(1, "ChargePointMaxProfile"), ["connectorId 0 only"]),
        (placed(1, "TxProfile"), []),
        (placed(1, "TxProfile", transaction_id=7), []),
        (placed(1, "TxProfile", transaction_id=8), ["needs a transaction"]),
        (placed(2, "TxProfile"), ["needs a transaction"]),
        (placed(0, "TxProfile"), ["not 0"]),
        (placed(1, transaction_id=7), ["TxProfile only"]),
        (placed(1, transaction_id=0), ["TxProfile only"]),
        (placed(1, stack_level=-1), ["stackLevel"]),
        (placed(1, schedule={"charging_schedule_period": []}), ["must not be empty"]),
        (placed(1, schedule={"charging_schedule_period": [period(60)]}), ["start at 0"]),
        (
            placed(1, schedule={"charging_schedule_period": [period(0), period(60), period(60)]}),
            ["one after"],
        ),
        (placed(1, schedule={"charging_schedule_period": [period(0), period(9), period(5)]}), ["one after"]),
        (placed(1, schedule={"charging_schedule_period": [period(0), period(5, "8.1")]}), []),
        (placed(1, schedule={"charging_schedule_period": [period(0, "-0.1")]}), ["negative"]),
        (placed(1, schedule={"charging_schedule_period": [period(number_phases=4)]}), ["numberPhases"]),
        (placed(1, schedule={"charging_schedule_period": [period(number_phases=1)]}), []),
        (placed(1, schedule={"duration": 0}), ["duration"]),
        (placed(1, charging_profile_kind="Recurring"), ["recurrencyKind"]),
        (placed(1, recurrency_kind="Daily"), ["recurrencyKind"]),
        (
            placed(
                1,
                charging_profile_kind="Recurring",
                recurrency_kind="Daily",
                schedule={"duration": 86_401},
            ),
            ["longer"],
        ),
        (
            placed(
                1,
                charging_profile_kind="Recurring",
                recurrency_kind="Weekly",
                schedule={"duration": 86_401},
            ),
            [],
        ),
    ],
)
def test_what_may_be_set(
    charging: ChargePoint, now: datetime, request_: v16.SetChargingProfile, reasons: list[str]
) -> None:
    errors = check_set_charging_profile_v16(request_, charging, now)
    assert len(errors) == len(reasons)
    assert all(reason in error for reason, error in zip(reasons, errors, strict=True))


@pytest.mark.proves("1.6", "SetChargingProfile")
@pytest.mark.parametrize(
    ("valid_from", "valid_to", "count"), [(0, 1, 0), (-2, -1, 1), (2, 1, 1), (1, 1, 1), (None, 1, 0)]
)
def test_validity_ends_after_it_begins_and_after_now(
    cp: ChargePoint, now: datetime, valid_from: int | None, valid_to: int, count: int
) -> None:
    members: dict[str, Any] = {"valid_to": now + timedelta(hours=valid_to)}
    if valid_from is not None:
        members["valid_from"] = now + timedelta(hours=valid_from)
    assert len(check_set_charging_profile_v16(placed(1, **members), cp, now)) == count


@pytest.mark.proves("1.6", "SetChargingProfile")
def test_a_relative_schedule_has_no_start_of_its_own(cp: ChargePoint, now: datetime) -> None:
    request = placed(1, charging_profile_kind="Relative", schedule={"start_schedule": now})
    assert len(check_set_charging_profile_v16(request, cp, now)) == 1


@pytest.mark.proves("1.6", "GetCompositeSchedule")
@pytest.mark.parametrize(("connector", "duration", "count"), [(0, 60, 0), (-1, 60, 1), (1, 0, 1), (-1, 0, 2)])
def test_what_composite_schedule_may_be_asked(
    cp: ChargePoint, now: datetime, connector: int, duration: int, count: int
) -> None:
    request = v16.GetCompositeSchedule(connector_id=connector, duration=duration)
    assert len(check_get_composite_schedule_v16(request, cp, now)) == count


@pytest.mark.proves("1.6", "ClearChargingProfile")
@pytest.mark.parametrize(("members", "count"), [({}, 0), ({"connector_id": 0}, 0), ({"connector_id": -1}, 1)])
def test_what_may_be_cleared(cp: ChargePoint, now: datetime, members: dict[str, Any], count: int) -> None:
    request = v16.ClearChargingProfile(**members)
    assert len(check_clear_charging_profile_v16(request, cp, now)) == count


# --- what the charge point holds --------------------------------------------------------------------


def accept(cp: ChargePoint, request: v16.SetChargingProfile, now: datetime) -> Outcome:
    answer = v16.SetChargingProfileResponse(status="Accepted")
    return set_charging_profile_answered_v16(cp, request, answer, now)


def clear(cp: ChargePoint, now: datetime, status: Any = "Accepted", **members: Any) -> Outcome:
    return clear_charging_profile_answered_v16(
        cp,
        v16.ClearChargingProfile(**members),
        v16.ClearChargingProfileResponse(status=status),
        now,
    )


def held(cp: ChargePoint) -> list[tuple[int, int]]:
    return [(one.evse_number, one.profile_id) for one in cp.charging_profiles]


def written(outcome: Outcome) -> list[tuple[int, int, bool]]:
    return [
        (change.evse_number, change.profile_id, change.active)
        for change in outcome.changes
        if isinstance(change, ChargingProfileChanged)
    ]


def test_an_accepted_profile_is_held_verbatim(cp: ChargePoint, now: datetime) -> None:
    request = placed(1, schedule={"charging_schedule_period": [period(limit="8.1")]})
    outcome = accept(cp, request, now)
    [one] = outcome.state.charging_profiles
    assert msgspec.json.decode(one.profile, type=v16.ChargingProfile) == request.cs_charging_profiles
    assert b'"limit":8.1' in one.profile
    assert outcome.changes[0] == ChargingProfileChanged(
        charge_point_id=12,
        evse_number=1,
        profile_id=1,
        purpose="TxDefaultProfile",
        stack_level=0,
        profile=one.profile,
        active=True,
        at=now,
    )


def test_an_accepted_profile_is_published(charging: ChargePoint, now: datetime) -> None:
    outcome = accept(charging, placed(1, "TxProfile", transaction_id=7), now)
    [event] = [change for change in outcome.changes if isinstance(change, EventPublished)]
    assert msgspec.json.decode(event.payload) == {
        "notification": "chargingProfile.applied",
        "chargePointId": 12,
        "evseNumber": 1,
        "sessionId": 7,
        "chargingProfile": {
            "id": 1,
            "schedulePeriods": [{"startPeriod": 0, "limit": 16.0}],
            "chargingRateUnit": "A",
            "stackLevel": 0,
            "chargingProfileKind": "Absolute",
            "purpose": "TxProfile",
        },
        "appliedAt": "2026-03-01T12:00:00Z",
    }


@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
def test_a_refused_profile_is_not_held(cp: ChargePoint, now: datetime, status: Any) -> None:
    answer = v16.SetChargingProfileResponse(status=status)
    outcome = set_charging_profile_answered_v16(cp, placed(1), answer, now)
    assert outcome == Outcome(state=cp, reply=None)


def test_a_newer_profile_replaces_its_id_and_its_slot(cp: ChargePoint, now: datetime) -> None:
    state = cp
    for number, stack in ((1, 0), (2, 1), (3, 2)):
        state = accept(state, placed(1, charging_profile_id=number, stack_level=stack), now).state
    assert held(state) == [(1, 1), (1, 2), (1, 3)]
    same_slot = accept(state, placed(1, charging_profile_id=9, stack_level=1), now)
    assert held(same_slot.state) == [(1, 1), (1, 3), (1, 9)]
    assert written(same_slot) == [(1, 2, False), (1, 9, True)]
    same_id = accept(state, placed(2, charging_profile_id=3), now)
    assert held(same_id.state) == [(1, 1), (1, 2), (2, 3)]
    assert written(same_id) == [(1, 3, False), (2, 3, True)]
    again = accept(state, placed(1, charging_profile_id=3, stack_level=2), now)
    assert written(again) == [(1, 3, True)]


def test_a_tx_profile_ends_with_its_transaction(charging: ChargePoint, now: datetime) -> None:
    during = accept(charging, placed(1, "TxProfile"), now).state
    assert during.charging_profiles[0].transaction_id == "7"
    after = accept(replace(during, sessions={}), placed(2, charging_profile_id=5), now)
    assert held(after.state) == [(2, 5)]
    assert written(after) == [(1, 1, False), (2, 5, True)]


@pytest.mark.parametrize(
    ("members", "left"),
    [
        ({}, []),
        ({"id": 2}, [(0, 1), (1, 3)]),
        ({"id": 2, "connector_id": 0}, [(0, 1), (1, 3)]),
        ({"connector_id": 1}, [(0, 1)]),
        ({"connector_id": 0}, [(1, 2), (1, 3)]),
        ({"charging_profile_purpose": "TxDefaultProfile", "stack_level": 0}, [(0, 1), (1, 3)]),
        ({"stack_level": 9}, [(0, 1), (1, 2), (1, 3)]),
    ],
)
@pytest.mark.parametrize("status", ["Accepted", "Unknown"])
def test_clearing_takes_what_matches_all_that_was_said(
    cp: ChargePoint, now: datetime, members: dict[str, Any], left: list[tuple[int, int]], status: Any
) -> None:
    state = accept(cp, placed(0, "ChargePointMaxProfile", charging_profile_id=1), now).state
    state = accept(state, placed(1, charging_profile_id=2), now).state
    state = accept(state, placed(1, charging_profile_id=3, stack_level=1), now).state
    outcome = clear(state, now, status, **members)
    assert held(outcome.state) == left
    assert set(written(outcome)) == {(*key, False) for key in set(held(state)) - set(left)}


@pytest.mark.proves("1.6", "ClearChargingProfile")
def test_clearing_nothing_known_changes_nothing(cp: ChargePoint, now: datetime) -> None:
    assert clear(cp, now).state is cp
    assert not clear(cp, now).changes


@pytest.mark.proves("1.6", "ClearChargingProfile")
def test_restored_profiles_are_cleared_like_new_ones(cp: ChargePoint, now: datetime) -> None:
    restored = InstalledProfile(
        evse_number=2,
        profile_id=4,
        purpose="TxDefaultProfile",
        stack_level=0,
        transaction_id=None,
        profile=b"{}",
    )
    outcome = clear(replace(cp, charging_profiles=(restored,)), now, id=4)
    assert written(outcome) == [(2, 4, False)]


# --- profiles in 2.x shape --------------------------------------------------------------------------


def body(**more: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "stackLevel": 2,
        "chargingProfilePurpose": "ChargingStationMaxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule(),
    } | more


def schedule(**more: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "startSchedule": "2026-03-01T12:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.1, "numberPhases": 3}],
    } | more


def periods(**more: Any) -> dict[str, Any]:
    return schedule(chargingSchedulePeriod=[{"startPeriod": 0, "limit": 1} | more])


def test_a_2x_profile_is_said_in_1_6(cp: ChargePoint, now: datetime) -> None:
    request = profile_from_v201(body(validTo="2026-04-01T00:00:00Z"))
    assert request == v16.SetChargingProfile(
        connector_id=0,
        cs_charging_profiles=v16.ChargingProfile(
            charging_profile_id=1,
            stack_level=2,
            charging_profile_purpose="ChargePointMaxProfile",
            charging_profile_kind="Absolute",
            valid_to=datetime.fromisoformat("2026-04-01T00:00:00Z"),
            charging_schedule=v16.ChargingSchedule(
                start_schedule=now,
                charging_rate_unit="A",
                charging_schedule_period=[period(limit="8.1", number_phases=3)],
            ),
        ),
    )
    assert check_set_charging_profile_v16(request, cp, now) == []


def test_every_one_decimal_limit_survives() -> None:
    for tenths in range(0, 3_300):
        limit = float(f"{tenths // 10}.{tenths % 10}")
        request = profile_from_v201(body(chargingSchedule=periods(limit=limit)))
        [only] = request.cs_charging_profiles.charging_schedule.charging_schedule_period
        assert only.limit == Decimal(tenths) / 10


def test_a_list_of_one_schedule_and_null_members_are_fine() -> None:
    plain = profile_from_v201(body())
    assert profile_from_v201(body(chargingSchedule=[schedule()])) == plain
    assert profile_from_v201(body(recurrencyKind=None, transactionId=None)) == plain
    assert profile_from_v201(body(chargingSchedule=schedule(salesTariff=None))) == plain


def test_a_tx_profile_goes_to_the_connector_of_its_transaction(charging: ChargePoint) -> None:
    wanted = body(chargingProfilePurpose="TxProfile", transactionId="7")
    request = profile_from_v201(wanted, charging)
    assert request.connector_id == 1
    assert request.cs_charging_profiles.transaction_id == 7


@pytest.mark.parametrize("transaction", ["8", None])
def test_a_tx_profile_needs_a_running_transaction(charging: ChargePoint, transaction: str | None) -> None:
    wanted = body(chargingProfilePurpose="TxProfile", transactionId=transaction)
    with pytest.raises(Invalid) as raised:
        profile_from_v201(wanted, charging)
    assert set(raised.value.fields) == {"transactionId"}


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (body(chargingProfilePurpose="ChargingStationExternalConstraints"), "chargingProfilePurpose"),
        (body(chargingProfilePurpose=None), "chargingProfilePurpose"),
        (body(chargingProfilePurpose=[]), "chargingProfilePurpose"),
        (body(transactionId="9e107d9d-372b-4f0e-bf0e-c6a81f4d5bc1"), "transactionId"),
        (body(transactionId="٣"), "transactionId"),
        (body(transactionId="7" * 5_000), "transactionId"),
        (body(customData={"vendorId": "x"}), "customData"),
        (body(chargingSchedule=None), "chargingSchedule"),
        (body(chargingSchedule=[schedule(), schedule()]), "chargingSchedule"),
        (body(chargingSchedule=schedule(salesTariff={})), "chargingSchedule.salesTariff"),
        (body(chargingSchedule=schedule(minChargingRate=1.25)), "chargingSchedule.minChargingRate"),
        (
            body(chargingSchedule=schedule(chargingSchedulePeriod=None)),
            "chargingSchedule.chargingSchedulePeriod",
        ),
        (
            body(chargingSchedule=periods(phaseToUse=1)),
            "chargingSchedule.chargingSchedulePeriod.0.phaseToUse",
        ),
        (body(chargingSchedule=periods(limit=8.15)), "chargingSchedule.chargingSchedulePeriod.0.limit"),
        (body(chargingSchedule=periods(limit="8")), "chargingSchedule.chargingSchedulePeriod.0.limit"),
        (body(chargingSchedule=periods(limit=True)), "chargingSchedule.chargingSchedulePeriod.0.limit"),
        (
            body(chargingSchedule=periods(limit=float("nan"))),
            "chargingSchedule.chargingSchedulePeriod.0.limit",
        ),
    ],
)
def test_what_1_6_cannot_say_is_refused_by_name(wanted: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as raised:
        profile_from_v201(wanted)
    assert set(raised.value.fields) == {field}


@pytest.mark.parametrize(
    "wanted",
    [
        body(id="one"),
        {k: v for k, v in body().items() if k != "stackLevel"},
        body(chargingProfileKind="Dynamic"),
        body(validFrom="2026-03-01T12:00:00"),
        body(chargingSchedule=schedule(chargingRateUnit="kW")),
    ],
)
def test_a_malformed_profile_is_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        profile_from_v201(wanted)
