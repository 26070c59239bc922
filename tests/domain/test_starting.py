"""Sessions that were asked for: what they are matched by, whom they let in, how they are given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from engine.domain import changes as c
from engine.domain.authorization import Decision
from engine.domain.starting import Pending, ask, give_up, key_of_tag, number_of, own_tag
from engine.domain.state import ChargePoint, SessionStatus, StationSettings
from engine.domain.vocabulary import AuthorizationMethod, SessionReason, TagVerdict

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
ACCEPTED = Decision(verdict=TagVerdict.ACCEPTED, method=AuthorizationMethod.ADMIN)


@pytest.fixture
def pending() -> Pending:
    cp = ChargePoint(id=12, identity="CP", operator_id=1, version="ocpp1.6", settings=StationSettings())
    asked, _ = ask(
        cp, ACCEPTED, session_id=7, authorization_id=8, id_tag="Tag", evse_number=2, expires_at=SOON, now=NOW
    )
    return asked


@pytest.mark.parametrize(
    ("number", "tag"), [(1, "*0000001"), (1_234_567, "*1234567"), (2**31 - 1, "*2147483647")]
)
def test_a_tag_of_our_own_names_its_session(number: int, tag: str) -> None:
    assert own_tag(number) == tag
    assert number_of(tag) == number
    assert len(tag) <= 20  # OCPP 1.6 §7.28


@pytest.mark.parametrize(
    "tag", [None, "", "*", "*123456", "0000123", "*0000000", "*00000001x", "*٠٠٠٠٠٠١", "*9999999999"]
)
def test_any_other_tag_names_none(tag: str | None) -> None:
    assert number_of(tag) is None


def test_a_key_has_the_number_where_the_tag_has_one() -> None:
    assert key_of_tag("*0000123", 2, NOW).number == 123
    assert key_of_tag("04AB", 2, NOW).number is None


def test_who_asked_may_charge_until_it_expires(pending: Pending) -> None:
    assert pending.allows(SOON)
    assert not pending.allows(SOON + timedelta(seconds=1))
    late = msgspec.structs.replace(pending, status=SessionStatus.EXPIRED)
    assert late.allows(NOW)  # it began in time and was told of later
    assert not msgspec.structs.replace(pending, status=SessionStatus.FAILED).allows(NOW)


def test_only_an_awaited_session_counts_against_a_limit(pending: Pending) -> None:
    assert pending.counts("tAG")
    assert not pending.counts("other")
    assert not msgspec.structs.replace(pending, status=SessionStatus.EXPIRED).counts("Tag")


def test_asking_writes_authorization_session_and_news() -> None:
    cp = ChargePoint(id=12, identity="CP", operator_id=1, version="ocpp1.6", settings=StationSettings())
    _, changes = ask(
        cp, ACCEPTED, session_id=7, authorization_id=8, id_tag="Tag", evse_number=0, expires_at=SOON, now=NOW
    )
    authorized, told, asked, news = changes
    assert isinstance(authorized, c.AuthorizationMade)
    assert (authorized.id, authorized.method, authorized.status) == (8, "admin", "accepted")
    assert authorized.evse_number is None
    assert isinstance(asked, c.SessionAsked)
    assert (asked.id, asked.authorization_id, asked.expires_at) == (7, 8, SOON)
    assert isinstance(told, c.EventPublished)
    assert told.type == "authorization.changed"
    assert isinstance(news, c.EventPublished)
    assert msgspec.json.decode(news.payload)["status"] == "pending"


@pytest.mark.parametrize(
    ("reason", "status"), [("timeout", "expired"), ("rejected", "failed"), ("remote_start_failed", "failed")]
)
def test_giving_up_says_why(pending: Pending, reason: str, status: str) -> None:
    change = give_up(pending, SessionReason(reason), SOON)
    assert (change.id, change.status, change.reason) == (7, status, reason)
    news = msgspec.json.decode(change.news)
    assert (news["sessionId"], news["status"], news["reason"]) == (7, status, reason)
