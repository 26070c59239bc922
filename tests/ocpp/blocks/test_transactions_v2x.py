"""TransactionEvent, GetTransactionStatus and CostUpdated of OCPP 2.0.1 and 2.1: one handler for both."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain import changes as c
from engine.domain.lookups import NewIds, StoredEvents, TokensOf
from engine.domain.session import assign, events
from engine.domain.session.facts import RANKS, History, Stored
from engine.domain.state import ChargePoint, Metering, Policy, Price, Session, SessionStatus, Token
from engine.ocpp.blocks.tariffs import update_cost
from engine.ocpp.blocks.transactions import get_transaction_status, running_cost
from engine.ocpp.blocks.transactions import transaction_event as block
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Outcome, Refusal
from tests.answers import asked, facts_of

pytestmark = pytest.mark.proves("2.x", "TransactionEvent")

STEP = block.transaction_event_v2x()


@pytest.fixture(params=[v201, v21], ids=["ocpp2.0.1", "ocpp2.1"])
def words(request: pytest.FixtureRequest) -> ModuleType:
    """The messages of a version."""
    module: ModuleType = request.param
    return module


@pytest.fixture
def station(cp: ChargePoint, words: ModuleType) -> ChargePoint:
    return replace(cp, version="ocpp2.1" if words is v21 else "ocpp2.0.1")


def token(uid: str = "TAG", **more: Any) -> Token:
    values: dict[str, Any] = {
        "id": 5, "uid": uid, "group_id": None, "status": "enabled", "valid": True, "expires_at": None,
        "user_id": 3, "user_enabled": True, "max_active_sessions": None, "active_sessions": 0,
    }  # fmt: skip
    return Token(**{**values, **more})


def event(
    words: ModuleType,
    at: datetime,
    seq: int,
    kind: str = "Updated",
    *,
    info: dict[str, Any] | None = None,
    tag: str | None = None,
    register: float | None = None,
    **more: Any,
) -> Any:
    if tag is not None:
        more["id_token"] = words.IdToken(id_token=tag, type="ISO14443")
    if register is not None:
        sample = words.SampledValue(
            value=register, unit_of_measure=words.UnitOfMeasure(unit="kWh", multiplier=-3)
        )
        more["meter_value"] = [words.MeterValue(timestamp=at, sampled_value=[sample])]
    return words.TransactionEvent(
        **{"event_type": kind, "timestamp": at, "trigger_reason": "Trigger", "seq_no": seq, **more},
        transaction_info=words.Transaction(transaction_id="tx", **(info or {})),
    )


def begun(station: ChargePoint, words: ModuleType, now: datetime, **more: Any) -> Outcome:
    """After Started on EVSE 1, connector 2."""
    request = event(words, now, 0, "Started", evse=words.EVSE(id=1, connector_id=2), **more)
    return STEP(station, request, facts_of(new_ids=(7, 8), tokens={"TAG": token()}), now)


def of(kind: type[c.Change], outcome: Outcome) -> list[Any]:
    return [change for change in outcome.changes if type(change) is kind]


# --- one after the other -----------------------------------------------------------------------------------


def test_a_start_opens_a_session_and_judges_its_token(
    station: ChargePoint, words: ModuleType, now: datetime
) -> None:
    started = begun(
        station,
        words,
        now,
        tag="TAG",
        register=1_000,
        info={"remote_start_id": 9, "charging_state": "EVConnected"},
    )
    [opened] = of(c.SessionOpened, started)
    assert (opened.id, opened.transaction_id, opened.evse_number, opened.connector_number) == (7, "tx", 1, 2)
    assert (opened.id_tag, opened.id_tag_id, opened.user_id, opened.authorization_id) == ("TAG", 5, 3, 8)
    assert (opened.meter_start_wh, opened.remote_start_id, opened.charging_state) == (1_000, 9, "evConnected")
    assert (opened.review, opened.offline) == ((), False)
    [stored] = of(c.TransactionEventStored, started)
    assert (stored.seq_no, stored.event_type, stored.session_id) == (0, "Started", 7)
    assert msgspec.json.decode(stored.payload)["transactionInfo"]["transactionId"] == "tx"
    assert started.reply == words.TransactionEventResponse(id_token_info=words.IdTokenInfo(status="Accepted"))
    assert of(c.AuthorizationMade, started)[0].status == "accepted"
    [value] = [change for change in started.changes if isinstance(change, c.MeterValueAdded)]
    assert (value.session_id, value.evse_number) == (7, 1)


def test_the_next_event_needs_no_read(station: ChargePoint, words: ModuleType, now: datetime) -> None:
    state = begun(station, words, now, register=1_000).state
    request = event(words, now + timedelta(minutes=1), 1, register=1_100, info={"charging_state": "Charging"})
    assert not block.transaction_event_needs_v2x(state, request)
    outcome = STEP(state, request, Facts(), now)
    assert state.sessions["tx"].metering.energy_wh == 0
    assert outcome.state.sessions["tx"].metering.energy_wh == 100
    [measured] = of(c.MeterValueCounted, outcome)
    assert (measured.session_id, measured.energy_wh) == (7, 100)
    [period] = of(c.ChargingPeriodOpened, outcome)
    assert (period.charging_state, period.energy_wh) == ("charging", 100)
    assert outcome.reply == words.TransactionEventResponse()


def test_suspension_ends_the_charging_period(station: ChargePoint, words: ModuleType, now: datetime) -> None:
    state = begun(station, words, now, info={"charging_state": "Charging"}).state
    for seq, word in ((1, "SuspendedEV"), (2, "SuspendedEVSE"), (3, "Idle")):
        outcome = STEP(state, event(words, now, seq, info={"charging_state": word}), Facts(), now)
        state = outcome.state
        assert len(of(c.ChargingPeriodOpened, outcome)) == (seq == 1)
        assert state.sessions["tx"].charging is False
    assert state.sessions["tx"].charging_state == "idle"


def test_power_does_not_judge_what_the_charger_says(
    station: ChargePoint, words: ModuleType, now: datetime
) -> None:
    state = begun(station, words, now, info={"charging_state": "SuspendedEV"}).state
    at = now + timedelta(minutes=1)
    power = words.SampledValue(value=7_400.0, measurand="Power.Active.Import")
    request = replace(
        event(words, at, 1), meter_value=[words.MeterValue(timestamp=at, sampled_value=[power])]
    )
    assert STEP(state, request, Facts(), now).state.sessions["tx"].charging is False


def test_the_end_closes_by_the_last_register(station: ChargePoint, words: ModuleType, now: datetime) -> None:
    state = begun(station, words, now, tag="TAG", register=1_000).state
    stopping = event(words, now + timedelta(minutes=1), 1, tag="OTHER", trigger_reason="StopAuthorized")
    needs = block.transaction_event_needs_v2x(state, stopping)
    assert (asked(needs, TokensOf), asked(needs, StoredEvents)) == (TokensOf(("OTHER",)), None)
    state = STEP(state, stopping, facts_of(new_ids=(9,)), now).state
    assert state.sessions["tx"].id_tag == "TAG"
    hour, info = now + timedelta(hours=1), {"stopped_reason": "SOCLimitReached"}
    ended = event(words, hour, 2, "Ended", register=6_000, info=info)
    outcome = STEP(state, ended, Facts(), hour)
    [closed] = of(c.SessionClosed, outcome)
    assert (closed.reason, closed.energy_wh, closed.meter_stop_wh) == ("soc_limit_reached", 5_000, 6_000)
    assert (closed.stopped_at, closed.stop_id_tag, closed.review) == (hour, "OTHER", ())
    assert outcome.state.sessions == {}


@pytest.mark.parametrize("cable_first", [True, False])
def test_a_payment_that_the_station_took_starts_a_transaction(
    station: ChargePoint, now: datetime, cable_first: bool
) -> None:
    """2.1 C18: accepted without a look-up, with the money's reference as the session's tag."""
    settings = replace(station.settings, takes_payments=True)
    station = replace(station, version="ocpp2.1", settings=settings)
    if cable_first:
        station = begun(station, v21, now).state
    paid = replace(
        event(
            v21, now, 1 if cable_first else 0, "Updated" if cable_first else "Started", evse=v21.EVSE(id=1)
        ),
        id_token=v21.IdToken(id_token="PSP-1", type="DirectPayment"),
        trigger_reason="Authorized",
    )
    needs = block.transaction_event_needs_v2x(station, paid)
    assert asked(needs, TokensOf) == TokensOf(())
    assert asked(needs, NewIds) == NewIds(1, session=not cable_first)
    outcome = STEP(station, paid, facts_of(new_ids=(17,) if cable_first else (17, 18)), now)
    assert outcome.reply.id_token_info.status == "Accepted"  # type: ignore[union-attr] # an answer
    [row] = of(c.AuthorizationMade, outcome)
    assert (row.method, row.status) == ("payment_terminal", "accepted")
    assert outcome.state.sessions["tx"].id_tag == "PSP-1"


def test_a_reason_that_is_left_out_is_local(station: ChargePoint, words: ModuleType, now: datetime) -> None:
    outcome = STEP(begun(station, words, now).state, event(words, now, 1, "Ended"), Facts(), now)
    [closed] = of(c.SessionClosed, outcome)
    assert (closed.reason, closed.energy_wh, closed.meter_stop_wh) == ("local", 0, None)


def test_a_token_may_come_late(station: ChargePoint, words: ModuleType, now: datetime) -> None:
    state = begun(station, words, now).state
    request = event(words, now, 1, tag="TAG", trigger_reason="Authorized")
    needs = block.transaction_event_needs_v2x(state, request)
    assert needs
    assert asked(needs, StoredEvents) is None
    outcome = STEP(state, request, facts_of(new_ids=(9,), tokens={"TAG": token(group_id="G")}), now)
    [amended] = of(c.SessionAmended, outcome)
    assert (amended.id_tag, amended.tag_told, amended.id_tag_id, amended.authorization_id) == (
        "TAG",
        True,
        5,
        9,
    )
    assert outcome.state.sessions["tx"].parent_id_tag == "G"
    again = STEP(outcome.state, event(words, now, 2, tag="TAG"), facts_of(new_ids=(10,)), now)
    assert of(c.SessionAmended, again) == []


def test_an_evse_may_come_late_and_shows_what_is_over(
    station: ChargePoint, words: ModuleType, now: datetime
) -> None:
    state = begun(station, words, now).state
    other = replace(event(words, now, 0, "Started"), transaction_info=words.Transaction(transaction_id="b"))
    state = STEP(state, other, facts_of(new_ids=(9, 10)), now).state
    assert set(state.sessions) == {"tx", "b"}
    placed = replace(other, event_type="Updated", seq_no=1, evse=words.EVSE(id=1))
    outcome = STEP(state, placed, Facts(), now)
    [closed] = of(c.SessionClosed, outcome)
    assert (closed.id, closed.review) == (7, ("missing_stop",))
    assert set(outcome.state.sessions) == {"b"}


# --- out of order ------------------------------------------------------------------------------------------


def stored_of(session: Session, *outcomes: Outcome) -> Stored:
    """As the database tells it."""
    events = [stored for o in outcomes for stored in of(c.TransactionEventStored, o)]
    ends = [e for e in events if e.event_type == "Ended"]
    return Stored(
        session=session,
        count=len(events),
        newest=max((e.seq_no, e.timestamp, RANKS[e.event_type], e.content) for e in events),
        newest_at=max(e.timestamp for e in events),
        started_at=min((e.timestamp for e in events if e.event_type == "Started"), default=None),
        ended_at=max((e.timestamp for e in ends), default=None),
        ended_seq=max((e.seq_no for e in ends), default=None),
        events=[(e.payload, e.content) for e in events],
    )


def test_an_event_told_again_changes_nothing(station: ChargePoint, words: ModuleType, now: datetime) -> None:
    first = begun(station, words, now, tag="TAG")
    request = event(words, now, 0, "Started", tag="TAG", evse=words.EVSE(id=1, connector_id=2))
    needs = block.transaction_event_needs_v2x(first.state, request)
    events = asked(needs, StoredEvents)
    assert events is not None
    assert (events.key.transaction_id, events.key.session_id) == ("tx", None)
    history = History(known=True, sessions=[stored_of(first.state.sessions["tx"], first)])
    facts = facts_of(history=history, tokens={"TAG": token(max_active_sessions=1, active_sessions=1)})
    again = STEP(first.state, request, facts, now)
    assert (again.state, list(again.changes)) == (first.state, [])
    assert again.reply == first.reply  # its own session does not count against its limit


def test_a_missing_start_holds_billing_until_it_comes(
    station: ChargePoint, words: ModuleType, now: datetime
) -> None:
    at = now + timedelta(minutes=5)
    first = STEP(station, event(words, at, 1, register=1_500), facts_of(new_ids=(7, 8)), at)
    assert of(c.SessionOpened, first)[0].review == ("missing_start",)
    late = event(words, now, 0, "Started", register=1_000, evse=words.EVSE(id=1), offline=True)
    outcome = STEP(first.state, late, history_of(first, session=first.state.sessions["tx"]), at)
    [amended], [reviewed] = of(c.SessionAmended, outcome), of(c.SessionReviewed, outcome)
    assert (amended.started_at, amended.meter_start_wh, amended.evse_number) == (now, 1_000, 1)
    assert not reviewed.review
    session = outcome.state.sessions["tx"]
    assert (session.metering.energy_wh, session.started_at) == (500, now)


def history_of(*outcomes: Outcome, session: Session) -> Facts:
    return facts_of(history=History(sessions=[stored_of(session, *outcomes)]), new_ids=(9, 10))


def closed_session(now: datetime, outcome: Outcome) -> Session:
    """As the database tells it."""
    [closed] = of(c.SessionClosed, outcome)
    return Session(
        id=closed.id, transaction_id="tx", evse_number=1, connector_number=2, status=SessionStatus.FINISHED,
        started_at=now, meter_start_wh=1_000, metering=Metering(energy_wh=closed.energy_wh),
        stopped_at=closed.stopped_at, meter_stop_wh=closed.meter_stop_wh, review=closed.review,
    )  # fmt: skip


def test_a_late_event_that_changes_a_bill_holds_it(
    station: ChargePoint, words: ModuleType, now: datetime
) -> None:
    first = begun(station, words, now)
    second = STEP(first.state, event(words, now + timedelta(seconds=8), 2, register=1_000), Facts(), now)
    hour = now + timedelta(hours=1)
    ended = STEP(second.state, event(words, hour, 9, "Ended", register=6_000), Facts(), hour)
    known = history_of(first, second, ended, session=closed_session(now, ended))
    # A register from before the one that was taken for that of the beginning.
    late = event(words, now + timedelta(seconds=2), 1, register=500)
    corrected = STEP(ended.state, late, known, hour)
    [closed] = of(c.SessionClosed, corrected)
    assert (closed.energy_wh, closed.review) == (5_500, ("late_event",))
    for harmless in (
        event(words, now + timedelta(minutes=5), 5, register=2_000),
        event(words, hour + timedelta(minutes=1), 10, register=6_500),  # what was after the end is no matter
    ):
        outcome = STEP(ended.state, harmless, known, hour)
        assert of(c.SessionClosed, outcome) == []
        assert len(of(c.MeterValueAdded, outcome)) == 1


def test_a_history_that_is_too_long_is_not_folded(
    station: ChargePoint, words: ModuleType, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("MAX_HISTORY", "MAX_RUNNING"):
        monkeypatch.setattr(assign, limit, 1)
    monkeypatch.setattr(events, "MAX_HISTORY", 1)
    first = begun(station, words, now, register=1_000)
    minute = now + timedelta(minutes=1)
    second = STEP(first.state, event(words, minute, 2, register=1_100), Facts(), minute)
    loaded = replace(second.state.sessions["tx"], position=None, told_at=None)
    state = replace(first.state, sessions={"tx": loaded})
    known = history_of(first, second, session=loaded)
    later = now + timedelta(minutes=2)
    # Behind all others it needs no history.
    outcome = STEP(state, event(words, later, 3, register=1_200), known, later)
    assert of(c.SessionReviewed, outcome) == []
    assert outcome.state.sessions["tx"].metering.energy_wh == 200
    ended = STEP(state, event(words, later, 3, "Ended", register=1_200), known, later)
    assert [(o.energy_wh, o.review) for o in of(c.SessionClosed, ended)] == [(200, ())]
    # Before others it counts as if it were the newest.
    outcome = STEP(state, event(words, later, 1, register=1_300), known, later)
    assert [r.review for r in of(c.SessionReviewed, outcome)] == [("long_history",)]
    assert outcome.state.sessions["tx"].metering.energy_wh == 300
    following = event(words, later, 3)
    assert not block.transaction_event_needs_v2x(outcome.state, following)


# --- answers -----------------------------------------------------------------------------------------------


def test_a_limit_of_sessions_counts_others_alone(
    station: ChargePoint, words: ModuleType, now: datetime
) -> None:
    known = facts_of(new_ids=(7, 8), tokens={"TAG": token(max_active_sessions=1, active_sessions=1)})
    request = event(words, now, 0, "Started", tag="TAG", evse=words.EVSE(id=1))
    outcome = STEP(station, request, known, now)
    assert outcome.reply == words.TransactionEventResponse(
        id_token_info=words.IdTokenInfo(status="ConcurrentTx")
    )
    assert len(of(c.SessionOpened, outcome)) == 1  # what happened is recorded


def test_a_master_pass_starts_nothing(station: ChargePoint, words: ModuleType, now: datetime) -> None:
    station = replace(station, settings=replace(station.settings, master_pass_group="POLICE"))
    facts = facts_of(new_ids=(7, 8), tokens={"TAG": token(group_id="POLICE")})
    request = event(words, now, 0, "Started", tag="TAG")
    reply = STEP(station, request, facts, now).reply
    assert reply.id_token_info.status == "Invalid"  # type: ignore[union-attr]  # the reply is of either version


def test_costs_are_told_where_somebody_rates(station: ChargePoint, words: ModuleType, now: datetime) -> None:
    def costs(cp: ChargePoint, session: Session, at: datetime) -> running_cost.Cost:
        return running_cost.Cost(total=Decimal("1.25"), message=f"{session.metering.energy_wh} Wh")

    step = block.transaction_event_v2x(costs)
    outcome = step(station, event(words, now, 0, "Started"), facts_of(new_ids=(7, 8)), now)
    assert outcome.reply == words.TransactionEventResponse(
        total_cost=1.25, updated_personal_message=words.MessageContent(format="UTF8", content="0 Wh")
    )


PRICE = Price(
    currency="EUR", per_session=Decimal("0.30"), per_kwh=Decimal("0.50"), per_minute=Decimal("0.06")
)


def priced(
    station: ChargePoint, words: ModuleType, now: datetime, price: Price | None, *, running: bool
) -> list[Outcome]:
    """The answers to a start, 1.2 kWh after ten minutes, and the end after twenty at 3 kWh."""
    state = replace(station, settings=replace(station.settings, tell_running_cost=running))
    outcomes = []
    told = (("Started", 0, 1_000.0, 0), ("Updated", 600, 2_200.0, 1), ("Ended", 1_200, 4_000.0, 2))
    for kind, second, wh, number in told:
        at = now + timedelta(seconds=second)
        request = event(words, at, number, kind, register=wh, evse=words.EVSE(id=1))
        facts = facts_of(new_ids=(7, 8), price=price if number == 0 else None)
        outcomes.append(STEP(state, request, facts, at))
        state = outcomes[-1].state
    return outcomes


@pytest.mark.parametrize(
    ("running", "costs"), [(True, [0.30, 0.30 + 0.60 + 0.60, 3.0]), (False, [UNSET, UNSET, 3.0])]
)
def test_the_final_cost_is_told_and_the_running_one_where_it_is_wanted(
    station: ChargePoint, words: ModuleType, now: datetime, *, running: bool, costs: list[Any]
) -> None:
    """2.0.1 I02, I03."""
    replies: list[Any] = [outcome.reply for outcome in priced(station, words, now, PRICE, running=running)]
    assert [reply.total_cost for reply in replies] == costs
    price = words.MessageContent(format="UTF8", content="0.30 EUR + 0.50 EUR/kWh + 0.06 EUR/min")
    assert [reply.updated_personal_message for reply in replies] == [
        price if running else UNSET, price if running else UNSET, UNSET,
    ]  # fmt: skip


@pytest.mark.parametrize("running", [True, False])
def test_without_a_price_nothing_is_said_of_costs(
    station: ChargePoint, words: ModuleType, now: datetime, *, running: bool
) -> None:
    for outcome in priced(station, words, now, None, running=running):
        assert outcome.reply == words.TransactionEventResponse()
    free = priced(station, words, now, Price(currency="EUR"), running=False)[-1]
    assert free.reply == words.TransactionEventResponse(total_cost=0.0)  # absent would mean: not free


def test_the_cost_of_what_is_held_for_review_is_not_told(
    station: ChargePoint, words: ModuleType, now: datetime
) -> None:
    session = replace(begun(station, words, now).state.sessions["tx"], price=PRICE)
    delivered = Metering(energy_wh=1)
    over = replace(session, status=SessionStatus.FINISHED, stopped_at=now, metering=delivered)
    assert running_cost.cost_so_far(station, over, now) == running_cost.Cost(total=Decimal("0.30"))
    assert running_cost.cost_so_far(station, replace(over, review=("meter_reset",)), now) is None


def test_a_price_outlives_events_out_of_order(station: ChargePoint, words: ModuleType, now: datetime) -> None:
    start = event(words, now, 0, "Started")
    state = STEP(station, start, facts_of(new_ids=(7, 8), price=PRICE), now).state
    assert state.sessions["tx"].price == PRICE
    other = replace(PRICE, per_kwh=Decimal(9))  # set since: it is for sessions that begin now
    state = STEP(state, event(words, now, 1), facts_of(new_ids=(9,), price=other), now).state
    assert state.sessions["tx"].price == PRICE


# --- after a reconnect -------------------------------------------------------------------------------------


def test_what_was_open_is_asked_about(station: ChargePoint, words: ModuleType, now: datetime) -> None:
    ask = (
        get_transaction_status.ask_open_transactions_v21
        if words is v21
        else get_transaction_status.ask_open_transactions_v201
    )
    state = begun(station, words, now).state
    assert ask(state) == []  # it was told of on this connection
    loaded = replace(state, sessions={"tx": replace(state.sessions["tx"], position=None)})
    assert ask(loaded) == [words.GetTransactionStatus(transaction_id="tx")]
    silent = replace(loaded.settings, ask_transactions_after_connect=False)
    assert ask(replace(loaded, settings=silent)) == []


@pytest.mark.proves("2.x", "GetTransactionStatus")
@pytest.mark.parametrize(
    ("ongoing", "queued", "closes"),
    [(False, False, True), (False, True, False), (True, False, False), (UNSET, False, False)],
)
def test_a_transaction_that_is_over_without_an_end_is_closed(
    station: ChargePoint, words: ModuleType, now: datetime, *, ongoing: Any, queued: bool, closes: bool
) -> None:
    state = begun(station, words, now).state
    response = words.GetTransactionStatusResponse(ongoing_indicator=ongoing, messages_in_queue=queued)
    request = words.GetTransactionStatus(transaction_id="tx")
    outcome = get_transaction_status.get_transaction_status_answered_v2x(state, request, response, now)
    assert [(o.review, o.reason) for o in of(c.SessionClosed, outcome)] == [
        (("not_ongoing",), "other")
    ] * closes
    assert ("tx" in outcome.state.sessions) is not closes


@pytest.mark.proves("2.x", "CostUpdated")
def test_costs_are_sent_to_running_transactions_alone(
    station: ChargePoint, words: ModuleType, now: datetime
) -> None:
    request = words.CostUpdated(total_cost=1.5, transaction_id="tx")
    assert update_cost.check_cost_updated_v2x(request, begun(station, words, now).state, now) == []
    assert update_cost.check_cost_updated_v2x(request, station, now) != []


# --- what cannot be true -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, -1])
def test_an_evse_that_cannot_be_is_not_known(
    station: ChargePoint, words: ModuleType, now: datetime, number: int
) -> None:
    request = event(words, now, 0, "Started", evse=words.EVSE(id=number, connector_id=2))
    [opened] = of(c.SessionOpened, STEP(station, request, facts_of(new_ids=(7, 8)), now))
    assert (opened.evse_number, opened.connector_number) == (0, 1)
    strict = replace(station, settings=replace(station.settings, policy=Policy.STRICT))
    outcome = STEP(strict, request, facts_of(new_ids=(7, 8)), now)
    assert isinstance(outcome.reply, Refusal)
    assert outcome.reply.code == "PropertyConstraintViolation"


def test_a_transaction_without_an_id_is_kept_unless_the_policy_is_strict(
    station: ChargePoint, words: ModuleType, now: datetime
) -> None:
    request = replace(event(words, now, 0, "Started"), transaction_info=words.Transaction(transaction_id=""))
    assert len(of(c.SessionOpened, STEP(station, request, facts_of(new_ids=(7, 8)), now))) == 1
    strict = replace(station, settings=replace(station.settings, policy=Policy.STRICT))
    outcome = STEP(strict, request, facts_of(new_ids=(7, 8)), now)
    assert isinstance(outcome.reply, Refusal)
    assert outcome.changes == ()
