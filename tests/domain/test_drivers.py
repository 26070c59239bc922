"""A remote start of OCPP 2.x belongs to who asked for it, whatever its station tells, and in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain import changes as c
from engine.domain.starting import Pending
from engine.domain.state import Session, SessionStatus
from engine.ocpp import v21 as v21_protocol
from engine.ocpp import v201 as v201_protocol
from engine.ocpp.messages import v21, v201
from tests.domain.simulated_store import Store, station, token

BEGINNING = datetime(2026, 3, 1, 8, tzinfo=UTC)
ASKED = Pending(
    id=3161,
    operator_id=1,
    charge_point_id=1,
    evse_number=0,
    id_tag="TAG1",
    authorization_id=3162,
    asked_at=BEGINNING - timedelta(seconds=20),
    expires_at=BEGINNING + timedelta(minutes=5),
    id_tag_id=7,
    user_id=8,
    group_id="G",
)
MODULES = {"ocpp2.0.1": (v201_protocol, v201), "ocpp2.1": (v21_protocol, v21)}


def events(
    words: Any, *, cable_first: bool, tag: str | None, named_again: bool = False, count: int = 4
) -> list[Any]:
    """Of one transaction: its remote start is named by the first event, or by the second one."""
    made = []
    for n in range(count):
        naming = n == cable_first or (named_again and n > cable_first)
        brought = tag is not None and n == cable_first
        made.append(
            words.TransactionEvent(
                event_type="Started" if n == 0 else "Ended" if n == count - 1 else "Updated",
                timestamp=BEGINNING + timedelta(minutes=n),
                trigger_reason="RemoteStart" if naming else "CablePluggedIn",
                seq_no=n,
                transaction_info=words.Transaction(
                    transaction_id="tx",
                    charging_state="Charging" if n % 2 else "EVConnected",
                    remote_start_id=ASKED.id if naming else UNSET,
                ),
                evse=words.EVSE(id=1, connector_id=1),
                id_token=words.IdToken(id_token=tag, type="Central") if brought else UNSET,
            )
        )
    return made


def asked(version: str, pending: Pending = ASKED) -> Store:
    store = Store(station(version), {"TAG1": token("TAG1"), "OTHER": token("OTHER", id=9)})
    store.pending[pending.id] = pending
    return store


def told(store: Store, request: Any, now: datetime | None = None) -> Any:
    handler = MODULES[store.cp.version][0].PROTOCOL.inbound["TransactionEvent"]
    return store.handle(handler, request, now or request.timestamp)


def owner(store: Store) -> tuple[Any, ...]:
    [row] = store.sessions.values()
    return tuple(row[name] for name in ("id_tag", "id_tag_id", "user_id", "authorization_id", "waived"))


@pytest.mark.parametrize("version", MODULES)
@pytest.mark.parametrize("cable_first", [False, True])
@pytest.mark.parametrize("tag", [None, "TAG1"])
def test_a_remote_start_keeps_its_driver(version: str, tag: str | None, *, cable_first: bool) -> None:
    store = asked(version)
    for n, one in enumerate(events(MODULES[version][1], cable_first=cable_first, tag=tag)):
        told(store, one)
        if n >= cable_first:
            assert owner(store) == ("TAG1", 7, 8, 3162, None)
    assert not store.pending
    assert not store.authorizations  # the remote start has its own
    assert [row["id"] == ASKED.id for row in store.sessions.values()] == [not cable_first]
    news = [change for change in store.log if isinstance(change, c.EventPublished)]
    assert b'"idTag":"TAG1"' in news[-1].payload
    assert [one.type for one in news].count("SessionUpdateNotification") == cable_first


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(MODULES)),
    st.booleans(),
    st.booleans(),
    st.sampled_from((None, "TAG1")),
    st.data(),
)
def test_in_any_order_and_over_reconnects(
    version: str, cable_first: bool, again: bool, tag: str | None, data: st.DataObject
) -> None:
    store = asked(version)
    all_ = events(MODULES[version][1], cable_first=cable_first, tag=tag, named_again=again)
    repeated = [one for one in all_ for _ in range(data.draw(st.integers(1, 2)))]
    for one in data.draw(st.permutations(repeated)):
        if data.draw(st.integers(0, 3)) == 0:
            store.reconnect()
        told(store, one, BEGINNING + timedelta(hours=1))
    assert owner(store) == ("TAG1", 7, 8, 3162, None)
    assert not store.authorizations


@pytest.mark.parametrize("version", MODULES)
def test_a_card_shown_in_its_transaction_does_not_take_it_over(version: str) -> None:
    store, words = asked(version), MODULES[version][1]
    first, second, *rest = events(words, cable_first=False, tag=None)
    told(store, first)
    other = words.IdToken(id_token="OTHER", type="ISO14443")
    answer = told(store, replace(second, id_token=other, trigger_reason="Authorized"))
    assert answer.id_token_info.status == "Accepted"
    for one in rest:
        store.reconnect()
        told(store, one)
    assert owner(store) == ("TAG1", 7, 8, 3162, None)


@pytest.mark.parametrize("version", MODULES)
@pytest.mark.parametrize("cable_first", [False, True])
def test_one_that_comes_too_late_is_refused_and_costs_nothing(version: str, *, cable_first: bool) -> None:
    late = replace(ASKED, status=SessionStatus.EXPIRED, expires_at=BEGINNING - timedelta(minutes=1))
    store, words = asked(version, late), MODULES[version][1]
    answers = [told(store, one) for one in events(words, cable_first=cable_first, tag=None)]
    assert [one.id_token_info is not UNSET for one in answers] == [n == cable_first for n in range(4)]
    assert answers[cable_first].id_token_info.status == "Expired"
    [refused] = store.authorizations.values()
    assert (refused.status, refused.id_tag_uid) == ("rejected", "TAG1")
    assert owner(store) == ("TAG1", 7, 8, refused.id, "refused")


@pytest.mark.parametrize("version", MODULES)
def test_a_clock_that_was_never_set_makes_it_no_later(version: str) -> None:
    store, words = asked(version), MODULES[version][1]
    first, *_ = events(words, cable_first=False, tag=None)
    unset = replace(first, timestamp=datetime(2040, 1, 1, tzinfo=UTC))
    assert told(store, unset, BEGINNING).id_token_info is UNSET
    session: Session = store.cp.sessions["tx"]
    assert (session.id_tag, session.asked, session.waived) == ("TAG1", True, None)
