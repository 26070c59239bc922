"""Group commit on the real database: idempotent, isolated, bounded, and sure of what happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import asyncpg
import msgspec
import pytest
import trio
from msgspec.structs import replace

from engine.domain.access import StationRecord
from engine.domain.changes import (
    Change,
    ChargingPeriodClosed,
    ChargingPeriodOpened,
    EventPublished,
    HardwareStatusChanged,
    Json,
    MeterValueCounted,
    NetworkStatusChanged,
    SessionReopened,
)
from engine.errors import ChangeRefused, StoreError
from engine.metrics import Metrics
from engine.store import Store, apart, journal, writer
from engine.store.apart import LARGE_BYTES, LARGE_ROWS
from engine.store.database import Database
from engine.store.readings import CONNECTORS, PERIODS
from tests.plans import EVERYBODY, found, whole

from .conftest import NOW, at, closed, measured, opened, shown

Count = Callable[[str], Any]


def event(subject: str = "session:1") -> EventPublished:
    return EventPublished(
        type="session.updated", subject=subject, operator_id=1, payload=b"{}", created_at=NOW
    )


async def test_what_is_committed_is_there(store: Store, station: StationRecord, count: Count) -> None:
    await store.journal.commit([opened(station.id), measured(station.id), event()])
    assert await count("sessions") == await count("meter_values") == await count("events") == 1


async def test_the_same_twice_is_once(store: Store, station: StationRecord, count: Count) -> None:
    for _ in range(2):
        await store.journal.commit(
            [opened(station.id), measured(station.id), measured(station.id, second=120)]
        )
        await store.journal.commit([closed()])
    assert await count("sessions") == 1
    assert await count("meter_values") == 2
    assert await count("sessions where status = 'finished' and energy_wh = 10000") == 1


async def test_many_callers_share_a_commit(
    store: Store, station: StationRecord, metrics: Metrics, count: Count
) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(200):
            nursery.start_soon(store.journal.commit, [measured(station.id, second=number)])
    assert await count("meter_values") == 200
    assert sum(metrics.journal_rows.counts) <= 3
    assert metrics.journal_rows.total == 200


async def test_callers_without_a_task_are_told(store: Store, station: StationRecord, count: Count) -> None:
    told: dict[str, ChangeRefused | None] = {}

    def fail(_: ChangeRefused | None) -> None:
        raise RuntimeError("a bug of this caller")

    store.journal.commit_then([measured(station.id)], fail)
    store.journal.commit_then([opened(station.id, 1, start_key="k")], partial(told.__setitem__, "first"))
    store.journal.commit_then([opened(station.id, 2, start_key="k")], partial(told.__setitem__, "second"))
    assert not told
    await store.journal.flush()
    assert told["first"] is None
    assert isinstance(told["second"], ChangeRefused)
    assert await count("sessions") == await count("meter_values") == 1


async def test_another_session_of_the_same_start_is_refused(store: Store, station: StationRecord) -> None:
    await store.journal.commit([opened(station.id, 1, start_key="k")])
    with pytest.raises(ChangeRefused):
        await store.journal.commit([opened(station.id, 2, start_key="k")])


@pytest.mark.parametrize(
    "poison",
    [
        {"evse_number": 2**40},
        {"charge_point_id": 999_999},
        {"id": 2**63},
        {"status": None},
    ],
    ids=["integer too large", "no such station", "id too large", "null"],
)
async def test_poison_harms_only_its_own_caller(
    store: Store, station: StationRecord, count: Count, poison: dict[str, Any]
) -> None:
    outcomes: dict[int, str] = {}

    async def commit(number: int) -> None:
        bad = {**({"id": number}), **poison} if number == 13 else {"id": number}
        change = opened(station.id, **{"transaction_id": str(number), "start_key": str(number), **bad})
        try:
            await store.journal.commit([change, event(str(number))])
            outcomes[number] = "committed"
        except ChangeRefused:
            outcomes[number] = "refused"

    async with trio.open_nursery() as nursery:
        for number in range(1, 41):
            nursery.start_soon(commit, number)
    assert {number for number, outcome in outcomes.items() if outcome == "refused"} == {13}
    assert await count("sessions") == await count("events") == 39


class Counting:
    """How many transactions writers begin, and how many of them are refused."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = self.refused = 0
        write = writer.Writer.write

        async def counted(one: writer.Writer, changes: Sequence[Change]) -> None:
            self.begun += bool(changes)
            try:
                await write(one, changes)
            except writer.PlanError:
                self.refused += 1
                raise

        monkeypatch.setattr(writer.Writer, "write", counted)


