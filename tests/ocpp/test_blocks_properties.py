"""Whatever valid message comes in whatever state: a handler gives a valid answer, and never raises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from engine.domain.changes import Change
from engine.domain.lookups import Lookup, NewIds, SessionOfStart, SessionOfTransaction, TokensOf
from engine.domain.state import (
    ChargePoint,
    Connector,
    InstalledProfile,
    Metering,
    Orphan,
    Registration,
    Report,
    Reservation,
    Session,
    SessionStatus,
    StationSettings,
    Token,
)
from engine.ocpp import rpc
from engine.ocpp.messages import CustomData, decode_hook, v16
from engine.ocpp.step import Command, Facts, Handler, Message, Needs, Outcome
from engine.ocpp.v16 import PROTOCOL
from engine.ocpp.versions import PROTOCOLS
from tests.answers import asked, facts_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SETTINGS = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEWER = settings(SETTINGS, max_examples=6)

# Few values, so that messages and states meet: the same connectors, tags, transactions and moments.
NUMBERS = st.sampled_from([0, 1, 2, 7, 8, -1, 2**31 - 1, -(2**31)])
TEXTS = st.sampled_from(["", "TAG", "tag", "7", "Ω", "\x00", " 12,5 ", "NaN", "1e999"])
MOMENTS = st.one_of(
    st.integers(-7_200, 7_200).map(lambda s: NOW + timedelta(seconds=s)),
    st.sampled_from([datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]),
    st.datetimes(timezones=st.just(UTC)),
)


# --- valid messages ----------------------------------------------------------------------------------------


@cache
def messages_of(kind: type[Message]) -> st.SearchStrategy[Any]:
    """Any valid instance of a payload type, made from its members' types."""
    return _of(inspect.type_info(kind))


def _number(info: Any) -> st.SearchStrategy[int]:
    least, most = info.ge, info.le
    return NUMBERS.filter(lambda n: (least is None or n >= least) and (most is None or n <= most))


def _fraction(info: Any) -> st.SearchStrategy[float]:
    least, most = info.ge, info.le
    some = st.sampled_from([0.0, -0.5, 16.0, 11_000.0, -1e9, 1e300])
    return some.filter(lambda n: (least is None or n >= least) and (most is None or n <= most))


def _of(info: inspect.Type) -> st.SearchStrategy[Any]:
    make = MAKERS.get(type(info))
    if make is None:
        raise NotImplementedError(f"no values known for {info}")
    return make(info)


def _text(info: Any) -> st.SearchStrategy[str]:
    most = info.max_length or 200
    made = st.text(st.characters(exclude_categories=["Cs"]), max_size=min(most, 30))
    return st.one_of(TEXTS.filter(lambda text: len(text) <= most), made, st.just("x" * most))


def _list(info: Any) -> st.SearchStrategy[list[Any]]:
    least = info.min_length or 0
    most = min(info.max_length or 3, 3)
    return st.lists(_of(info.item_type), min_size=least, max_size=max(least, most))


def _struct(info: Any) -> st.SearchStrategy[Any]:
    required = {field.name: _of(field.type) for field in info.fields if field.required}
    optional = {field.name: _of(field.type) for field in info.fields if not field.required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda members: info.cls(**members))


MAKERS: dict[type[inspect.Type], Callable[[Any], st.SearchStrategy[Any]]] = {
    inspect.AnyType: lambda info: st.sampled_from(["text", 1, None, {"a": [True]}]),
    inspect.CustomType: lambda info: st.builds(CustomData, st.just({"vendorId": "Acme", "extra": 1})),
    inspect.FloatType: _fraction,
    inspect.IntType: _number,
    inspect.StrType: _text,
    inspect.BoolType: lambda info: st.booleans(),
    inspect.DateTimeType: lambda info: MOMENTS,
    inspect.DecimalType: lambda info: st.integers(-10, 5_000).map(lambda tenths: Decimal(tenths) / 10),
    inspect.LiteralType: lambda info: st.sampled_from(info.values),
    inspect.ListType: _list,
    inspect.StructType: _struct,
    inspect.Metadata: lambda info: _of(info.type),
    inspect.UnionType: lambda info: st.one_of(*(_of(one) for one in info.types)),
}


# --- believable states and facts ---------------------------------------------------------------------------

RECENT = st.integers(-7_200, 600).map(lambda s: NOW + timedelta(seconds=s))
METERINGS = st.builds(
    Metering,
    energy_wh=st.integers(0, 100_000),
    register_wh=st.none() | st.integers(0, 10**9),
    register_at=st.none() | RECENT,
    last_sample_at=st.none() | RECENT,
)
TOKENS = st.builds(
    Token,
    id=NUMBERS,
    uid=st.sampled_from(["TAG", "tag"]),
    group_id=st.none() | st.sampled_from(["FLEET", "G" * 36]),
    status=st.sampled_from(["enabled", "disabled", "suspended"]),
    valid=st.booleans(),
    expires_at=st.none() | MOMENTS,
    user_id=st.none() | st.integers(1, 9),
    user_enabled=st.booleans(),
    max_active_sessions=st.none() | st.integers(0, 3),
    active_sessions=st.integers(0, 3),
)


