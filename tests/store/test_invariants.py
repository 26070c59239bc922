"""The accounting rules find what they are for, and nothing in accounts that are right."""

from __future__ import annotations

import pytest

from engine.domain.access import StationRecord
from engine.domain.changes import Change, ChargingPeriodOpened
from engine.store import Store
from engine.store.invariants import violations

from .conftest import NOW, closed, measured, opened, shown


async def test_right_accounts_have_no_violations(store: Store, station: StationRecord) -> None:
    await store.journal.commit(
        [opened(station.id), measured(station.id), measured(station.id, second=90), closed()]
    )
    await store.journal.commit([opened(station.id, 2), measured(station.id, 2)])
    assert await violations(store) == []


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ([measured(1, 77)], "belongs to a session"),
        ([measured(1), measured(1, sample_key=9)], "stored once"),
        ([closed(reason=None)], "has its end"),
        ([closed(energy_wh=-1, meter_stop_wh=None)], "not negative"),
        ([closed(energy_wh=910_000)], "registers' difference"),
        ([shown(resets=1), closed()], "reset is held"),
        ([opened(1, 2)], "one open session"),
        ([ChargingPeriodOpened(session_id=1, started_at=NOW, charging_state="idle", energy_wh=0), closed()],
         "one open charging period"),
    ],
)  # fmt: skip
async def test_a_wrong_account_is_found(
    store: Store, station: StationRecord, wrong: list[Change], rule: str
) -> None:
    assert station.id == 1
    await store.journal.commit([opened(1), *wrong])
    found = await violations(store)
    assert found
    assert all(rule in violation.rule for violation in found)


async def test_a_charge_point_without_a_status_is_found(store: Store, station: StationRecord) -> None:
    await store.query("delete from charge_point_status where charge_point_id = $1", station.id)
    assert [violation.subject for violation in await violations(store)] == [f"charge_point:{station.id}"]


async def test_doubtful_energy_under_review_is_no_violation(store: Store, station: StationRecord) -> None:
    await store.journal.commit(
        [opened(station.id), closed(energy_wh=910_000, review=("implausible_energy",))]
    )
    reset = [shown(2, resets=1), closed(2, energy_wh=5, review=("meter_reset",))]
    await store.journal.commit([opened(station.id, 2), *reset])
    assert await violations(store) == []