async def test_who_was_refused_costs_others_no_more_halving(
    store: Store, station: StationRecord, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting(monkeypatch)
    verdicts: list[ChangeRefused | None] = []
    for turn in range(5):
        bad = [measured(station.id, samples=Json(b"not JSON"))]
        store.journal.commit_then(bad, verdicts.append, station.id)
        for number in range(31):
            good = [measured(station.id, second=turn * 100 + number)]
            store.journal.commit_then(good, lambda _: None, 1_000 + number)
        await store.journal.flush(station.id)
        if turn == 0:
            assert counting.refused == 6  # batches of 33, 16, 8, 4, 2 and 1
            counting.refused = 0
    assert [verdict is None for verdict in verdicts] == [False] * 5
    assert counting.refused == 4  # one each, by itself
    assert await count("meter_values") == 5 * 31


async def test_a_suspects_changes_keep_their_order(
    store: Store, station: StationRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "CLEAN_ENTRIES", 3)
    with pytest.raises(ChangeRefused):
        await store.journal.commit([measured(station.id, samples=Json(b"not JSON"))], station.id)
    order: list[int] = []
    for number in range(20):
        status = NetworkStatusChanged(id=station.id, network_status=str(number), at=at(number))
        store.journal.commit_then([status], lambda _, number=number: order.append(number), station.id)
    await store.journal.flush(station.id)
    assert order == list(range(20))
    assert (await store.stations.get(EVERYBODY, "CP1")).network_status == "19"
    assert not store.journal._apart._suspects


async def test_a_bug_in_the_journal_costs_its_own_callers_an_answer_and_ends_nothing(
    store: Store, metrics: Metrics, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = journal.Journal._settle
    bugs = [ValueError("a bug")]

    async def failing(self: journal.Journal, entries: Sequence[journal.Entry], by: writer.Writer) -> None:
        if bugs:
            raise bugs.pop()
        await settle(self, entries, by)

    monkeypatch.setattr(journal.Journal, "_settle", failing)
    with pytest.raises(ChangeRefused, match="a bug"):
        await store.journal.commit([event()])
    await store.journal.commit([event()])
    assert await count("events") == 1
    assert metrics.task_failures == {("journal",): 1}
    bugs.append(ValueError("a bug apart"))
    with pytest.raises(ChangeRefused, match="a bug apart"):
        await store.journal.commit([event() for _ in range(LARGE_ROWS + 1)], 7)
    await store.journal.commit([event()], 7)
    assert await count("events") == 2
    assert len(store.journal._apart) == 0


async def test_only_so_many_suspects_are_remembered(
    store: Store, station: StationRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "MOST_SUSPECTS", 2)
    for owner in (1, 2, 3):
        with pytest.raises(ChangeRefused):
            await store.journal.commit([measured(station.id, samples=Json(b"not JSON"))], owner)
    assert list(store.journal._apart._suspects) == [2, 3]


async def test_a_large_entry_waits_for_itself_alone(
    store: Store, station: StationRecord, metrics: Metrics, count: Count
) -> None:
    """While it is being committed, and one more waits behind it, others are committed and told."""
    order: list[str] = []
    begun, go_on = trio.Event(), trio.Event()
    one = store.journal._writer_apart
    write = one.write

    async def slowly(changes: Sequence[Change]) -> None:
        begun.set()
        await go_on.wait()
        await write(changes)

    one.write = slowly  # type: ignore[method-assign]
    for hundreds in (1, 2):
        rows = [measured(station.id, second=hundreds * 1_000 + number) for number in range(LARGE_ROWS + 1)]
        store.journal.commit_then(rows, lambda _, name=f"large {hundreds}": order.append(name), hundreds)
    await begun.wait()
    for number in range(3):
        await store.journal.commit([measured(station.id, second=number)], 10 + number)
        order.append(f"small {number}")
    assert metrics.gauges["voltrio_journal_queue"][1]() == 2
    go_on.set()
    await store.journal.flush(2)
    assert order == ["small 0", "small 1", "small 2", "large 1", "large 2"]
    assert await count("meter_values") == 3 + 2 * (LARGE_ROWS + 1)


async def test_the_changes_of_one_charger_keep_their_order_whatever_their_size(
    store: Store, station: StationRecord
) -> None:
    order: list[int] = []
    for number in range(12):
        changes: list[Change] = [
            NetworkStatusChanged(id=station.id, network_status=str(number), at=at(number))
        ]
        if number % 3 == 1:
            changes += [measured(station.id, second=number * 1_000 + i) for i in range(LARGE_ROWS)]
        store.journal.commit_then(changes, lambda _, number=number: order.append(number), station.id)
        if number % 4 == 3:
            await trio.testing.wait_all_tasks_blocked()
    await store.journal.flush(station.id)
    assert order == list(range(12))
    assert (await store.stations.get(EVERYBODY, "CP1")).network_status == "11"


async def test_a_large_entry_is_not_written_before_what_its_charger_handed_in_first(
    store: Store, station: StationRecord
) -> None:
    order: list[str] = []
    go_on = trio.Event()
    writers = {"main": store.journal._writer, "apart": store.journal._writer_apart}

    def watched(name: str, write: Callable[[Sequence[Change]], Any]) -> Callable[[Sequence[Change]], Any]:
        async def writing(changes: Sequence[Change]) -> None:
            order.append(name)
            if name == "main":
                await go_on.wait()
            await write(changes)

        return writing

    for name, one in writers.items():
        one.write = watched(name, one.write)  # type: ignore[method-assign]
    store.journal.commit_then([measured(station.id)], lambda _: order.append("told"), station.id)
    large = [measured(station.id, second=number) for number in range(LARGE_ROWS + 1)]
    store.journal.commit_then(large, lambda _: None, station.id)
    await trio.testing.wait_all_tasks_blocked()
    assert order == ["main"]
    go_on.set()
    await store.journal.flush(station.id)
    assert order[0] == "main"
    assert sorted(order[1:3]) == ["apart", "told"]


async def test_large_samples_go_apart_and_what_belongs_to_no_charger_does_not(
    store: Store, station: StationRecord
) -> None:
    large = measured(station.id, samples=Json(b"[" + b" " * LARGE_BYTES + b"]"))
    taken: list[int] = []
    one = store.journal._writer_apart
    write = one.write

    async def seen(changes: Sequence[Change]) -> None:
        taken.append(len(changes))
        await write(changes)

    one.write = seen  # type: ignore[method-assign]
    await store.journal.commit([large])
    assert taken == []
    await store.journal.commit([large], station.id)
    assert taken == [1]


@pytest.mark.parametrize(
    "text", ["NUL\0", "half a pair \ud800", "\\u0000 as text", "\\\0 behind a backslash"]
)
async def test_any_text_is_stored(store: Store, station: StationRecord, text: str) -> None:
    """What PostgreSQL's text does not hold makes way for something else."""
    told = replace(event(), payload=msgspec.json.encode({"said": text}) if text.isprintable() else b"{}")
    await store.journal.commit([opened(station.id, id_tag=text), told])
    stored = (await store.sessions.get(EVERYBODY, 1)).id_tag
    assert stored is not None
    assert stored == text.replace("\0", "\ufffd").replace("\ud800", "?").replace("\\u0000", "\\ufffd")


async def test_documents_are_stored_without_nul(store: Store) -> None:
    await store.journal.commit([replace(event(), payload=b'{"said":"NUL\\u0000"}')])
    ((said,),) = await store.query("select payload ->> 'said' from events")
    assert said == "NUL\ufffd"


async def test_large_rows_go_in_batches_of_their_own(
    store: Store, station: StationRecord, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "BATCH_BYTES", 100)
    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(store.journal.commit, [measured(station.id, second=number)])
    assert metrics.journal_rows.counts[0] == 4


async def test_a_refused_caller_leaves_nothing_behind(
    store: Store, station: StationRecord, count: Count
) -> None:
    with pytest.raises(ChangeRefused):
        await store.journal.commit(
            [measured(station.id), measured(station.id, second=1, samples=Json(b"not JSON"))]
        )
    assert await count("meter_values") == 0


async def test_charging_periods_follow_each_other(store: Store, station: StationRecord, count: Count) -> None:
    flips = [
        ChargingPeriodOpened(session_id=1, started_at=at(0), charging_state="charging", energy_wh=0),
        ChargingPeriodOpened(session_id=1, started_at=at(60), charging_state="idle", energy_wh=500),
        ChargingPeriodOpened(session_id=1, started_at=at(90), charging_state="charging", energy_wh=500),
        ChargingPeriodClosed(session_id=1, stopped_at=at(200), energy_wh=900),
    ]
    for _ in range(2):
        await store.journal.commit([opened(station.id), *flips])
    periods = await found(store, PERIODS, session_id=1)
    assert [(p.started_at, p.stopped_at, p.energy_start_wh, p.energy_stop_wh) for p in periods] == [
        (at(0), at(60), 0, 500),
        (at(60), at(90), 500, 500),
        (at(90), at(200), 500, 900),
    ]


async def test_a_reopened_session_is_closed_again(store: Store, station: StationRecord) -> None:
    missing = closed(reason="new_start_transaction_received", energy_wh=5)
    await store.journal.commit(
        [opened(station.id), missing, SessionReopened(id=1, last_updated_at=at(1)), closed(reason="local")]
    )
    row = await store.sessions.get(EVERYBODY, 1)
    assert (row.status, row.reason, row.energy_wh) == ("finished", "local", 10_000)


async def test_the_last_update_wins_and_all_are_logged(
    store: Store, station: StationRecord, count: Count
) -> None:
    states = ["available", "temporarily_unavailable", "available", "long_term_unavailable"]
    await store.journal.commit(
        [
            NetworkStatusChanged(id=station.id, network_status=state, at=at(n))
            for n, state in enumerate(states)
        ]
    )
    assert (await store.stations.get(EVERYBODY, "CP1")).network_status == states[-1]
    assert await count("status_log where scope = 'network'") == 4


async def test_an_older_hardware_status_is_logged_only(
    store: Store, station: StationRecord, count: Count
) -> None:
    def status(name: str, seconds: float, connector: int = 1) -> HardwareStatusChanged:
        return HardwareStatusChanged(
            charge_point_id=station.id, evse_number=1, connector_number=connector, status=name,
            error_code="NoError",
            info=None, vendor_id=None, vendor_error_code=None, at=at(seconds), received_at=at(100),
        )  # fmt: skip

    await store.journal.commit([status("charging", 50), status("available", 10), status("faulted", 20, 2)])
    await store.journal.commit([status("preparing", 30)])
    known = await store.rows(whole(CONNECTORS, charge_point_id=station.id))
    assert [(c["connector_number"], c["status"]) for c in known] == [(1, "charging"), (2, "faulted")]
    assert (await count("evses"), await count("connectors")) == (1, 2)
    assert await count("status_log") == 4


async def test_a_cancelled_caller_is_written_anyway(
    store: Store, station: StationRecord, count: Count
) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.journal.commit([measured(station.id)])
    assert scope.cancelled_caught
    await store.journal.flush()
    assert await count("meter_values") == 1


async def test_a_closed_journal_takes_nothing(store: Store, metrics: Metrics) -> None:
    await store.journal.close(1.0)
    with pytest.raises(StoreError):
        await store.journal.commit([event()])
    store.journal.append([event()])
    assert metrics.journal_dropped["EventPublished", "closed"] == 1


@pytest.mark.parametrize("error", [ConnectionResetError("reset by peer"), ValueError("a bug")], ids=repr)
@pytest.mark.parametrize("committed", [True, False], ids=["committed", "not committed"])
async def test_a_commit_of_unknown_outcome_is_done_once(
    store: Store,
    station: StationRecord,
    count: Count,
    monkeypatch: pytest.MonkeyPatch,
    *,
    committed: bool,
    error: Exception,
) -> None:
    """Something breaks around the commit; rows of logs, which have no key, are there once all the same."""
    breaks = iter([True])
    fetchval = asyncpg.Connection.fetchval

    async def breaking(self: asyncpg.Connection, query: str, *arguments: Any, **options: Any) -> Any:
        if query == writer.COMMIT and next(breaks, False):
            if committed:
                await fetchval(self, query, *arguments)
            self.terminate()
            raise error
        return await fetchval(self, query, *arguments, **options)

    monkeypatch.setattr(asyncpg.Connection, "fetchval", breaking)
    await store.journal.commit([event(), opened(station.id)])
    assert next(breaks, None) is None
    assert await count("events") == await count("sessions") == 1


async def test_an_attempt_that_was_given_up_does_nothing_when_it_is_run_late(
    store: Store, station: StationRecord, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server process that stood still may take it from its socket when later commits are done."""
    late: list[tuple[Any, ...]] = []
    fetchval = asyncpg.Connection.fetchval

    async def keeping(self: asyncpg.Connection, query: str, *arguments: Any, **options: Any) -> Any:
        if query == writer.COMMIT and not late:
            late.append(arguments)
            self.terminate()
            raise ConnectionResetError("no answer")
        return await fetchval(self, query, *arguments, **options)

    monkeypatch.setattr(asyncpg.Connection, "fetchval", keeping)
    states = ["available", "temporarily_unavailable"]
    for second, state in enumerate(states):
        await store.journal.commit([NetworkStatusChanged(id=station.id, network_status=state, at=at(second))])
    other = store.journal._writer._connection
    assert other is not None
    assert await store._database.run(other.fetchval(writer.COMMIT, *late[0])) is False
    assert await count("status_log") == 2
    assert (await store.stations.get(EVERYBODY, "CP1")).network_status == states[-1]


async def test_a_commit_is_one_round_trip(store: Store, station: StationRecord, count: Count) -> None:
    """Whatever is in it, and in how many rounds."""
    await store.journal.commit([event()])
    connection = store.journal._writer._connection
    assert connection is not None
    queries: list[str] = []
    connection.add_query_logger(lambda record: queries.append(record.query))
    await store.journal.commit(
        [
            opened(station.id),
            measured(station.id),
            event(),
            closed(),
            SessionReopened(id=1, last_updated_at=at(1)),
            closed(),
        ]
    )
    assert queries == [writer.COMMIT]
    assert await count("sessions where status = 'finished'") == 1


async def test_a_terminated_connection_is_replaced(
    store: Store, station: StationRecord, count: Count
) -> None:
    await store.journal.commit([event()])
    await store._database.fetch(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )
    await store.journal.commit([event()])
    assert await count("events") == 2


async def test_callers_wait_while_the_database_is_away(
    store: Store, station: StationRecord, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = Database.connect
    refusals = iter(range(3))

    async def refusing(self: Database) -> asyncpg.Connection:
        if next(refusals, None) is not None:
            raise ConnectionRefusedError("the database system is starting up")
        return await connect(self)

    await store.journal.commit([event()])
    monkeypatch.setattr(Database, "connect", refusing)
    monkeypatch.setattr(writer, "RETRY_DELAYS", (0.0,))
    store.journal._writer.disconnect()
    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(store.journal.commit, [measured(station.id, second=number)])
    assert await count("meter_values") == 5


@pytest.mark.parametrize("together", [True, False])
async def test_a_meter_value_moves_the_totals_by_its_own_columns(
    store: Store, station: StationRecord, together: bool
) -> None:
    def moved(second: float, energy_wh: int) -> MeterValueCounted:
        row = measured(station.id, second=second, energy_wh=energy_wh, register_wh=1_000 + energy_wh)
        return MeterValueCounted(**msgspec.structs.asdict(row))

    told = [
        shown(),
        moved(120, 300),
        moved(180, 400),
        shown(second=240, energy_wh=450, resets=1),
        moved(300, 500),
    ]
    await store.journal.commit([opened(station.id), measured(station.id)])
    for changes in [told] if together else [[change] for change in told]:
        await store.journal.commit(changes)
    [totals] = await store.query(
        "select energy_wh, register_wh, register_at, sampled_at, resets, register_series from session_totals"
    )
    assert totals == (500, 1_500, at(300), at(300), 1, 1)
    rows = await store.query("select energy_wh from meter_values order by timestamp")
    assert rows == [(200,), (300,), (400,), (500,)]