@st.composite
def sessions(draw: st.DrawFn, *, closed: bool = False) -> Session:
    number = draw(st.sampled_from([1, 2, 7, 8]))
    started = draw(RECENT)
    stopped = draw(st.integers(0, 7_200)) if closed else None
    return Session(
        id=number,
        transaction_id=str(number),
        evse_number=draw(st.sampled_from([1, 2])),
        connector_number=1,
        status=SessionStatus.FINISHED if closed else SessionStatus.ACTIVE,
        started_at=started,
        id_tag=draw(st.none() | st.sampled_from(["TAG", "tag", "OTHER"])),
        meter_start_wh=draw(st.integers(0, 10**6)),
        stopped_at=None if stopped is None else started + timedelta(seconds=stopped),
        meter_stop_wh=draw(st.none() | st.integers(0, 10**7)) if closed else None,
        reservation_id=draw(st.none() | st.sampled_from([1, 2])),
        metering=draw(METERINGS),
        charging=draw(st.none() | st.booleans()),
        rebooted_at=draw(st.none() | RECENT),
    )


@st.composite
def orphans(draw: st.DrawFn) -> Orphan:
    stop = v16.StopTransaction(
        meter_stop=draw(st.integers(0, 10**7)),
        timestamp=draw(RECENT),
        transaction_id=draw(st.sampled_from([-1, 0, 7, 8])),
        id_tag=draw(st.just("TAG")) if draw(st.booleans()) else msgspec.UNSET,
    )
    return Orphan(
        id=draw(st.integers(1, 99)),
        action="StopTransaction",
        transaction_id=str(stop.transaction_id),
        connector_number=None,
        id_tag=stop.id_tag or None,
        meter_wh=stop.meter_stop,
        timestamp=stop.timestamp,
        reason=None,
        payload=rpc.ENCODER.encode(stop),
    )


RESERVATIONS = st.builds(
    Reservation,
    id=st.sampled_from([1, 2, 7]),
    connector_number=st.sampled_from([0, 1, 2]),
    id_tag=st.just("TAG"),
    parent_id_tag=st.none(),
    expiry_date=RECENT,
)
PROFILES = st.builds(
    InstalledProfile,
    evse_number=st.sampled_from([0, 1, 2]),
    profile_id=st.sampled_from([0, 1, 2]),
    purpose=st.sampled_from(["ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"]),
    stack_level=st.sampled_from([0, 1]),
    transaction_id=st.none() | st.sampled_from(["7", "8"]),
    profile=st.just(b"{}"),
)


REPORTS = st.builds(
    Report,
    request_id=st.sampled_from([0, 1, 2]),
    started_at=RECENT,
    full=st.booleans(),
    seen=st.frozensets(st.sampled_from([0, 1, 2])),
    last=st.none() | st.sampled_from([0, 1, 2]),
)


@st.composite
def charge_points(draw: st.DrawFn, version: str = "ocpp1.6") -> ChargePoint:
    open_sessions = draw(st.lists(sessions(), max_size=2, unique_by=lambda s: (s.id, s.evse_number)))
    return ChargePoint(
        id=12,
        identity="CP-12",
        operator_id=1,
        version=version,
        settings=draw(
            st.builds(
                StationSettings,
                read_configuration_after_boot=st.booleans(),
                trigger_status_after_boot=st.booleans(),
                auto_start_without_authorization=st.booleans(),
            )
        ),
        registration=Registration.ACCEPTED,  # others get no further than `blocks.before_boot`
        booted=True,
        local_list_version=draw(st.none() | NUMBERS),
        connectors=draw(
            st.dictionaries(
                st.sampled_from([(0, 0), (1, 1), (2, 1)]),
                st.builds(
                    Connector, status=st.sampled_from(["available", "charging"]), at=st.none() | RECENT
                ),
            )
        ),
        sessions={session.transaction_id: session for session in open_sessions},
        orphans=tuple(draw(st.lists(orphans(), max_size=2, unique_by=lambda orphan: orphan.id))),
        reservations={r.id: r for r in draw(st.lists(RESERVATIONS, max_size=2))},
        charging_profiles=tuple(draw(st.lists(PROFILES, max_size=3))),
        items_per_message=draw(st.sampled_from([{}, {"SetVariables": 1, "SendLocalList": 1}])),
        bytes_per_message=draw(st.sampled_from([{}, {"SetVariables": 90, "SendLocalList": 90}])),
        reports={("NotifyReport", r.request_id): r for r in draw(st.lists(REPORTS, max_size=2))},
    )


