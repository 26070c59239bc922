"""Two nodes on one database: a charge point belongs to the one that it has connected to last."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from engine.domain.changes import EventPublished, NetworkStatusChanged
from engine.errors import Superseded
from engine.metrics import Metrics
from engine.settings import Settings
from engine.store import nodes
from engine.store.database import Database, open_database
from engine.store.repositories.stations import StationPatch
from tests.patience import PATIENCE, until
from tests.plans import EVERYBODY

from .test_with_store import BOOT, START, node

STOP = {"meterStop": 500, "timestamp": "2026-03-01T12:30:00Z"}
START_LATE = "2026-03-01T12:10:00Z"


@pytest.fixture
def make(start: Any) -> Any:
    """The class of sites, which a test module cannot import."""
    return start.site


@pytest.fixture
async def pair(settings: Settings, make: Any, tmp_path: Path) -> AsyncIterator[tuple[Any, Any]]:
    """Two nodes that know CP1 and CP2."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(node(settings, make))
        other = await stack.enter_async_context(node(replace(settings, data=str(tmp_path / "other")), make))
        for identity in ("CP1", "CP2"):
            await one.store.stations.add(EVERYBODY, identity, StationPatch(security_profile=0))
        yield one, other


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """A way to the database past both nodes."""
    async with open_database(dsn, Metrics()) as opened:
        yield opened


async def status(site: Any, identity: str = "CP1") -> tuple[str, str, int]:
    """Network status, node and generation."""
    ((found, holder, generation),) = await site.store.query(
        "select network_status, node_id, generation from charge_point_status s "
        "join charge_points c on c.id = s.charge_point_id where network_id = $1",
        identity,
    )
    return found, holder, generation


async def soon(look: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Look until it is so."""
    with trio.fail_after(PATIENCE):
        while await look() != wanted:
            await trio.lowlevel.checkpoint()


async def test_a_charge_point_moves_with_its_transaction(pair: tuple[Any, Any]) -> None:
    one, other = pair
    async with one.connect() as old:
        await one.ask(old, "BootNotification", BOOT)
        number = (await one.ask(old, "StartTransaction", START, "2"))[2]["transactionId"]
        assert await status(one) == ("available", one.store.nodes.id, 1)
        async with other.connect() as new:
            # The transaction is known there, and goes on without a boot.
            again = await other.ask(new, "StartTransaction", START, "2")
            assert again[2]["transactionId"] == number
            assert (await one.closing(old)).code == 1008
            await until(lambda: not len(one.registry))
            assert await status(one) == ("available", other.store.nodes.id, 2)
            assert other.registry.connected() == ["CP1"]
            await other.ask(new, "StopTransaction", {"transactionId": number, **STOP}, "3")
            # To everybody else it was here all the time.
            told = "select status from status_log where scope = 'network'"
            assert await one.store.query(told) == [("available",)]
    assert await one.store.query("select id, status, energy_wh from sessions") == [(number, "finished", 500)]


async def test_it_moves_back(pair: tuple[Any, Any]) -> None:
    one, other = pair
    async with one.connect() as first:
        await one.ask(first, "BootNotification", BOOT)
        async with other.connect() as second:
            await one.closing(first)
            async with one.connect() as third:
                await other.closing(second)
                assert (await one.ask(third, "StartTransaction", START))[0] == 3
                assert await status(one) == ("available", one.store.nodes.id, 3)
    await soon(lambda: status(one), ("temporarily_unavailable", one.store.nodes.id, 3))


async def test_late_work_of_the_old_node_is_refused(
    pair: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    held, gate, settle = trio.Event(), trio.Event(), one.store.journal._settle_all

    async def settle_late(*work: Any) -> None:
        held.set()
        await gate.wait()
        await settle(*work)

    async with one.connect() as old, one.connect("CP2") as neighbour:
        await one.ask(old, "BootNotification", BOOT)
        await one.ask(neighbour, "BootNotification", BOOT)
        monkeypatch.setattr(one.store.journal, "_settle_all", settle_late)
        await old.send_message(json.dumps([2, "2", "StartTransaction", START]))
        await held.wait()
        await neighbour.send_message(json.dumps([2, "2", "StartTransaction", START]))
        async with other.connect() as new:
            # It tells there what it has told here, and something else happens.
            late = {**START, "meterStart": 7, "timestamp": START_LATE}
            number = (await other.ask(new, "StartTransaction", late))[2]["transactionId"]
            gate.set()
            assert (await one.take(neighbour))[0] == 3  # in the same commit, and no worse for it
            assert (await one.closing(old)).code == 1008  # without an answer
            assert await one.store.query(
                "select s.id, s.meter_start_wh from sessions s "
                "join charge_points c on c.id = s.charge_point_id where network_id = 'CP1'"
            ) == [(number, 7)]
            assert one.metrics.superseded[()] == 1
            assert [*other.registry.state("CP1").sessions] == [str(number)]


async def test_a_takeover_waits_for_a_commit_that_is_under_way(
    pair: tuple[Any, Any], database: Database
) -> None:
    one, other = pair
    async with one.connect() as old:
        await one.ask(old, "BootNotification", BOOT)
        record = await other.store.reader.station("CP1")
        commit = await database.run(database.connect())
        for sql in ("begin", f"select lock_fence('{one.store.nodes.id}', false)"):
            await database.run(commit.execute(sql))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other.store.reader.take, record, "ocpp1.6")
            waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
            await soon(lambda: other.store.query(waiting), [(1,)])
            assert (await status(one))[1] == one.store.nodes.id
            await database.run(commit.execute("commit"))
        commit.terminate()
        assert (await status(one))[1] == other.store.nodes.id


async def test_what_is_not_of_a_connection_is_not_refused(pair: tuple[Any, Any]) -> None:
    one, other = pair
    event = EventPublished(type="x", subject="x", operator_id=1, payload=b"{}", created_at=datetime.now(UTC))
    async with one.connect() as old:
        await one.ask(old, "BootNotification", BOOT)
        async with other.connect():
            await one.closing(old)
            number = other.registry.state("CP1").id
            late = NetworkStatusChanged(
                id=number, network_status="long_term_unavailable", at=event.created_at
            )
            with pytest.raises(Superseded):
                await one.store.journal.commit([late, event], number, 1)
            await one.store.journal.commit([event], number)  # of people, for instance
            assert (await status(one))[0] == "available"


async def test_nobody_touches_the_charge_points_of_a_node_that_lives(
    pair: tuple[Any, Any], settings: Settings, make: Any, tmp_path: Path
) -> None:
    one, other = pair
    async with one.connect():
        await soon(lambda: status(one), ("available", one.store.nodes.id, 1))
        await other.registry.restore()
        async with node(replace(settings, data=str(tmp_path / "third")), make):
            pass
        assert await status(one) == ("available", one.store.nodes.id, 1)


async def test_a_node_that_leaves_is_survived(
    settings: Settings, make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "BEAT", 0.01)
    async with node(replace(settings, long_term_unavailable_after=3_600), make) as one:
        await one.store.stations.add(EVERYBODY, "CP1", StationPatch(security_profile=0))
        async with node(replace(settings, data=str(tmp_path / "other")), make) as other, other.connect():
            await soon(lambda: status(one), ("available", other.store.nodes.id, 1))
            assert one.metrics.gauges["voltrio_nodes"][1]() == 2
            other.nursery.cancel_scope.cancel()  # without a word of its charge points
        await soon(lambda: status(one), ("temporarily_unavailable", one.store.nodes.id, 2))
        assert one.metrics.gauges["voltrio_nodes"][1]() == 1
