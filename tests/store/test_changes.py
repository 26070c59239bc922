"""What people change: an event in the same transaction, heard by every node, taken by every consumer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import trio

from bench.samples import filled
from engine.domain.access import StationRecord
from engine.domain.changes import HardwareStatusChanged, StationRemoved
from engine.domain.events import Event
from engine.metrics import Metrics
from engine.settings import Settings
from engine.store import Store, follower
from engine.store.consumers import Published, drop_read
from engine.store.repositories.stations import StationPatch
from engine.store.tables import Owner, metadata
from tests.plans import EVERYBODY, put_tag

from .conftest import NOW
from .test_journal import event

Recorded = Callable[[], Any]


@pytest.fixture
def recorded(store: Store) -> Recorded:
    """Type, subject and payload of what people have changed, in order."""

    async def ask() -> list[tuple[Any, ...]]:
        rows = await store.query(
            "select type, subject, payload::text from events where by_people order by xid, id"
        )
        return [(kind, subject, json.loads(str(payload))) for kind, subject, payload in rows]

    return ask


class Heard:
    """What a subscriber was given."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._more = trio.Event()

    async def apply(self, events: Sequence[Event]) -> None:
        self.events += events
        self._more.set()
        self._more = trio.Event()

    async def until(self, number: int) -> list[str]:
        with trio.fail_after(60):
            while len(self.events) < number:
                await self._more.wait()
        return [one.type for one in self.events]


async def test_every_table_of_people_records_its_changes(store: Store) -> None:
    triggers = await store.query(
        "select relname, tgargs::text from pg_trigger join pg_class c on c.oid = tgrelid "
        "where tgname = 'record_change'"
    )
    declared = {
        table.name: ",".join(table.info["reported"])
        for table in metadata.tables.values()
        if table.info["owner"] is Owner.PEOPLE and table.name != "audit_log"
    }
    arguments = {str(name): bytes.fromhex(str(given)[2:]).decode().split("\0")[1] for name, given in triggers}
    assert arguments == declared
    assert all(
        column in metadata.tables[name].c
        for name, given in declared.items()
        for column in given.split(",")
        if given
    )


async def test_a_change_is_an_event_of_the_same_transaction(store: Store, recorded: Recorded) -> None:
    before = len(await recorded())
    station = await store.stations.register(EVERYBODY, "CP9", StationPatch())
    await store.stations.update(EVERYBODY, "CP9", StationPatch(password_sha256=b"x" * 32))
    await store.query("update charge_points set deleted_at = now() where id = $1 returning 1", station.id)
    subject = f"charge_point:{station.id}"
    made, changed, gone = (await recorded())[before:]
    assert made == ("charge_point.created", subject, {"identity": "CP9"})
    assert changed[:2] == ("charge_point.updated", subject)
    assert "password_sha256" in changed[2]["changed"]
    assert gone[:2] == ("charge_point.deleted", subject)
    assert "78787878" not in json.dumps([made, changed, gone])


async def test_what_a_charger_reports_of_what_people_own_is_no_change_of_theirs(
    store: Store, station: StationRecord, recorded: Recorded
) -> None:
    setting = (
        "insert into charge_point_settings (charge_point_id, name, value) values ($1, 'K', '1') returning 1"
    )
    await store.query(setting, station.id)
    before = len(await recorded())
    await store.query("update charge_point_settings set status = 'Accepted', answered_at = now() returning 1")
    assert len(await recorded()) == before
    await store.query("update charge_point_settings set value = '2' returning 1")
    assert (await recorded())[before:] == [
        ("charge_point_setting.updated", "charge_point_setting:K", {"identity": "CP1", "changed": ["value"]})
    ]


async def test_who_wrote_goes_by_it_at_once(store: Store) -> None:
    await put_tag(store, "T", status="enabled")
    heard = Heard()
    store.follower.subscribe(heard.apply)
    await heard_of(store, heard)
    before = len(heard.events)
    await put_tag(store, "T", status="disabled")
    assert [(one.type, one.uid) for one in heard.events[before:]] == [("id_tag.updated", "T")]


