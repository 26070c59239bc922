"""Limits of concurrent sessions where several stations start at once."""

from __future__ import annotations

from pathlib import Path

import trio
from msgspec.structs import replace

from engine.domain.lookups import TokensOf
from engine.metrics import Metrics
from engine.settings import Settings
from engine.store import Store, open_store
from engine.store.lookups.tokens import Claims
from engine.store.repositories.stations import StationPatch
from tests.plans import EVERYBODY, put_tag

TAG, HERE, THERE = 5, 1, 2


def test_a_start_counts_for_other_stations_before_its_row_is_there() -> None:
    claims = Claims({}, {})
    assert claims.count(TAG, HERE, starts=True) == 0
    assert claims.made == {(TAG, HERE): 1}
    assert claims.count(TAG, THERE, starts=True) == 1
    assert (
        Claims({TAG: {HERE: 1}}, {TAG: {HERE: 1}}).count(TAG, THERE, starts=True) == 1
    )  # with its row: once
    assert (
        Claims({TAG: {HERE: 1}}, {TAG: {HERE: 1}}).count(TAG, HERE, starts=True) == 1
    )  # its own never counts


def test_looking_claims_nothing() -> None:
    claims = Claims({TAG: {HERE: 2}}, {})
    assert claims.count(TAG, HERE, starts=False) == 2
    assert claims.count(TAG, THERE, starts=False) == 2
    assert claims.made == {}


async def test_of_stations_that_ask_at_once_only_the_first_finds_none(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    """Whichever node they ask; a claim that no session followed ends."""
    await put_tag(store, "TAG", max_active_sessions=1)
    counts: list[int] = []
    async with open_store(replace(settings, data=str(tmp_path / "other")), Metrics()) as other:
        states = []
        for n in range(8):
            await store.stations.add(EVERYBODY, f"CP{n}", StationPatch())
            record = await store.reader.station(f"CP{n}")
            assert record is not None
            states.append(await store.reader.load(record, "ocpp1.6"))

        async def ask(n: int) -> None:
            reader = (store, other)[n % 2].reader
            tokens = await reader.answer(states[n], TokensOf(("TAG",), starts=True))
            counts.append(tokens["TAG"].active_sessions)

        async with trio.open_nursery() as nursery:
            for n in range(8):
                nursery.start_soon(ask, n)
        assert sorted(counts) == list(range(8))
        await store.query("update session_claims set claimed_until = now() returning 1")
        tokens = await other.reader.answer(states[0], TokensOf(("TAG",)))
        assert tokens["TAG"].active_sessions == 0
