"""Limits of concurrent sessions where several stations start at once."""

from __future__ import annotations

import trio

from engine.domain.lookups import TokensOf
from engine.store import Store
from engine.store.lookups.tokens import CLAIMED_FOR, Claims
from engine.store.repositories.stations import StationPatch
from tests.plans import EVERYBODY, put_tag

TAG, HERE, THERE = 5, 1, 2


def test_a_start_counts_for_other_stations_before_its_row_is_there() -> None:
    now = 100.0
    claims = Claims(lambda: now)
    assert claims.count(TAG, HERE, {}, True) == 0
    assert claims.count(TAG, THERE, {}, True) == 1
    assert claims.count(TAG, THERE, {HERE: 1}, True) == 1  # now it has a row: it counts once
    assert claims.count(TAG, HERE, {}, True) == 1  # its own never counts
    now += CLAIMED_FOR
    assert claims.count(TAG, THERE, {}, False) == 0


def test_looking_claims_nothing() -> None:
    claims = Claims(lambda: 0.0)
    assert claims.count(TAG, HERE, {HERE: 2}, False) == 2
    assert claims.count(TAG, THERE, {HERE: 2}, False) == 2
    assert claims.count(TAG, THERE, {}, False) == 0


async def test_of_stations_that_ask_at_once_only_the_first_finds_none(store: Store) -> None:
    await put_tag(store, "TAG", max_active_sessions=1)
    states = []
    for n in range(8):
        await store.stations.add(EVERYBODY, f"CP{n}", StationPatch())
        record = await store.reader.station(f"CP{n}")
        assert record is not None
        states.append(await store.reader.load(record, "ocpp1.6"))
    counts: list[int] = []

    async def ask(n: int) -> None:
        tokens = await store.reader.answer(states[n], TokensOf(("TAG",), starts=True))
        counts.append(tokens["TAG"].active_sessions)

    async with trio.open_nursery() as nursery:
        for n in range(8):
            nursery.start_soon(ask, n)
    assert sorted(counts) == list(range(8))