async def heard_of(store: Store, heard: Heard) -> None:
    """Until the node hears of changes, and has heard of all that were made to find that out."""
    with trio.fail_after(60):
        number = 0
        while not heard.events:
            number += 1
            await put_tag(store, f"PROBE{number}")
        await put_tag(store, "LAST")
        while heard.events[-1].uid != "LAST":
            await heard.until(len(heard.events) + 1)


async def test_what_is_written_past_us_is_heard_too(store: Store) -> None:
    heard = Heard()
    store.follower.subscribe(heard.apply)
    await heard_of(store, heard)
    heard.events.clear()
    await store.query("update operators set locale = 'de' returning 1")
    assert await heard.until(1) == ["operator.updated"]


async def test_a_transaction_that_takes_longer_is_not_passed_over(store: Store, settings: Settings) -> None:
    heard = Heard()
    store.follower.subscribe(heard.apply)
    await heard_of(store, heard)
    heard.events.clear()
    async with in_transaction(store, "update operators set locale = 'fr'") as commit:
        await put_tag(store, "LATER")
        assert await heard.until(1) == ["id_tag.created"]
        await commit()
    assert await heard.until(2) == ["id_tag.created", "operator.updated"]
    await put_tag(store, "LATEST")
    assert await heard.until(3) == ["id_tag.created", "operator.updated", "id_tag.created"]


@asynccontextmanager
async def in_transaction(store: Store, sql: str) -> AsyncIterator[Callable[[], Any]]:
    """A statement that was done and is not committed before `commit` is called."""
    database = store._database
    connection: asyncpg.Connection = await database.run(database.connect())
    try:
        await database.run(connection.execute("begin"))
        await database.run(connection.execute(sql))

        async def commit() -> None:
            await database.run(connection.execute("commit"))

        yield commit
    finally:
        connection.terminate()


async def test_more_than_one_look_takes_is_heard_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "AT_ONCE", 3)
    heard = Heard()
    store.follower.subscribe(heard.apply)
    await heard_of(store, heard)
    heard.events.clear()
    await store.query(
        "insert into locations (operator_id, external_id) "
        "select id, n from operators, generate_series(1, 10) n returning 1"
    )
    for _ in range(5):
        await store.query("update operators set locale = locale || 'x' returning 1")
    assert await heard.until(15) == ["location.created"] * 10 + ["operator.updated"] * 5
    await put_tag(store, "LATEST")
    assert await heard.until(16)
    assert len({one.id for one in heard.events}) == len(heard.events) == 16


async def test_a_lost_connection_misses_nothing(store: Store) -> None:
    heard = Heard()
    store.follower.subscribe(heard.apply)
    await heard_of(store, heard)
    heard.events.clear()
    await store.query(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and query like '%by_people%' and pid <> pg_backend_pid()"
    )
    await put_tag(store, "MEANWHILE")
    assert await heard.until(1) == ["id_tag.created"]


# --- consumers ---------------------------------------------------------------------------------------------


class Taken:
    """What a consumer was given; `failing` times it fails first."""

    def __init__(self, failing: int = 0) -> None:
        self.subjects: list[str] = []
        self.failing = failing
        self._more = trio.Event()

    async def take(self, events: Sequence[Published]) -> None:
        if self.failing:
            self.failing -= 1
            raise ValueError("not now")
        self.subjects += [one.subject for one in events]
        self._more.set()
        self._more = trio.Event()

    async def until(self, number: int) -> list[str]:
        with trio.fail_after(60):
            while len(self.subjects) < number:
                await self._more.wait()
        return self.subjects


@asynccontextmanager
async def consuming(store: Store, name: str, taken: Taken) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.consumer(name, taken.take).run)
        try:
            yield
        finally:
            nursery.cancel_scope.cancel()


async def begun(store: Store, *names: str) -> None:
    """Consumers that there are from now on."""
    for name in names:
        await store.query("insert into consumers (name) values ($1) returning 1", name)


