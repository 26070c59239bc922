from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from engine.domain.plausibility import Review, clock_is_wrong, closed_by_us, energy_ceiling_wh, held, is_held
from engine.domain.state import Session, SessionStatus


def test_each_reason_is_held_once_in_order_of_arrival() -> None:
    review = held(held(None, Review.CLOCK_DRIFT), Review.LATE_STOP, Review.CLOCK_DRIFT, Review.LATE_STOP)
    assert review == "clock_drift,late_stop"
    assert is_held(review, Review.LATE_STOP)
    assert not is_held(review, Review.MISSING_STOP)
    assert not is_held(None, Review.MISSING_STOP)
    assert held(None) is None


def test_one_code_within_another_is_not_taken_for_it() -> None:
    assert not is_held("missing_stop_after_boot", Review.MISSING_STOP)


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
        (SessionStatus.FINISHED, "clock_drift,missing_stop", True),
        (SessionStatus.FINISHED, "missing_stop_after_boot", True),
        (SessionStatus.FINISHED, "late_stop", False),
        (SessionStatus.FINISHED, None, False),  # released by a person
        (SessionStatus.ACTIVE, "missing_stop", False),
    ],
)
def test_what_we_closed_without_a_stop_is_recognised(
    session: Session, status: SessionStatus, review: str | None, wanted: bool
) -> None:
    assert closed_by_us(replace(session, status=status, review=review)) is wanted
