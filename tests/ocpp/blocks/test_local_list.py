"""The local authorization list (OCPP 1.6 §3.5, §5.10, §5.15)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.changes import LocalListVersionRead
from engine.domain.state import ChargePoint, Token
from engine.ocpp.blocks.local_list.documents import differential_v16, full_v16, in_parts_v16
from engine.ocpp.blocks.local_list.get_local_list_version import get_local_list_version_answered_v16
from engine.ocpp.blocks.local_list.send_local_list import (
    check_send_local_list_v16,
    send_local_list_answered_v16,
)
from engine.ocpp.messages import v16


def token(uid: str, **more: Any) -> Token:
    plain = Token(
        id=1,
        uid=uid,
        group_id=None,
        status="enabled",
        valid=True,
        expires_at=None,
        user_id=1,
        user_enabled=True,
        max_active_sessions=None,
        active_sessions=0,
    )
    return replace(plain, **more)


def entry(uid: str, status: Any = "Accepted", **more: Any) -> v16.AuthorizationData:
    return v16.AuthorizationData(id_tag=uid, id_tag_info=v16.IdTagInfo(status=status, **more))


def send(version: int, kind: Any, entries: Any) -> v16.SendLocalList:
    return v16.SendLocalList(list_version=version, update_type=kind, local_authorization_list=entries)


def test_a_full_list_says_what_each_tag_would_be_answered(now: datetime) -> None:
    tomorrow = now + timedelta(days=1)
    request = full_v16(
        [
            token("GOOD", group_id="FLEET", expires_at=tomorrow),
            token("BLOCKED", status="suspended"),
            token("OLD", expires_at=now),
            token("FALSE", valid=False),
        ],
        3,
        now,
    )
    assert request == v16.SendLocalList(
        list_version=3,
        local_authorization_list=[
            entry("GOOD", expiry_date=tomorrow, parent_id_tag="FLEET"),
            entry("BLOCKED", "Blocked"),
            entry("OLD", "Expired", expiry_date=now),
            entry("FALSE", "Invalid"),
        ],
        update_type="Full",
    )


def test_tags_that_no_charger_may_or_can_hold_are_left_out(now: datetime) -> None:
    request = full_v16([token("X" * 21), token("NEVER", cache_mode="NEVER"), token("OK")], 1, now)
    assert request.local_authorization_list == [entry("OK")]


def test_a_group_too_long_for_the_protocol_is_not_sent(now: datetime) -> None:
    request = full_v16([token("A", group_id="G" * 21)], 1, now)
    assert request.local_authorization_list == [entry("A")]


def test_a_differential_list_adds_changes_and_removes(now: datetime) -> None:
    request = differential_v16(
        [token("NEW"), token("HIDDEN", cache_mode="NEVER"), token("Y" * 21)], ["GONE"], 4, now
    )
    assert request.update_type == "Differential"
    assert request.list_version == 4
    assert request.local_authorization_list == [
        entry("NEW"),
        v16.AuthorizationData(id_tag="GONE"),
        v16.AuthorizationData(id_tag="HIDDEN"),
    ]


@pytest.mark.proves("1.6", "SendLocalList")
def test_a_long_list_goes_in_parts_with_growing_versions(cp: ChargePoint, now: datetime) -> None:
    request = full_v16([token(f"T{i}") for i in range(5)], 7, now)
    parts = in_parts_v16(request, 2)
    assert [(part.list_version, part.update_type) for part in parts] == [
        (7, "Full"),
        (8, "Differential"),
        (9, "Differential"),
    ]
    assert [e for part in parts for e in part.local_authorization_list or []] == (
        request.local_authorization_list
    )
    state = cp
    for part in parts:
        assert check_send_local_list_v16(part, state, now) == []
        answer = v16.SendLocalListResponse(status="Accepted")
        state = send_local_list_answered_v16(state, part, answer, now).state
    assert state.local_list_version == 9


def test_an_empty_full_list_is_still_sent(now: datetime) -> None:
    request = full_v16([], 2, now)
    assert in_parts_v16(request, 10) == [request]


@pytest.mark.proves("1.6", "SendLocalList")
@pytest.mark.parametrize(
    ("held", "request_", "count"),
    [
        (None, send(1, "Full", [entry("A")]), 0),
        (None, send(1, "Full", UNSET), 0),
        (9, send(3, "Full", [entry("A")]), 0),
        (None, send(0, "Full", []), 1),
        (None, send(-1, "Full", []), 1),
        (None, send(1, "Full", [v16.AuthorizationData(id_tag="A")]), 1),
        (None, send(1, "Full", [entry("Tag"), entry("tAG")]), 1),
        (None, send(2, "Differential", [entry("A")]), 1),
        (0, send(2, "Differential", [entry("A")]), 1),
        (-1, send(2, "Differential", [entry("A")]), 1),
        (2, send(2, "Differential", [entry("A")]), 1),
        (2, send(3, "Differential", [v16.AuthorizationData(id_tag="A")]), 0),
    ],
)
def test_what_may_be_sent(
    cp: ChargePoint, now: datetime, held: int | None, request_: v16.SendLocalList, count: int
) -> None:
    state = replace(cp, local_list_version=held)
    assert len(check_send_local_list_v16(request_, state, now)) == count


@pytest.mark.proves("1.6", "SendLocalList")
@pytest.mark.parametrize("status", ["Failed", "NotSupported", "VersionMismatch"])
def test_a_refused_list_leaves_the_version(cp: ChargePoint, now: datetime, status: Any) -> None:
    state = replace(cp, local_list_version=2)
    request = v16.SendLocalList(list_version=3, update_type="Full")
    outcome = send_local_list_answered_v16(state, request, v16.SendLocalListResponse(status=status), now)
    assert outcome.state.local_list_version == 2
    assert not outcome.changes


@pytest.mark.proves("1.6", "GetLocalListVersion")
@pytest.mark.parametrize("version", [-1, 0, 12])
def test_the_charge_points_word_on_its_version_is_kept(cp: ChargePoint, now: datetime, version: int) -> None:
    outcome = get_local_list_version_answered_v16(
        cp, v16.GetLocalListVersion(), v16.GetLocalListVersionResponse(list_version=version), now
    )
    assert outcome.state.local_list_version == version
    assert outcome.changes == [
        LocalListVersionRead(charge_point_id=12, local_list_version=version, local_list_version_at=now)
    ]
    again = get_local_list_version_answered_v16(
        outcome.state, v16.GetLocalListVersion(), v16.GetLocalListVersionResponse(list_version=version), now
    )
    assert not again.changes
