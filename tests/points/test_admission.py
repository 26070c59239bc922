import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.points.admission import FAILURE_KEYS, FAILURE_WINDOW, PER_ADDRESS, Bucket, Failures


def test_a_burst_goes_through_then_turns_come_evenly() -> None:
    bucket = Bucket(rate=10, burst=3)
    waits = [bucket.take(0.0, 60.0) for _ in range(6)]
    assert waits == pytest.approx([0, 0, 0, 0.1, 0.2, 0.3])


def test_impatience_takes_no_turn() -> None:
    bucket = Bucket(rate=1, burst=1)
    assert bucket.take(0.0, 0.0) == 0
    assert bucket.take(0.0, 0.5) is None
    assert bucket.take(0.0, 1.0) == pytest.approx(1.0)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=200), st.integers(1, 20))
def test_never_more_than_the_rate_and_one_burst(gaps: list[float], rate: int) -> None:
    bucket, now, begins = Bucket(rate), 0.0, []
    for gap in gaps:
        now += gap
        wait = bucket.take(now, 100.0)
        if wait is not None:
            begins.append(now + wait)
    span = max(begins) - min(begins)
    assert len(begins) <= rate * (span + 1) + 1


def test_failures_are_counted_per_address_and_identity() -> None:
    failures = Failures(2)
    failures.record("1.1.1.1", "CP1", 0)
    failures.record("1.1.1.1", "CP1", 10)
    assert failures.wait("1.1.1.1", "CP1", 20) == FAILURE_WINDOW - 20
    assert failures.wait("1.1.1.1", "CP2", 20) == 0
    assert failures.wait("2.2.2.2", "CP1", 20) == 0
    assert failures.wait("1.1.1.1", "CP1", FAILURE_WINDOW) == 0


def test_one_address_cannot_try_many_identities() -> None:
    failures = Failures(2)
    for number in range(2 * PER_ADDRESS):
        assert failures.wait("1.1.1.1", f"CP{number}", 1) == 0
        failures.record("1.1.1.1", f"CP{number}", 1)
    assert failures.wait("1.1.1.1", "another", 1) > 0
    assert failures.wait("2.2.2.2", "another", 1) == 0


def test_memory_is_bounded() -> None:
    failures = Failures(1)
    for number in range(FAILURE_KEYS + 10):
        failures.record("1.1.1.1", str(number), 0)
    assert failures.wait("3.3.3.3", "0", 0) == 0
    assert all(len(counts) <= FAILURE_KEYS for counts in failures._counts)
