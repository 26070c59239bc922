"""Nodes that share a database: who lives, who is gone, and what a node has lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from engine.domain.access import StationRecord
from engine.errors import Superseded
from engine.metrics import Metrics
from engine.settings import Settings
from engine.store import Store, nodes, open_store, visit_store
from engine.store.database import Database, open_database
from engine.store.duties import Duties
from engine.store.fence import GivenUp
from engine.store.nodes import Nodes, installation
from tests.plans import EVERYBODY

from .test_journal import event


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    async with open_database(dsn, Metrics()) as opened:
        yield opened


async def holding(database: Database, station: StationRecord) -> Nodes:
    """Another node, to which the station is connected."""
    other = Nodes(database, "other", Metrics())
    await other.enter()
    await database.fetch("select * from take_charge_points($1, $2)", other.id, [station.id])
    await database.fetch("update charge_point_status set network_status = 'available'")
    return other


async def test_a_process_that_was_killed_is_followed_at_once(
    store: Store, station: StationRecord, database: Database
) -> None:
    """By the next one on its data folder; what the killed one has left in the database is refused."""
    killed = await holding(database, station)
    assert await store.nodes.adopt() == []
    follower = Nodes(database, "other", Metrics())
    await follower.enter()
    (left,) = await follower.adopt()
    assert (left.id, left.generation, left.status) == (station.id, 2, "available")
    with pytest.raises(GivenUp):
        await killed.fence.look()
    assert not killed.fence.admits(0, 0)
    await killed.leave()
    await follower.leave()


async def test_only_who_was_here_all_the_time_finds_others_silent(
    store: Store, station: StationRecord, database: Database
) -> None:
    silent = await holding(database, station)
    await database.fetch("update nodes set heard_at = now() - interval '1 hour' where id = $1", silent.id)
    assert await store.nodes.adopt() == []
    store.nodes._steady_since -= nodes.GONE_AFTER + 1
    (left,) = await store.nodes.adopt()
    assert left.generation == 2
    # It comes back, and hears what it has lost.
    lost: list[dict[int, int]] = []
    silent.subscribe(lambda taken: lost.append(dict(taken)))
    await silent.fence.look()
    assert lost == [{station.id: 2}]
    assert not silent.fence.admits(station.id, 1)
    assert silent.fence.admits(station.id, 2)
    await silent.leave()


async def test_a_command_on_the_same_data_folder_is_no_node(settings: Settings, store: Store) -> None:
    async with visit_store(settings, Metrics()) as visited:
        await visited.api_tokens.create(EVERYBODY, "made beside a node")
    await store.nodes.fence.look()  # nobody has taken its place
    assert await store.query("select id from nodes") == [(store.nodes.id,)]


def test_a_data_folder_keeps_its_name(tmp_path: Path) -> None:
    first = installation(tmp_path / "one")
    assert installation(tmp_path / "one") == first != installation(tmp_path / "other")


async def test_one_node_at_a_time_has_a_duty(store: Store, database: Database) -> None:
    other = Duties(database, "other")
    assert await store.duties.holds("work")
    assert await store.duties.holds("work")
    assert not await other.holds("work")
    assert await other.holds("other work")
    await database.fetch("update duties set leased_until = now() - interval '1 second'")
    assert await other.holds("work")


async def test_who_leaves_lays_down_its_duties(store: Store, database: Database) -> None:
    assert await store.duties.holds("work")
    await store.nodes.leave()
    assert await Duties(database, "other").holds("work")


async def test_a_node_that_was_given_up_ends(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one on its data folder takes its place: what it would still write is refused."""
    monkeypatch.setattr(nodes, "BEAT", 0.01)

    async def run() -> None:
        async with open_store(settings, Metrics()) as store, open_store(settings, Metrics()):
            with pytest.raises(Superseded):
                await store.journal.commit([event()])
            await trio.sleep_forever()

    with pytest.raises(GivenUp):
        await run()


async def test_a_node_lives_on_whatever_goes_wrong_with_a_sign_of_life(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed, beaten, beat = trio.Event(), trio.Event(), store.nodes._beat

    async def fail_once() -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("a bug")
        await beat()
        beaten.set()

    monkeypatch.setattr(nodes, "BEAT", 0.01)
    monkeypatch.setattr(store.nodes, "_beat", fail_once)
    store.nodes.heard_of(store.nodes.id)
    await failed.wait()
    await beaten.wait()
