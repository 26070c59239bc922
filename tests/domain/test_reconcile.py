"""Which session a message without a usable transaction id means: exactly one, or none."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from engine.domain.session.assign import is_kept, orphan_key, session_of_stop, session_on_evse, stop_of_start
from engine.domain.session.facts import Event
from engine.domain.state import ChargePoint, Orphan

HOUR = timedelta(hours=1)


def started(id_tag: str, at: datetime) -> Event:
    return Event(
        transaction_id="8",
        seq_no=None,
        kind="Started",
        evse_number=1,
        connector_number=1,
        id_tag=id_tag,
        meter_wh=1_000,
        at=at,
    )


@pytest.fixture
def stop(now: datetime) -> dict[str, Any]:
    """A stop that fits session 7: 1000 Wh at `now`, at most 11 kW."""
    return {"id_tag": "tag", "meter_wh": 5_000, "at": now + HOUR, "numbered": True}


@pytest.fixture
def orphan(now: datetime) -> Orphan:
    return Orphan(
        id=50,
        action="StopTransaction",
        transaction_id="-1",
        connector_number=None,
        id_tag="TAG",
        meter_wh=5_000,
        timestamp=now + HOUR,
        reason=None,
        payload=b"{}",
    )


def test_a_stop_means_the_one_session_it_fits(cp: ChargePoint, stop: dict[str, Any]) -> None:
    assert session_of_stop(cp, **stop) == cp.sessions["7"]


@pytest.mark.parametrize(
    "other",
    [
        {"id_tag": "ELSE"},
        {"id_tag": None},  # a real-looking number without a tag may be anybody's
        {"meter_wh": 999},
        {"meter_wh": 50_000},
        {"at": datetime.fromisoformat("2026-03-01T11:59:59Z")},
    ],
)
def test_what_does_not_fit_means_none(cp: ChargePoint, stop: dict[str, Any], other: dict[str, Any]) -> None:
    assert session_of_stop(cp, **(stop | other)) is None


def test_a_stop_below_what_was_sampled_means_none(cp: ChargePoint, stop: dict[str, Any]) -> None:
    session = cp.sessions["7"]
    sampled = replace(session, metering=replace(session.metering, register_wh=6_000))
    assert session_of_stop(replace(cp, sessions={"7": sampled}), **stop) is None


def test_two_candidates_are_none(cp: ChargePoint, stop: dict[str, Any]) -> None:
    twin = replace(cp.sessions["7"], id=8, transaction_id="8", evse_number=2)
    assert session_of_stop(replace(cp, sessions={**cp.sessions, "8": twin}), **stop) is None


def test_an_id_that_was_never_given_needs_no_tag(cp: ChargePoint, stop: dict[str, Any]) -> None:
    assert session_of_stop(cp, **(stop | {"id_tag": None, "numbered": False})) == cp.sessions["7"]


@pytest.mark.parametrize(
    ("evse", "minutes", "found"), [(1, 0, True), (1, 9, True), (1, -1, False), (2, 9, False)]
)
def test_values_belong_to_the_session_that_was_open_on_their_evse(
    cp: ChargePoint, now: datetime, evse: int, minutes: int, found: bool
) -> None:
    assert (session_on_evse(cp, evse, now + timedelta(minutes=minutes)) is not None) is found


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({}, True),
        ({"id_tag": None}, True),
        ({"id_tag": "ELSE"}, False),
        ({"meter_wh": 4_999}, True),
        ({"meter_wh": 999}, False),
        ({"meter_wh": 90_000}, False),
        ({"meter_wh": None}, False),
        ({"action": "MeterValues"}, False),
        ({"timestamp": datetime.fromisoformat("2026-03-01T11:00:00Z")}, False),
    ],
)
def test_a_start_finds_the_stop_that_was_told_before_it(
    cp: ChargePoint, now: datetime, orphan: Orphan, fields: dict[str, Any], fits: bool
) -> None:
    start = started("Tag", now)
    found = stop_of_start(replace(cp, orphans=(replace(orphan, **fields),)), start)
    assert (found is not None) is fits


def test_of_several_stops_the_earliest_ends_the_transaction(
    cp: ChargePoint, now: datetime, orphan: Orphan
) -> None:
    start = started("TAG", now)
    later = replace(orphan, id=51, timestamp=orphan.timestamp + HOUR)
    found = stop_of_start(replace(cp, orphans=(later, orphan)), start)
    assert found is not None
    assert found.id == 50


def test_an_orphan_told_again_is_the_same_whatever_its_row(cp: ChargePoint, orphan: Orphan) -> None:
    again = replace(orphan, id=99, id_tag="tag")
    assert orphan_key(again) == orphan_key(orphan)
    assert is_kept(replace(cp, orphans=(orphan,)), again)
    assert not is_kept(replace(cp, orphans=(orphan,)), replace(again, meter_wh=5_001))