def facts_for(data: st.DataObject, needs: Needs) -> Facts:
    """What the store might answer: every tag known or not, the session found or not, the ids asked for."""
    answers: dict[type[Lookup[Any]], Any] = {}
    for one in needs:
        match one:
            case TokensOf(id_tags=id_tags) if id_tags:
                answers[TokensOf] = data.draw(st.dictionaries(st.sampled_from(id_tags), TOKENS))
            case SessionOfStart() | SessionOfTransaction():
                answers[type(one)] = data.draw(st.none() | sessions() | sessions(closed=True))
            case NewIds():
                answers[NewIds] = numbers(one, 1_000)
    return Facts(answers)


def numbers(wanted: NewIds | None, first: int) -> tuple[int, ...]:
    return () if wanted is None else tuple(range(first, first + wanted.rows + wanted.session))


# --- properties --------------------------------------------------------------------------------------------


def check_outcome(cp: ChargePoint, outcome: Outcome) -> None:
    """Its calls are such as may go to a charge point of that version."""
    protocol = PROTOCOLS[cp.version]
    assert isinstance(outcome.state, ChargePoint)
    assert (outcome.state.id, outcome.state.identity) == (cp.id, cp.identity)
    assert all(isinstance(change, Change) for change in outcome.changes)
    for call in outcome.calls:
        assert type(call) in {command.request for command in protocol.outbound.values()}


def check_valid(message: Any, kind: type[Message]) -> None:
    """It is of its type, and what is sent of it is valid to the letter of the schema."""
    assert type(message) is kind
    sent = rpc.ENCODER.encode(message)
    assert msgspec.json.decode(sent, type=kind, dec_hook=decode_hook) == message


@pytest.mark.parametrize(
    ("version", "handler"),
    [
        pytest.param(name, handler, id=f"{name}-{action}")
        for name, protocol in PROTOCOLS.items()
        for action, handler in protocol.inbound.items()
    ],
)
@given(data=st.data())
@SETTINGS
def test_every_valid_request_is_answered(version: str, handler: Handler, data: st.DataObject) -> None:
    cp = data.draw(charge_points(version))
    request = data.draw(messages_of(handler.request))
    check_valid(request, handler.request)
    needs = handler.needs(cp, request) if handler.needs is not None else ()
    facts = facts_for(data, needs)
    outcome = handler.step(cp, request, facts, NOW)
    check_valid(outcome.reply, handler.response)
    check_outcome(cp, outcome)
    assert handler.step(cp, request, facts, NOW) == outcome  # nothing but the arguments decides


@pytest.mark.parametrize(
    ("version", "command"),
    [
        pytest.param(name, command, id=f"{name}-{action}")
        for name, protocol in PROTOCOLS.items()
        for action, command in protocol.outbound.items()
        if command.check or command.answered
    ],
)
@given(data=st.data())
@FEWER
def test_every_valid_answer_is_folded(version: str, command: Command, data: st.DataObject) -> None:
    cp = data.draw(charge_points(version))
    request = data.draw(messages_of(command.request))
    if command.check is not None:
        reasons = command.check(request, cp, NOW)
        assert all(isinstance(reason, str) and reason for reason in reasons)
    if command.answered is not None:
        outcome = command.answered(cp, request, data.draw(messages_of(command.response)), NOW)
        assert outcome.reply is None
        check_outcome(cp, outcome)


@given(state=charge_points(), data=st.data())
@SETTINGS
def test_any_conversation_keeps_one_session_per_evse(state: ChargePoint, data: st.DataObject) -> None:
    state = msgspec.structs.replace(
        state, sessions={}, orphans=(), registration=Registration.ACCEPTED, booted=True
    )
    for step in range(data.draw(st.integers(1, 8))):
        action = data.draw(
            st.sampled_from(
                [
                    "BootNotification",
                    "StatusNotification",
                    "StartTransaction",
                    "StopTransaction",
                    "MeterValues",
                ]
            )
        )
        handler = PROTOCOL.inbound[action]
        request = data.draw(messages_of(handler.request))
        needs = handler.needs(state, request) if handler.needs is not None else ()
        new_ids = numbers(asked(needs, NewIds), 1_000 * (step + 1))
        state = handler.step(state, request, facts_of(new_ids=new_ids), NOW + timedelta(seconds=step)).state
        evses = [session.evse_number for session in state.sessions.values()]
        assert len(evses) == len(set(evses))
        assert all(key == session.transaction_id for key, session in state.sessions.items())
        assert all(session.metering.energy_wh >= 0 for session in state.sessions.values())


def test_the_generator_makes_every_member_of_a_message() -> None:
    seen: set[str] = set()

    @given(messages_of(v16.StatusNotification))
    @settings(max_examples=50, deadline=None, database=None)
    def collect(message: v16.StatusNotification) -> None:
        seen.update(msgspec.to_builtins(message))

    collect()
    assert seen == set(v16.StatusNotification.__struct_encode_fields__)
