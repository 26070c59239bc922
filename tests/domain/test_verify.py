"""The checks at the end of a session: what each one finds, and what it lets pass at its bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from engine.domain.metering.verify import CHECKS, Check, Ending
from engine.domain.session.facts import Neighbour, Stop
from engine.domain.session.review import Review
from engine.domain.state import Metering, Session, SessionStatus, StationSettings

Case = Callable[[Ending], Ending]
HOUR = timedelta(hours=1)
START_WH = 1_000  # of a session of an hour, in which 3 kWh were delivered at 11 kW at most
STOP_WH = 4_000


@pytest.fixture
def ending(now: datetime) -> Ending:
    totals = Metering(
        energy_wh=2_900,
        register_wh=3_900,
        register_at=now + 0.9 * HOUR,
        power_w=3_000,
        last_sample_at=now + 0.9 * HOUR,
    )
    session = Session(
        id=1,
        transaction_id="1",
        evse_number=1,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=now,
        meter_start_wh=START_WH,
        metering=totals,
        charging=True,
        period_at=now,
    )
    return Ending(
        session=session,
        stop=Stop(at=now + HOUR, meter_wh=STOP_WH, reason=None),
        settings=StationSettings(max_power_w=11_000),
        now=now + HOUR,
    )


def stopped(ending: Ending, **members: Any) -> Ending:
    return replace(ending, stop=replace(ending.stop, **members))


def sampled(ending: Ending, **members: Any) -> Ending:
    metering = replace(ending.session.metering, **members)
    return replace(ending, session=replace(ending.session, metering=metering))


def after(ending: Ending, begin_wh: int, end_wh: int) -> Ending:
    before = Neighbour(id=9, earlier=True, meter_start_wh=begin_wh, meter_stop_wh=end_wh)
    return replace(ending, neighbours=(before,))


# By check: what it finds, and what is just not enough for it.
CASES: Mapping[str, tuple[Case, Case]] = {
    "ends_below_its_beginning": (
        lambda e: stopped(sampled(e, energy_wh=0), meter_wh=START_WH - 101),
        lambda e: stopped(sampled(e, energy_wh=0), meter_wh=START_WH - 100),
    ),
    "begins_below_zero": (
        lambda e: replace(e, session=replace(e.session, meter_start_wh=-1)),
        lambda e: replace(e, session=replace(e.session, meter_start_wh=0)),
    ),
    "lacks_the_register_of_its_end": (
        lambda e: stopped(e, certain=False),
        lambda e: e,
    ),
    "stood_still": (
        lambda e: stopped(sampled(e, energy_wh=0), meter_wh=START_WH),
        lambda e: stopped(sampled(e, energy_wh=0, power_w=1_000), meter_wh=START_WH),
    ),
    "exceeds_its_power": (
        lambda e: stopped(e, meter_wh=START_WH + 11_000 * 11 // 10 + 1_001),
        lambda e: stopped(e, meter_wh=START_WH + 11_000 * 11 // 10 + 1_000),
    ),
    "jumps_at_the_end": (
        lambda e: stopped(e, meter_wh=3_900 + 1_210 + 1_001),
        lambda e: stopped(e, meter_wh=3_900 + 1_210 + 1_000),
    ),
    "ends_below_a_sample": (
        lambda e: stopped(e, meter_wh=3_900 - 101),
        lambda e: stopped(e, meter_wh=3_900 - 100),
    ),
    "has_restarted": (
        lambda e: sampled(e, resets=1),
        lambda e: e,
    ),
    "was_billed_before": (
        lambda e: after(e, 500, START_WH + 101),
        lambda e: after(e, 500, START_WH + 100),
    ),
    "is_stamped_wrong": (
        lambda e: stopped(e, at=e.session.metering.last_sample_at - timedelta(seconds=61)),
        lambda e: stopped(e, at=e.session.metering.last_sample_at - timedelta(seconds=60)),
    ),
    "had_a_successor": (
        lambda e: replace(e, session=replace(e.session, review=(Review.MISSING_STOP,))),
        lambda e: replace(e, session=replace(e.session, review=(Review.RECONCILED,))),
    ),
}


def found(ending: Ending) -> set[str]:
    return {check.name for check in CHECKS if check.finds(ending)}


def test_an_ordinary_session_is_not_held(ending: Ending) -> None:
    assert not found(ending)
    assert not found(stopped(ending, meter_wh=None))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_each_check_finds_what_it_is_for_and_nothing_within_its_bound(ending: Ending, check: Check) -> None:
    beyond, within = CASES[check.name]
    assert check.name in found(beyond(ending))
    assert check.name not in found(within(ending))


def test_no_two_checks_have_one_name_or_one_text() -> None:
    assert len({check.name for check in CHECKS}) == len({check.why for check in CHECKS}) == len(CHECKS)
