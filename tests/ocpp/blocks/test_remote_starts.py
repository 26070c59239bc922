"""A station begins what was asked for: the pending session becomes its transaction's, in every version."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from engine.domain import changes as c
from engine.domain.lookups import PendingFor
from engine.domain.session.facts import History, Stored
from engine.domain.starting import Pending, PendingKey, own_tag
from engine.domain.state import ChargePoint, Price, Session, SessionStatus, Token
from engine.ocpp.blocks.authorization import authorize_v2x, authorize_v16
from engine.ocpp.blocks.transactions import start_transaction, stop_transaction, transaction_event
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts, Needs, Outcome
from tests.answers import asked, facts_of

EVENT = transaction_event.transaction_event_v2x()
AUTHORIZE = authorize_v2x.authorize_v2x()
TAG = own_tag(70)


@pytest.fixture
def pending(now: datetime) -> Pending:
    return Pending(
        id=70,
        operator_id=1,
        charge_point_id=12,
        evse_number=1,
        id_tag=TAG,
        authorization_id=71,
        asked_at=now - timedelta(seconds=20),
        expires_at=now + timedelta(minutes=5),
    )


def known(tag: str, **more: Any) -> Token:
    values: dict[str, Any] = {
        "id": 5, "uid": tag, "group_id": None, "status": "enabled", "valid": True, "expires_at": None,
        "user_id": 3, "user_enabled": True, "max_active_sessions": None, "active_sessions": 0,
    }  # fmt: skip
    return Token(**{**values, **more})


def of(kind: type[c.Change], outcome: Outcome) -> list[Any]:
    return [change for change in outcome.changes if type(change) is kind]


# --- OCPP 1.6 ----------------------------------------------------------------------------------------------


def start(now: datetime, tag: str = TAG) -> v16.StartTransaction:
    return v16.StartTransaction(connector_id=1, id_tag=tag, meter_start=1_000, timestamp=now)


def started(cp: ChargePoint, now: datetime, tag: str = TAG, **facts: Any) -> Outcome:
    facts = {"new_ids": (90, 91), **facts}
    return start_transaction.start_transaction_v16(cp, start(now, tag), facts_of(**facts), now)


def info(outcome: Outcome) -> Any:
    assert isinstance(outcome.reply, v16.StartTransactionResponse | v16.StopTransactionResponse)
    return outcome.reply.id_tag_info


def test_a_start_asks_for_what_was_asked_for(cp: ChargePoint, now: datetime) -> None:
    needs = start_transaction.start_transaction_needs_v16(cp, start(now))
    assert asked(needs, PendingFor) == PendingFor(PendingKey(number=70, id_tag=TAG, evse_number=1, at=now))


def test_a_start_takes_the_number_and_the_authorization(
    cp: ChargePoint, now: datetime, pending: Pending
) -> None:
    outcome = started(cp, now, pending=pending)
    assert isinstance(outcome.reply, v16.StartTransactionResponse)
    assert (outcome.reply.transaction_id, info(outcome).status) == (70, "Accepted")
    (opened,) = of(c.SessionOpened, outcome)
    assert (opened.id, opened.transaction_id, opened.authorization_id) == (70, "70", 71)
    assert opened.status == "active"
    assert not of(c.AuthorizationMade, outcome)
    assert outcome.state.sessions["70"].asked


def test_the_same_start_again_is_accepted_again(cp: ChargePoint, now: datetime, pending: Pending) -> None:
    first = started(cp, now, pending=pending)
    again = started(first.state, now, begun=first.state.sessions["70"])
    assert (again.reply, again.changes) == (first.reply, ())


def test_its_tag_may_end_it_and_start_nothing_else(cp: ChargePoint, now: datetime, pending: Pending) -> None:
    running = started(cp, now, pending=pending).state
    stop = v16.StopTransaction(transaction_id=70, id_tag=TAG, meter_stop=2_000, timestamp=now)
    assert info(stop_transaction.stop_transaction_v16(running, stop, Facts(), now)).status == "Accepted"
    other = v16.StartTransaction(connector_id=2, id_tag=TAG, meter_start=0, timestamp=now)
    facts = facts_of(new_ids=(90, 91))
    assert info(start_transaction.start_transaction_v16(running, other, facts, now)).status == "Invalid"


def test_a_tag_of_its_own_is_not_accepted_without_a_session_that_was_asked_for(
    cp: ChargePoint, now: datetime
) -> None:
    assert info(started(cp, now)).status == "Invalid"


def test_a_start_that_comes_too_late_is_kept_and_refused(
    cp: ChargePoint, now: datetime, pending: Pending
) -> None:
    expired = replace(pending, status=SessionStatus.EXPIRED, expires_at=now - timedelta(seconds=1))
    outcome = started(cp, now, pending=expired)
    assert info(outcome).status == "Invalid"
    assert [one.id for one in of(c.SessionOpened, outcome)] == [70]
    assert [one.status for one in of(c.AuthorizationMade, outcome)] == ["rejected"]
    assert not outcome.state.sessions["70"].asked


def test_a_known_tag_is_judged_all_the_same(cp: ChargePoint, now: datetime, pending: Pending) -> None:
    asked = replace(pending, id_tag="CARD")
    blocked = {"CARD": known("CARD", status="disabled")}
    assert info(started(cp, now, "CARD", pending=asked, tokens=blocked)).status == "Blocked"


def test_the_awaited_session_does_not_count_against_its_own_start(
    cp: ChargePoint, now: datetime, pending: Pending
) -> None:
    asked = replace(pending, id_tag="CARD")
    limited = {"CARD": known("CARD", max_active_sessions=1, active_sessions=1)}
    assert info(started(cp, now, "CARD", pending=asked, tokens=limited)).status == "Accepted"
    assert info(started(cp, now, "CARD", tokens=limited)).status == "ConcurrentTx"


def test_a_station_may_ask_whether_the_tag_is_good(cp: ChargePoint, now: datetime, pending: Pending) -> None:
    request = v16.Authorize(id_tag=TAG)
    needs = authorize_v16.authorize_needs_v16(cp, request)
    pending_for = asked(needs, PendingFor)
    assert pending_for is not None
    assert pending_for.key.number == 70
    outcome = authorize_v16.authorize_v16(cp, request, facts_of(new_ids=(9,), pending=pending), now)
    assert outcome.reply == v16.AuthorizeResponse(id_tag_info=v16.IdTagInfo(status="Accepted"))
    outcome = authorize_v16.authorize_v16(cp, request, facts_of(new_ids=(9,)), now)
    assert outcome.reply == v16.AuthorizeResponse(id_tag_info=v16.IdTagInfo(status="Invalid"))


# --- OCPP 2.x ----------------------------------------------------------------------------------------------


def event(
    words: Any, now: datetime, seq: int, kind: str, *, remote: int | None = None, tag: str | None = None
) -> Any:
    named: dict[str, Any] = {} if remote is None else {"remote_start_id": remote}
    more: dict[str, Any] = {} if tag is None else {"id_token": words.IdToken(id_token=tag, type="Central")}
    return words.TransactionEvent(
        event_type=kind,
        timestamp=now + timedelta(seconds=seq),
        trigger_reason="RemoteStart",
        seq_no=seq,
        transaction_info=words.Transaction(transaction_id="tx", **named),
        evse=words.EVSE(id=1, connector_id=1),
        **more,
    )


def told(station: ChargePoint, request: Any, now: datetime, **facts: Any) -> Outcome:
    return EVENT(station, request, facts_of(**{"new_ids": (90, 91), **facts}), now)


def stored(session: Session, *, known: bool) -> History:
    only = Stored(
        session=session, count=1, newest=(1, session.started_at, 1, 1), newest_at=session.started_at,
        started_at=None, ended_at=None, ended_seq=None,
    )  # fmt: skip
    return History(known=known, sessions=[only])


def status_of(outcome: Outcome) -> str:
    return str(outcome.reply.id_token_info.status)  # type: ignore[union-attr] # of two versions


def needs_of(station: ChargePoint, request: Any) -> Needs:
    return transaction_event.transaction_event_needs_v2x(station, request)


def test_an_event_asks_by_remote_start_id_or_by_our_tag(
    station: ChargePoint, words: Any, now: datetime
) -> None:
    for request in (event(words, now, 0, "Started", remote=70), event(words, now, 0, "Started", tag=TAG)):
        needs = needs_of(station, request)
        assert asked(needs, PendingFor) == PendingFor(PendingKey(number=70))


def test_a_station_that_leaves_the_number_out_names_it_by_the_tag(
    station: ChargePoint, words: Any, now: datetime, pending: Pending
) -> None:
    request = event(words, now, 0, "Started", tag="CARD")
    needs = needs_of(station, request)
    key = PendingKey(number=None, id_tag="CARD", evse_number=1, at=now)
    assert asked(needs, PendingFor) == PendingFor(key)
    outcome = told(station, request, now, pending=replace(pending, id_tag="CARD"))
    assert status_of(outcome) == "Accepted"
    # Once its driver is known, no event asks for another.
    again = needs_of(outcome.state, event(words, now, 1, "Updated", tag="CARD"))
    assert again
    assert asked(again, PendingFor) is None


def test_the_tag_that_we_chose_may_end_it_however_often_that_is_told(
    station: ChargePoint, words: Any, now: datetime, pending: Pending
) -> None:
    asked = replace(pending, id_tag="NOBODY-KNOWS")
    running = told(
        station, event(words, now, 0, "Started", remote=70, tag="NOBODY-KNOWS"), now, pending=asked
    )
    end = event(words, now, 1, "Ended", tag="NOBODY-KNOWS")
    ended = told(running.state, end, now)
    assert status_of(ended) == "Accepted"
    session = running.state.sessions["tx"]
    again = told(ended.state, end, now, history=stored(session, known=True))
    assert status_of(again) == "Accepted"


def test_an_event_takes_the_number_and_the_authorization(
    station: ChargePoint, words: Any, now: datetime, pending: Pending
) -> None:
    outcome = told(station, event(words, now, 0, "Started", remote=70, tag=TAG), now, pending=pending)
    (opened,) = of(c.SessionOpened, outcome)
    assert (opened.id, opened.transaction_id, opened.authorization_id) == (70, "tx", 71)
    assert status_of(outcome) == "Accepted"
    assert not of(c.AuthorizationMade, outcome)
    assert not of(c.SessionMerged, outcome)
    # It is not asked for again while it goes on.
    assert not needs_of(outcome.state, event(words, now, 1, "Updated", remote=70))


def test_it_costs_what_it_did_when_it_was_asked_for(
    station: ChargePoint, words: Any, now: datetime, pending: Pending
) -> None:
    then, since = (Price(currency="EUR", per_kwh=Decimal(amount)) for amount in (1, 2))
    first = event(words, now, 0, "Started", remote=70, tag=TAG)
    asked = replace(pending, price=then)
    assert told(station, first, now, pending=asked, price=since).state.sessions["tx"].price == then
    assert told(station, first, now, price=since).state.sessions["tx"].price == since


def test_a_start_of_a_transaction_that_goes_on_merges_the_two(
    station: ChargePoint, words: Any, now: datetime, pending: Pending
) -> None:
    plugged_in = told(station, event(words, now, 0, "Started"), now).state
    outcome = told(
        plugged_in, event(words, now, 1, "Updated", remote=70, tag=TAG), now, new_ids=(91,), pending=pending
    )
    assert [one.id for one in of(c.SessionMerged, outcome)] == [70]
    (amended,) = of(c.SessionAmended, outcome)
    assert (amended.id, amended.authorization_id, amended.id_tag) == (90, 71, TAG)
    assert status_of(outcome) == "Accepted"
    session = outcome.state.sessions["tx"]
    assert (session.id, session.remote_start_id, session.asked) == (90, 70, True)


def test_a_late_first_event_merges_too(
    station: ChargePoint, words: Any, now: datetime, pending: Pending
) -> None:
    first = event(words, now, 0, "Started", remote=70, tag=TAG)
    running = told(station, event(words, now, 1, "Updated"), now).state
    outcome = told(running, first, now, pending=pending, history=stored(running.sessions["tx"], known=False))
    assert [one.id for one in of(c.SessionMerged, outcome)] == [70]
    assert status_of(outcome) == "Accepted"


def test_the_same_event_again_is_accepted_again(
    station: ChargePoint, words: Any, now: datetime, pending: Pending
) -> None:
    first = event(words, now, 0, "Started", remote=70, tag=TAG)
    outcome = told(station, first, now, pending=pending)
    again = told(outcome.state, first, now, history=stored(outcome.state.sessions["tx"], known=True))
    assert (status_of(again), again.changes) == ("Accepted", [])


def test_a_token_of_ours_without_a_session_is_unknown(
    station: ChargePoint, words: Any, now: datetime
) -> None:
    outcome = told(station, event(words, now, 0, "Started", remote=70, tag=TAG), now)
    assert status_of(outcome) == "Unknown"
    assert [one.id for one in of(c.SessionOpened, outcome)] == [90]


def test_a_2x_station_may_ask_whether_the_token_is_good(
    station: ChargePoint, words: Any, now: datetime, pending: Pending
) -> None:
    request = words.Authorize(id_token=words.IdToken(id_token=TAG, type="Central"))
    needs = authorize_v2x.authorize_needs_v2x()(station, request)
    pending_for = asked(needs, PendingFor)
    assert pending_for is not None
    assert pending_for.key.number == 70
    outcome = AUTHORIZE(station, request, facts_of(new_ids=(9,), pending=pending), now)
    assert status_of(outcome) == "Accepted"


def test_what_was_asked_for_may_come_back_as_another_type(
    station: ChargePoint, words: Any, now: datetime, pending: Pending
) -> None:
    asked = replace(pending, id_tag="CARD")
    contract = {"CARD": known("CARD", type="emaid")}
    request = event(words, now, 0, "Started", remote=70, tag="CARD")  # as Central
    assert status_of(told(station, request, now, pending=asked, tokens=contract)) == "Accepted"
    assert status_of(told(station, request, now, tokens=contract)) == "Unknown"
