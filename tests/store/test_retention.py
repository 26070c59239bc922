"""Partitions: the plan as such, and the plan carried out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.access import StationRecord
from engine.settings import Settings
from engine.store import Store, retention
from engine.store.retention import MONTHS_AHEAD, month_of, partition, plan

from .conftest import measured

DAYS = st.integers(1, 4_000)
NOWS = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


def months(*names: str) -> list[date]:
    return [date.fromisoformat(f"{name}-01") for name in names]


def test_months_ahead_are_made_and_old_ones_dropped() -> None:
    steps = plan(datetime(2026, 11, 20, tzinfo=UTC), months("2026-08", "2026-09", "2026-11"), 60)
    assert steps.create == months("2026-10", "2026-12", "2027-01", "2027-02")
    assert steps.drop == months("2026-08")  # its last moment is 80 days ago; September's only 50


def test_nothing_is_made_that_would_be_dropped_at_once() -> None:
    steps = plan(datetime(2026, 11, 1, 1, tzinfo=UTC), [], 1)
    assert steps.create[0] == date(2026, 10, 1)
    assert plan(datetime(2026, 11, 20, tzinfo=UTC), [], 1).create[0] == date(2026, 11, 1)


@given(NOWS, DAYS)
def test_a_plan_carried_out_leaves_nothing_to_do(now: datetime, days: int) -> None:
    steps = plan(now, [], days)
    again = plan(now, steps.create, days)
    assert (again.create, again.drop) == ([], [])


@given(NOWS, DAYS)
def test_the_present_and_the_next_months_always_exist(now: datetime, days: int) -> None:
    made = set(plan(now, [], days).create)
    assert {
        (now.replace(day=1) + timedelta(days=31 * n)).date().replace(day=1) for n in range(MONTHS_AHEAD)
    } <= made


@given(NOWS, DAYS, st.integers(0, 60))
def test_nothing_younger_than_the_retention_is_dropped(now: datetime, days: int, age: int) -> None:
    month = (now - timedelta(days=31 * age)).date().replace(day=1)
    following = (month + timedelta(days=32)).replace(day=1)
    dropped = plan(now, [month], days).drop
    assert bool(dropped) == (
        datetime(following.year, following.month, 1, tzinfo=UTC) <= now - timedelta(days=days)
    )


@pytest.mark.parametrize("name", ["meter_values_default", "other", "meter_values_2026"])
def test_only_our_months_are_partitions(name: str) -> None:
    assert month_of(name) is None


def test_names_of_partitions() -> None:
    assert partition("meter_values", date(2026, 3, 1)) == "meter_values_2026_03"
    assert month_of("meter_values_2026_03") == date(2026, 3, 1)


async def test_strays_move_into_the_month_when_it_is_made(
    store: Store, station: StationRecord, settings: Settings
) -> None:
    later = datetime(2031, 5, 3, tzinfo=UTC)
    await store.journal.commit(
        [measured(station.id, timestamp=later), measured(station.id, timestamp=later.replace(year=2040))]
    )
    assert await store.query("select count(*) from meter_values_default") == [(2,)]
    await retention.maintain(store._database, settings, later)
    assert await store.query(
        "select tableoid::regclass::text from meter_values where timestamp < '2035-01-01'"
    ) == [("meter_values_2031_05",)]


async def test_what_is_too_old_goes(store: Store, station: StationRecord, settings: Settings) -> None:
    await store.journal.commit(
        [measured(station.id), measured(station.id, timestamp=datetime(1970, 1, 1, tzinfo=UTC))]
    )
    await retention.maintain(store._database, settings, datetime(2035, 1, 1, tzinfo=UTC))
    assert await store.query("select count(*) from meter_values") == [(0,)]
    ((oldest,),) = await store.query(
        "select min(inhrelid::regclass::text) from pg_inherits where inhparent = 'status_log'::regclass"
    )
    assert oldest == "status_log_2034_12"
