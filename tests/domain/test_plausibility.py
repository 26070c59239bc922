from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from engine.domain.plausibility import clock_is_wrong, energy_ceiling_wh, settings_of
from engine.domain.session.review import Review, held, without
from engine.domain.state import ChargePoint, Session, SessionStatus


def test_each_reason_is_held_once_in_order_of_arrival() -> None:
    review = held(held((), Review.CLOCK_DRIFT), Review.LATE_STOP, Review.CLOCK_DRIFT, Review.LATE_STOP)
    assert review == ("clock_drift", "late_stop")
    assert without(review, Review.CLOCK_DRIFT, Review.METER_RESET) == ("late_stop",)
    assert held(()) == ()


@pytest.mark.parametrize(
    ("elapsed", "ceiling"),
    [
        (timedelta(hours=1), 11_000 * 11 // 10 + 1_000),
        (timedelta(0), 1_000),
        (timedelta(hours=-5), 1_000),
        (timedelta(days=2), 48 * 12_100 + 1_000),
    ],
)
def test_energy_is_bound_by_power_and_time(elapsed: timedelta, ceiling: int) -> None:
    assert energy_ceiling_wh(11_000, elapsed) == ceiling


def test_the_lesser_of_what_people_set_and_the_station_reported_counts(cp: ChargePoint) -> None:
    assert settings_of(cp, 1) is cp.settings
    cp = replace(cp, max_power_w={1: 3_700, 2: 22_000})
    assert settings_of(cp, 1) == replace(cp.settings, max_power_w=3_700)
    assert settings_of(cp, 2) is cp.settings  # 11 kW


@pytest.mark.parametrize(
    ("at", "wrong"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), True),
        (datetime(2026, 3, 1, 12, 5, 1, tzinfo=UTC), True),
        (datetime(2026, 3, 1, 12, 5, tzinfo=UTC), False),
        (datetime(2025, 3, 1, tzinfo=UTC), False),  # offline for a year
    ],
)
def test_only_the_future_and_the_time_before_ocpp_are_wrong(at: datetime, wrong: bool, now: datetime) -> None:
    assert clock_is_wrong(at, now) is wrong


@pytest.mark.parametrize(
    ("status", "review", "wanted"),
    [
        (SessionStatus.FINISHED, ("clock_drift", "missing_stop"), True),
        (SessionStatus.FINISHED, ("missing_stop_after_boot",), True),
        (SessionStatus.FINISHED, ("late_stop",), False),
        (SessionStatus.FINISHED, (), False),  # released by a person
        (SessionStatus.ACTIVE, ("missing_stop",), False),
    ],
)
def test_what_we_closed_without_a_stop_is_recognised(
    session: Session, status: SessionStatus, review: tuple[Review, ...], wanted: bool
) -> None:
    assert replace(session, status=status, review=review).closed_by_us is wanted
