from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.authorization import decide, recorded
from engine.domain.changes import AuthorizationMade, EventPublished
from engine.domain.state import ChargePoint, Token
from engine.domain.vocabulary import TagVerdict

TOKEN = Token(
    id=3,
    uid="TAG",
    group_id="GROUP",
    status="enabled",
    valid=True,
    expires_at=None,
    user_id=9,
    user_enabled=True,
    max_active_sessions=None,
    active_sessions=0,
)


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, TagVerdict.ACCEPTED),
        ({"status": "disabled"}, TagVerdict.BLOCKED),
        ({"status": "suspended"}, TagVerdict.BLOCKED),
        ({"user_enabled": False}, TagVerdict.BLOCKED),
        ({"expires_at": 0}, TagVerdict.EXPIRED),
        ({"expires_at": 1}, TagVerdict.ACCEPTED),
        ({"valid": False}, TagVerdict.INVALID),
        ({"status": "disabled", "expires_at": -1, "valid": False}, TagVerdict.BLOCKED),
        ({"max_active_sessions": 1, "active_sessions": 5}, TagVerdict.ACCEPTED),  # no start: no limit
    ],
)
def test_a_known_tag(fields: dict[str, Any], verdict: TagVerdict, now: datetime) -> None:
    if "expires_at" in fields:
        fields = fields | {"expires_at": now + timedelta(seconds=fields["expires_at"])}
    assert decide(replace(TOKEN, **fields), now).verdict is verdict


@pytest.mark.parametrize(
    ("limit", "active", "uncounted", "verdict"),
    [
        (1, 0, 0, TagVerdict.ACCEPTED),
        (1, 1, 0, TagVerdict.CONCURRENT),
        (1, 1, 1, TagVerdict.ACCEPTED),
        (2, 1, 0, TagVerdict.ACCEPTED),
        (0, 0, 0, TagVerdict.CONCURRENT),
        (None, 99, 0, TagVerdict.ACCEPTED),
    ],
)
def test_the_limit_counts_other_sessions(
    limit: int | None, active: int, uncounted: int, verdict: TagVerdict, now: datetime
) -> None:
    token = replace(TOKEN, max_active_sessions=limit, active_sessions=active)
    assert decide(token, now, uncounted=uncounted).verdict is verdict


def test_an_unknown_tag_is_refused_unless_the_station_starts_anybody(now: datetime) -> None:
    assert decide(None, now).verdict is TagVerdict.UNKNOWN
    assert decide(None, now, unknown_accepted=True).accepted
    assert decide(replace(TOKEN, status="disabled"), now, unknown_accepted=True).verdict is TagVerdict.BLOCKED


def test_a_rejection_is_recorded_with_its_reason(cp: ChargePoint, now: datetime) -> None:
    decision = decide(replace(TOKEN, status="disabled"), now)
    row, news = recorded(cp, decision, id=5, id_tag="tag", evse_number=None, now=now)
    assert isinstance(row, AuthorizationMade)
    assert (row.id, row.id_tag_uid, row.id_tag_id, row.user_id) == (5, "tag", 3, 9)
    assert (row.status, row.rejection_reason) == ("rejected", "blocked")
    assert isinstance(news, EventPublished)
    assert news.type == "authorization.changed"
    assert msgspec.json.decode(news.payload) == {
        "notification": "authorization.changed",
        "authorizationId": 5,
        "action": "created",
        "chargePointId": 12,
        "idTag": "tag",
        "status": "rejected",
        "lastUpdatedAt": "2026-03-01T12:00:00Z",
    }
