from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.changes import AuthorizationMade
from engine.domain.lookups import NewIds, PendingFor, TokensOf
from engine.domain.starting import PendingKey
from engine.domain.state import ChargePoint, StationSettings, Token
from engine.ocpp.blocks.authorization.authorize_v16 import authorize_needs_v16, authorize_v16
from engine.ocpp.messages import v16
from tests.answers import facts_of

pytestmark = pytest.mark.proves("1.6", "Authorize")

REQUEST = v16.Authorize(id_tag="Tag")


@pytest.fixture
def token(now: datetime) -> Token:
    return Token(
        id=3,
        uid="TAG",
        group_id="GROUP",
        status="enabled",
        valid=True,
        expires_at=now + timedelta(days=1),
        user_id=9,
        user_enabled=True,
        max_active_sessions=1,
        active_sessions=1,
    )


def info(cp: ChargePoint, token: Token | None, now: datetime) -> v16.IdTagInfo:
    facts = facts_of(tokens={} if token is None else {"Tag": token}, new_ids=(77,))
    reply = authorize_v16(cp, REQUEST, facts, now).reply
    assert isinstance(reply, v16.AuthorizeResponse)
    return reply.id_tag_info


def test_it_needs_the_tag_and_a_number(cp: ChargePoint) -> None:
    pending = PendingFor(PendingKey(number=None, id_tag="Tag"))
    assert authorize_needs_v16(cp, REQUEST) == (TokensOf(("Tag",)), pending, NewIds(1))


def test_an_accepted_tag_comes_with_its_group_and_expiry(
    cp: ChargePoint, token: Token, now: datetime
) -> None:
    # Its one session is running: 1.6 §7.2 keeps ConcurrentTx for starts, the tag may end that session.
    assert info(cp, token, now) == v16.IdTagInfo(
        status="Accepted", parent_id_tag="GROUP", expiry_date=token.expires_at or UNSET
    )


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"status": "disabled"}, "Blocked"), ({"valid": False}, "Invalid"), ({"expires_at": None}, "Accepted")],
)
def test_the_verdict_is_told(
    cp: ChargePoint, token: Token, now: datetime, fields: dict[str, object], status: str
) -> None:
    assert info(cp, replace(token, **fields), now).status == status


def test_an_expired_tag(cp: ChargePoint, token: Token, now: datetime) -> None:
    assert info(cp, token, now + timedelta(days=2)).status == "Expired"


def test_an_unknown_tag(cp: ChargePoint, now: datetime) -> None:
    assert info(cp, None, now) == v16.IdTagInfo(status="Invalid")
    open_to_all = replace(cp, settings=StationSettings(auto_start_without_authorization=True))
    assert info(open_to_all, None, now) == v16.IdTagInfo(status="Accepted")


def test_a_group_longer_than_an_id_tag_is_not_told(cp: ChargePoint, token: Token, now: datetime) -> None:
    assert info(cp, replace(token, group_id="G" * 20), now).parent_id_tag == "G" * 20
    assert info(cp, replace(token, group_id="G" * 21), now).parent_id_tag is UNSET


def test_it_leaves_a_row_and_the_state_alone(cp: ChargePoint, token: Token, now: datetime) -> None:
    outcome = authorize_v16(cp, REQUEST, facts_of(tokens={"Tag": token}, new_ids=(77,)), now)
    assert outcome.state is cp
    assert outcome.durable
    row = outcome.changes[0]
    assert isinstance(row, AuthorizationMade)
    assert (row.id, row.status, row.evse_number, row.rejection_reason) == (77, "accepted", None, None)
