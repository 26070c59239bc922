"""Which charging profile leads, when it changes, and the composite of all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.simulator.limits import Period, Profile, Profiles
from engine.simulator.physics import CATALOGUE, UNLIMITED, Ceiling

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
AC22, DC50 = CATALOGUE[2], CATALOGUE[3]


def profile(id_=1, stack=0, purpose="default", limit=10.0, **changes):
    values = {"kind": "absolute", "unit": "A", "periods": (Period(0, limit),), "begin": NOON}
    return Profile(id=id_, stack=stack, purpose=purpose, **values | changes)


@pytest.fixture
def profiles():
    return Profiles(AC22)


def amps(profiles, minutes=0, connector=1, began=NOON, sharing=1):
    return profiles.ceiling(connector, NOON + timedelta(minutes=minutes), began, sharing).amps


def test_nothing_installed_limits_nothing(profiles):
    assert profiles.ceiling(1, NOON, None) == Ceiling()


def test_the_highest_stack_level_leads(profiles):
    profiles.install(1, profile(1, 0, limit=8.0))
    profiles.install(1, profile(2, 5, limit=20.0, duration=600))
    assert amps(profiles) == 20.0
    assert amps(profiles, minutes=11) == 8.0


def test_a_transactions_profile_replaces_the_default_even_if_it_is_higher(profiles):
    profiles.install(0, profile(1, limit=8.0))
    profiles.install(1, profile(2, purpose="transaction", limit=16.0))
    assert amps(profiles) == 16.0
    assert amps(profiles, connector=2) == 8.0


def test_a_connectors_default_goes_before_the_stations(profiles):
    profiles.install(0, profile(1, stack=5, limit=8.0))
    profiles.install(2, profile(2, stack=1, limit=16.0))
    assert (amps(profiles), amps(profiles, connector=2)) == (8.0, 16.0)


def test_the_stations_maximum_holds_above_all_and_is_shared(profiles):
    profiles.install(1, profile(1, purpose="transaction", limit=30.0))
    profiles.install(0, profile(2, purpose="station", limit=24.0))
    assert amps(profiles) == 24.0
    assert amps(profiles, sharing=2) == 12.0


def test_watts_and_amps_hold_together(profiles):
    profiles.install(1, profile(1, limit=9_000.0, unit="W"))
    profiles.install(0, profile(2, purpose="station", limit=24.0))
    assert profiles.ceiling(1, NOON, NOON) == Ceiling(24.0, 9_000.0, 3)


def test_one_place_in_the_stack_holds_one_profile(profiles):
    profiles.install(1, profile(1, limit=8.0))
    profiles.install(1, profile(2, limit=9.0))
    assert (len(profiles), amps(profiles)) == (1, 9.0)
    profiles.install(1, profile(2, stack=3, limit=10.0))
    assert (len(profiles), amps(profiles)) == (1, 10.0)


@pytest.mark.parametrize(
    ("changes", "minutes", "expected"),
    [
        ({"begin": NOON + timedelta(hours=1)}, 30, UNLIMITED),
        ({"valid_from": NOON + timedelta(hours=1)}, 30, UNLIMITED),
        ({"valid_to": NOON + timedelta(hours=1)}, 60, UNLIMITED),
        ({"valid_to": NOON + timedelta(hours=1)}, 59, 10.0),
        ({"duration": 1800}, 29, 10.0),
        ({"duration": 1800}, 30, UNLIMITED),
        ({"periods": (Period(0, 10.0), Period(600, 6.0))}, 10, 6.0),
        ({"periods": (Period(0, 10.0), Period(600, 6.0))}, 9, 10.0),
        (
            {"periods": (Period(0, 7.0), Period(3600, 9.0)), "every": timedelta(days=1), "kind": "recurring"},
            1470,
            7.0,
        ),
        (
            {"periods": (Period(0, 7.0), Period(3600, 9.0)), "every": timedelta(days=1), "kind": "recurring"},
            1510,
            9.0,
        ),
    ],
)
def test_schedules_in_time(profiles, changes, minutes, expected):
    profiles.install(1, profile(**changes))
    assert amps(profiles, minutes=minutes) == expected


def test_a_relative_schedule_begins_with_the_session(profiles):
    relative = profile(kind="relative", begin=None, periods=(Period(0, 10.0), Period(600, 6.0)))
    profiles.install(1, relative)
    assert amps(profiles, 20, began=NOON + timedelta(minutes=15)) == 10.0
    assert amps(profiles, 20, began=NOON) == 6.0
    assert amps(profiles, 20, began=None) == UNLIMITED


def test_profiles_are_cleared_by_any_criterion(profiles):
    def fill():
        profiles.install(0, profile(1, 0, "station"))
        profiles.install(1, profile(2, 1))
        profiles.install(2, profile(3, 1))

    for criteria, cleared in (
        ({"id_": 2}, 1),
        ({"connector": 2}, 1),
        ({"purpose": "default"}, 2),
        ({"stack": 1, "connector": 1}, 1),
        ({"stack": 7}, 0),
        ({}, 3),
    ):
        fill()
        assert profiles.clear(**criteria) == cleared


def test_the_composite_shows_every_change(profiles):
    profiles.install(0, profile(1, purpose="station", limit=20.0))
    profiles.install(1, profile(2, limit=32.0, duration=3_600, periods=(Period(0, 32.0), Period(600, 10.05))))
    assert profiles.composite(1, NOON, 7_200, "A", NOON) == [
        Period(0, 20.0),
        Period(600, 10.0),
        Period(3_600, 20.0),
    ]
    assert [p.limit for p in profiles.composite(1, NOON, 600, "W", NOON)] == [13_800.0]


def test_the_composite_never_exceeds_the_hardware():
    assert Profiles(DC50).composite(1, NOON, 60, "W", None) == [Period(0, 50_000.0)]
    assert Profiles(AC22).composite(1, NOON, 60, "A", None)[0].limit <= 32.0


def test_the_composite_of_a_station_on_one_phase_says_so():
    assert Profiles(CATALOGUE[0]).composite(1, NOON, 60, "W", None) == [Period(0, 3_680.0, 1)]


stacks = st.lists(
    st.builds(
        lambda id_, stack, purpose, limit, start, duration: (
            id_,
            profile(id_, stack, purpose, limit, begin=NOON + timedelta(seconds=start), duration=duration),
        ),
        st.integers(1, 9),
        st.integers(0, 3),
        st.sampled_from(["default", "transaction", "station"]),
        st.integers(60, 320).map(lambda tenths: tenths / 10),
        st.integers(-600, 600),
        st.integers(1, 900),
    ),
    max_size=6,
)


@given(stacks, st.integers(0, 1_199))
def test_the_composite_agrees_with_what_holds(installed, second):
    profiles = Profiles(AC22)
    for _, one in installed:
        profiles.install(0 if one.purpose == "station" else 1, one)
    periods = profiles.composite(1, NOON, 1_200, "A", NOON)
    shown = [period for period in periods if period.start <= second][-1].limit
    held = min(profiles.ceiling(1, NOON + timedelta(seconds=second), NOON).amps, 22_000 / 690)
    assert shown <= held + 1e-6
    assert shown == pytest.approx(held, abs=0.1)
