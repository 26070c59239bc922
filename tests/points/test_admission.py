import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.points.admission import (
    CONFLICT_SILENCE,
    FAILURE_KEYS,
    FAILURE_WINDOW,
    FEW,
    PER_ADDRESS,
    REPLACING,
    Allowance,
    Bucket,
    Conduct,
    Conducts,
    Failures,
    Rate,
)


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


RETURNS = Rate(1 / 10, burst=12)


def test_the_first_connections_of_an_identity_go_through_at_once_then_one_now_and_then() -> None:
    conduct = Conduct()
    assert [conduct.arrive(RETURNS, 0.0, replaces=False) for _ in range(12)] == [0] * 12
    assert conduct.arrive(RETURNS, 0.0, replaces=False) == pytest.approx(10)
    assert conduct.arrive(RETURNS, 9.0, replaces=False) == pytest.approx(1)
    assert conduct.arrive(RETURNS, 10.0, replaces=False) == 0


def test_replacing_a_connection_takes_more_turns() -> None:
    conduct, came = Conduct(), 0
    for second in range(3_600):
        came += conduct.arrive(RETURNS, float(second), replaces=True) == 0
    assert came == pytest.approx(12 / REPLACING + 3_600 / 10 / REPLACING, abs=1)


def test_boots_of_an_identity_wait_for_their_turn() -> None:
    conduct = Conduct()
    assert [conduct.boot(RETURNS, 0.0, 15.0) for _ in range(12)] == [0] * 12
    assert conduct.boot(RETURNS, 0.0, 15.0) == pytest.approx(10)
    assert conduct.boot(RETURNS, 0.0, 15.0) is None


def test_a_conflict_is_reported_now_and_then() -> None:
    conduct = Conduct()
    times = [second for second in range(1, 3_600) if conduct.report_conflict(float(second))]
    assert len(times) == pytest.approx(3_600 / CONFLICT_SILENCE, abs=1)


def test_half_of_the_messages_and_half_of_the_bytes_are_all_that_is_allowed() -> None:
    allowance, conduct = Allowance(100.0, 65_536.0, 30.0), Conduct()
    allowance.charge(conduct, 50, 32_768)
    assert conduct.spent == pytest.approx(1.0)


def test_what_has_to_be_remembered_outlives_a_sweep_and_nothing_else() -> None:
    conducts = Conducts()
    busy = conducts.of("busy", 0.0)
    busy.spent = 100.0
    for number in range(10 * FEW):
        conducts.of(str(number), 50.0)
        assert len(conducts) <= FEW + 1
    assert conducts.of("busy", 50.0) is busy
    for number in range(10 * FEW):
        conducts.of(f"later {number}", 100.0)
    assert conducts.of("busy", 100.0) is not busy


def test_all_that_are_ahead_are_remembered() -> None:
    conducts = Conducts()
    for number in range(3 * FEW):
        conducts.of(str(number), 0.0).spent = 1e9
    assert len(conducts) == 3 * FEW
