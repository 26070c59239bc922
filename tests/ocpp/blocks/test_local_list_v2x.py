"""Local lists of OCPP 2.x (D01, D02)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.changes import LocalListVersionRead
from engine.domain.state import ChargePoint, Token
from engine.ocpp import rpc
from engine.ocpp.blocks.local_list.documents import differential_v2x, full_v2x, lists_in_parts_v2x
from engine.ocpp.blocks.local_list.get_local_list_version import get_local_list_version_answered_v2x
from engine.ocpp.blocks.local_list.send_local_list import (
    check_send_local_list_v2x,
    send_local_list_answered_v2x,
)


def token(uid: str = "TAG", **more: Any) -> Token:
    plain = Token(
        id=1,
        uid=uid,
        group_id=None,
        status="enabled",
        valid=True,
        expires_at=None,
        user_id=None,
        user_enabled=True,
        max_active_sessions=None,
        active_sessions=0,
    )
    return replace(plain, **more)


@pytest.mark.proves("2.x", "SendLocalList")
def test_a_full_list_says_type_status_group_and_end(words: Any, station: ChargePoint, now: datetime) -> None:
    soon = now + timedelta(days=1)
    tokens = [
        token("A", group_id="FLEET", expires_at=soon),
        token("DE8ACC12E46L89", type="emaid", status="disabled"),
        token("N", cache_mode="NEVER"),
        token("L" * 256),
    ]
    request = full_v2x(station.version, tokens, 3, now)
    assert type(request) is words.SendLocalList
    assert (request.version_number, request.update_type) == (3, "Full")
    first, second = request.local_authorization_list
    assert first == words.AuthorizationData(
        id_token=words.IdToken(id_token="A", type="ISO14443"),
        id_token_info=words.IdTokenInfo(
            status="Accepted",
            cache_expiry_date_time=soon,
            group_id_token=words.IdToken(id_token="FLEET", type="Central"),
        ),
    )
    assert (second.id_token.type, second.id_token_info.status) == ("eMAID", "Blocked")
    assert check_send_local_list_v2x(request, station, now) == []


def test_longer_tokens_fit_into_2_1_only(words: Any, station: ChargePoint, now: datetime) -> None:
    request = full_v2x(station.version, [token("L" * 37)], 1, now)
    assert bool(request.local_authorization_list) is (station.version == "ocpp2.1")


def test_no_tokens_empty_the_list(words: Any, station: ChargePoint, now: datetime) -> None:
    assert full_v2x(station.version, [], 1, now).local_authorization_list is UNSET


def test_a_difference_removes_what_goes_or_fits_no_more(
    words: Any, station: ChargePoint, now: datetime
) -> None:
    changed = [token("A"), token("B", cache_mode="NEVER")]
    request = differential_v2x(station.version, changed, [token("C")], 4, now)
    told = {entry.id_token.id_token: bool(entry.id_token_info) for entry in request.local_authorization_list}
    assert told == {"A": True, "B": False, "C": False}


@pytest.mark.parametrize(("limit", "sizes"), [(9, [5]), (5, [5]), (2, [2, 2, 1])])
def test_a_long_list_goes_in_parts(
    words: Any, station: ChargePoint, now: datetime, limit: int, sizes: list[int]
) -> None:
    request = full_v2x(station.version, [token(f"T{n}") for n in range(5)], 7, now)
    parts = lists_in_parts_v2x(request, replace(station, items_per_message={"SendLocalList": limit}))
    assert [len(part.local_authorization_list) for part in parts] == sizes
    assert [part.version_number for part in parts] == list(range(7, 7 + len(sizes)))
    assert [part.update_type for part in parts] == ["Full"] + ["Differential"] * (len(sizes) - 1)


@pytest.mark.proves("2.x", "SendLocalList")
@given(most=st.integers(200, 900), lengths=st.lists(st.integers(1, 36), max_size=12), full=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_parts_are_as_long_as_the_station_takes(
    station: ChargePoint, now: datetime, most: int, lengths: list[int], full: bool
) -> None:
    cp = replace(station, bytes_per_message={"SendLocalList": most}, local_list_version=1)
    tokens = [token(chr(ord("a") + n) * length) for n, length in enumerate(lengths)]
    request = (
        full_v2x(station.version, tokens, 98, now)
        if full
        else differential_v2x(station.version, tokens, (), 98, now)
    )
    parts = lists_in_parts_v2x(request, cp)
    told = [entry for part in parts for entry in part.local_authorization_list or ()]
    assert told == list(request.local_authorization_list or ())
    for part in parts:
        assert check_send_local_list_v2x(part, cp, now) == []
        assert len(rpc.ENCODER.encode(part)) <= most


@pytest.mark.proves("2.x", "GetLocalListVersion")
def test_the_version_held_is_followed(words: Any, station: ChargePoint, now: datetime) -> None:
    request = full_v2x(station.version, [token()], 3, now)
    accepted = send_local_list_answered_v2x(
        station, request, words.SendLocalListResponse(status="Accepted"), now
    )
    assert accepted.state.local_list_version == 3
    assert list(accepted.changes) == [
        LocalListVersionRead(charge_point_id=12, local_list_version=3, local_list_version_at=now)
    ]
    for status in ("Failed", "VersionMismatch"):
        answer = words.SendLocalListResponse(status=status)
        assert send_local_list_answered_v2x(station, request, answer, now).state is station
    told = get_local_list_version_answered_v2x(
        accepted.state, words.GetLocalListVersion(), words.GetLocalListVersionResponse(version_number=2), now
    )
    assert told.state.local_list_version == 2


@pytest.mark.proves("2.x", "SendLocalList")
def test_what_may_be_sent(words: Any, station: ChargePoint, now: datetime) -> None:
    holding = replace(station, local_list_version=3, items_per_message={"SendLocalList": 2})

    def errors(cp: ChargePoint, request: Any) -> int:
        return len(check_send_local_list_v2x(request, cp, now))

    version = station.version
    assert errors(holding, full_v2x(version, [token()], 0, now)) == 1
    assert errors(holding, differential_v2x(version, [token()], [], 4, now)) == 0
    assert errors(holding, differential_v2x(version, [token()], [], 3, now)) == 1
    assert errors(station, differential_v2x(version, [token()], [], 4, now)) == 1
    assert errors(holding, full_v2x(version, [token("a"), token("A")], 4, now)) == 1
    assert errors(holding, full_v2x(version, [token(f"T{n}") for n in range(3)], 4, now)) == 1
    assert errors(holding, replace(differential_v2x(version, [], [token()], 4, now), update_type="Full")) == 1
    # The same text as another type is another token.
    assert errors(holding, full_v2x(version, [token("A"), token("A", type="emaid")], 4, now)) == 0


def test_a_type_that_a_version_has_no_word_for_is_not_in_its_list(now: datetime) -> None:
    tokens = [token("A"), token("V", type="vin"), token("K", type="key_code")]

    def told(request: Any) -> list[tuple[str, str]]:
        return [(e.id_token.id_token, e.id_token.type) for e in request.local_authorization_list]

    assert told(full_v2x("ocpp2.0.1", tokens, 1, now)) == [("A", "ISO14443"), ("K", "KeyCode")]
    assert told(differential_v2x("ocpp2.0.1", [], tokens, 2, now)) == [("A", "ISO14443"), ("K", "KeyCode")]
    assert ("V", "VIN") in told(full_v2x("ocpp2.1", tokens, 1, now))