async def test_a_consumer_goes_on_where_it_was(store: Store) -> None:
    await begun(store, "hooks")
    first, second = Taken(), Taken()
    await store.journal.commit([event(f"session:{n}") for n in range(1_200)])
    async with consuming(store, "hooks", first):
        assert await first.until(1_200) == [f"session:{n}" for n in range(1_200)]
    await store.journal.commit([event("session:next")])
    async with consuming(store, "hooks", second):
        assert await second.until(1) == ["session:next"]


async def test_what_could_not_be_taken_is_given_again_and_no_other_waits(
    store: Store, metrics: Metrics
) -> None:
    await begun(store, "bad", "good")
    bad, good = Taken(failing=10**9), Taken()
    await store.journal.commit([event()])
    async with consuming(store, "bad", bad), consuming(store, "good", good):
        await good.until(1)
        with trio.fail_after(60):
            while metrics.consumers["bad"]() == 0 or metrics.consumers["good"]() > 0:
                await trio.lowlevel.checkpoint()
        bad.failing = 0
        assert await bad.until(1) == ["session:1"]


async def test_one_node_takes_at_a_time(store: Store, settings: Settings) -> None:
    await begun(store, "hooks")
    first, second = Taken(), Taken()
    async with consuming(store, "hooks", first):
        await store.journal.commit([event("session:1")])
        await first.until(1)
        other = Store(store._database, settings, Metrics(), lambda: 0.5)
        consumer = other.consumer("hooks", second.take)
        assert await consumer._turn() > 0
        assert second.subjects == []
    # It has given up its lease: the other one goes on, from there.
    await store.journal.commit([event("session:2")])
    await consumer._turn()
    assert second.subjects == ["session:2"]


async def test_no_cursor_passes_a_transaction_that_takes_longer(store: Store) -> None:
    await begun(store, "hooks")
    taken = Taken()
    sql = (
        "insert into events (type, subject, payload, created_at) values ('told', 'session:slow', '{}', now())"
    )
    async with in_transaction(store, sql) as commit:
        await store.journal.commit([event("session:fast")])
        consumer = store.consumer("hooks", taken.take)
        await consumer._turn()
        assert taken.subjects == []
        await commit()
    await consumer._turn()
    assert taken.subjects == ["session:slow", "session:fast"]


async def test_events_stay_until_all_have_taken_them(store: Store, count: Any) -> None:
    await begun(store, "quick", "slow")
    taken = Taken()
    await store.journal.commit([event("session:1"), event("session:2")])
    quick, slow = store.consumer("quick", taken.take), store.consumer("slow", taken.take)
    await quick._turn()
    later = datetime.now(UTC) + timedelta(days=1)

    async def drop(before: datetime) -> None:
        await store._database.translating(lambda connection: drop_read(connection, before, at_once=1))

    await drop(later)
    assert await count("events") == 2
    await slow._turn()
    await drop(datetime(2026, 1, 1, tzinfo=UTC))
    assert await count("events") == 2
    await drop(later)
    assert await count("events") == 0


async def test_rows_that_chargers_make_in_peoples_tables_are_no_change_by_people(
    store: Store, station: StationRecord, recorded: Recorded
) -> None:
    before = len(await recorded())
    status = filled(
        HardwareStatusChanged, charge_point_id=station.id, evse_number=1, connector_number=1,
        status="available", error_code="NoError", at=NOW, received_at=NOW,
    )  # fmt: skip
    await store.journal.commit([status], station.id)
    assert len(await recorded()) == before
    made = "select type from events where not by_people and type like '%.created' order by id"
    assert sorted(await store.query(made)) == [("connector.created",), ("evse.created",)]
    await store.query("update evses set physical_reference = 'A' returning 1")
    # What people remove goes through the journal too.
    await store.journal.commit([StationRemoved(id=station.id, at=NOW)])
    assert [kind for kind, _, _ in (await recorded())[before:]] == ["evse.updated", "charge_point.deleted"]
