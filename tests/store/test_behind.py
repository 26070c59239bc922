"""What nobody waits for: soon on disk, bounded in bytes and fair, and never in anybody's way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import trio
import trio.testing

from engine.domain.access import StationRecord
from engine.domain.changes import Change, MessageLogged
from engine.metrics import Metrics
from engine.store import Store, behind
from engine.store.behind import Behind
from engine.store.writer import PlanError

from .conftest import NOW, measured

Count = Callable[[str], Any]


def logged(station: int, payload: str = "{}", action: str = "Heartbeat") -> MessageLogged:
    return MessageLogged(
        charge_point_id=station, operator_id=1, at=NOW, direction="in", kind="call", action=action,
        message_id="1", payload=payload, correlation_id="c",
    )  # fmt: skip


class FakeWriter:
    """Notes what is written. While `closed_gate` is set it waits; what contains `poison` is refused."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.refused = 0
        self.gate = trio.Event()
        self.gate.set()
        self.poison = "poison"

    async def write(self, changes: Sequence[Change]) -> None:
        await self.gate.wait()
        await trio.lowlevel.checkpoint()
        payloads = [change.payload for change in changes if isinstance(change, MessageLogged)]
        if self.poison in payloads:
            self.refused += 1
            raise PlanError("poison")
        self.batches.append(payloads)

    def disconnect(self) -> None: ...

    @property
    def written(self) -> list[str]:
        return [payload for batch in self.batches for payload in batch]


class Bench:
    """A queue whose writer is under our control."""

    def __init__(self, metrics: Metrics) -> None:
        self.writer = FakeWriter()
        self.busy = False
        self.metrics = metrics
        self.behind = Behind(self.writer, metrics, lambda: self.busy)  # type: ignore[arg-type]

    def dropped(self, reason: str, kind: str = "MessageLogged") -> int:
        return self.metrics.journal_dropped[kind, reason]

    @property
    def bytes(self) -> float:
        return self.metrics.gauges["voltrio_journal_behind_bytes"][1]()


@pytest.fixture
def bench(metrics: Metrics) -> Bench:
    return Bench(metrics)


async def test_flush_waits_until_it_is_written(store: Store, station: StationRecord, count: Count) -> None:
    store.journal.append([logged(station.id)])
    await store.journal.flush(behind=True)
    assert await count("message_log") == 1


async def test_commits_do_not_wait_for_it(store: Store, station: StationRecord, metrics: Metrics) -> None:
    for number in range(5_000):
        store.journal.append([logged(station.id, str(number))])
    await store.journal.commit([])
    assert metrics.gauges["voltrio_journal_behind_rows"][1]() > 0


async def test_text_of_any_kind_is_taken(store: Store, station: StationRecord) -> None:
    for text in ("\0", "\ud800", r"\u0000"):
        store.journal.append([logged(station.id, text, action=text)])
    await store.journal.flush(behind=True)
    rows = await store.query("select payload, action from message_log order by id")
    assert rows == [("\ufffd",) * 2, ("?",) * 2, (r"\ufffd",) * 2]


async def test_a_refused_row_goes_alone(store: Store, metrics: Metrics, count: Count) -> None:
    store.journal.append([logged(1), measured(1, samples="not JSON"), logged(1)])
    await store.journal.flush(behind=True)
    assert metrics.journal_dropped["MeterValueAdded", "refused"] == 1
    assert await count("message_log") == 2


async def test_isolating_refused_rows_is_bounded(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
    bench.behind.append([logged(1, "poison" if n == 700 else str(n)) for n in range(behind.BATCH_ROWS)])
    bench.behind.append([logged(1, "poison")] * behind.BATCH_ROWS)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.behind.run)
        await bench.behind.flush()
        nursery.cancel_scope.cancel()
    assert bench.writer.refused + len(bench.writer.batches) <= 2 * behind.ATTEMPTS
    lost = bench.dropped("refused") - behind.BATCH_ROWS
    assert 1 <= lost < behind.BATCH_ROWS / 50
    assert len(bench.writer.written) == behind.BATCH_ROWS - lost


async def test_it_is_bounded_in_bytes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "MOST_BYTES", 1 << 20)
    party = "\N{PARTY POPPER}" * 1_000
    for station in range(1, 400):
        bench.behind.append([logged(station, party)] * 10)
    assert 0.9 * (1 << 20) < bench.bytes < 1 << 20
    rows = bench.metrics.gauges["voltrio_journal_behind_rows"][1]()
    assert rows + bench.dropped("overflow") == 3_990


async def test_a_flood_pushes_out_nobody_else(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "MOST_BYTES", 1 << 20)
    for _ in range(2_000):
        bench.behind.append([logged(1)])
    dropped = bench.dropped("overflow")
    assert dropped > 0
    assert bench.bytes <= behind.MOST_BYTES / 4
    for station in range(2, 500):
        assert bench.behind.has_room(station)
        bench.behind.append([logged(station)])
    assert bench.dropped("overflow") == dropped


async def test_there_is_room_again_when_rows_are_written(
    bench: Bench, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(behind, "MOST_BYTES", 10_000)
    for n in range(20):
        bench.behind.append([logged(1, str(n))])
    kept = 20 - bench.dropped("overflow")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.behind.run)
        await bench.behind.flush()
        assert bench.bytes == 0
        assert bench.writer.written == [str(n) for n in range(kept)]
        bench.behind.append([logged(1, "again")])
        await bench.behind.flush()
        nursery.cancel_scope.cancel()
    assert bench.writer.written[-1] == "again"


async def test_rows_gather_for_a_moment(bench: Bench, autojump_clock: trio.testing.MockClock) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.behind.run)
        await trio.testing.wait_all_tasks_blocked()
        bench.behind.append([logged(1, "a")])
        await trio.testing.wait_all_tasks_blocked()
        bench.behind.append([logged(2, "b")])
        await trio.sleep(behind.LINGER)
        await trio.testing.wait_all_tasks_blocked()
        assert bench.writer.batches == [["a", "b"]]
        nursery.cancel_scope.cancel()


async def test_it_rests_while_others_commit(bench: Bench, autojump_clock: trio.testing.MockClock) -> None:
    """As long as its own transaction took: at most every other moment is its."""
    bench.writer.gate, bench.busy = trio.Event(), True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.behind.run)
        bench.behind.append([logged(1, "a")] * (behind.BATCH_ROWS + 1))
        await trio.sleep(behind.LINGER + 10)
        bench.writer.gate.set()
        await trio.sleep(9)
        assert len(bench.writer.batches) == 1
        await trio.sleep(2)
        assert len(bench.writer.batches) == 2
        nursery.cancel_scope.cancel()


async def test_closing_writes_what_is_there(bench: Bench) -> None:
    bench.behind.append([logged(1, "a")])
    bench.behind.close()
    await bench.behind.run()
    assert bench.writer.written == ["a"]
    bench.behind.append([logged(1)])
    assert bench.dropped("closed") == 1
