"""(c) A reconnect storm: all chargers charge, all connections break at once, all come back at the same time.

Each boots, tells its status, goes on with its transaction and begins a second one on its other connector.
Then all transactions end, and the database must have each acknowledged one, once, with its readings: what is
not, is lost. There are two storms: the network fails; the node dies by kill -9 and is started again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import trio

from bench import programs
from bench.loadgen import LoadGenerator, Report, Transaction
from bench.report import Maker, Row
from engine.domain.caller import Caller, CallerKind
from engine.metrics import Metrics
from engine.settings import Settings
from engine.store import Store, open_store
from engine.store.invariants import violations
from engine.store.plan import Plan
from engine.store.readings import SESSIONS
from engine.store.repositories.sessions import SessionRow, session_row

PAGE = 1_000
BENCH: Final = Caller("bench", CallerKind.NODE)


def measure(make: Maker, connections: int) -> Iterator[Row]:
    """Rows of both storms."""
    yield from _storm(make, connections, "the network fails", kill=False)
    yield from _storm(make, connections, "the node is killed and restarted", kill=True)


def _storm(make: Maker, connections: int, cause: str, *, kill: bool) -> list[Row]:
    with programs.voltrio(connections) as program, LoadGenerator(program.ocpp_port, connections) as load:
        load.open()
        load.start(1)
        report = _kill(program, load) if kill else load.cut(2)
        load.stop()
        acknowledged = load.ledger(program.data)
        program.stop()
        lost = trio.run(_lost, program.data, acknowledged)
    title = f"Storm of {connections:,} chargers, {cause}"
    start = report.latency["StartTransaction"]
    return [
        make.single(f"{title}: all booted after", report.booted_after, "s"),
        make.single(f"{title}: StartTransaction p50", start.p50_ms, "ms"),
        make.single(f"{title}: StartTransaction p99", start.p99_ms, "ms"),
        make.single(f"{title}: transactions lost or wrong of {len(acknowledged):,}", lost, "transactions"),
    ]


def _kill(program: programs.Voltrio, load: LoadGenerator) -> Report:
    load.expect_loss(2)
    program.kill()
    program.start()
    return load.outcome()


async def _lost(data: Path, acknowledged: Sequence[Transaction]) -> int:
    """Acknowledged transactions that are not in the database as they should be, and contradictions there."""
    async with open_store(Settings(data=str(data)), Metrics()) as store:
        rows = await _sessions(store)
        contradictions = len(await violations(store))
    stored = Counter(
        (row.identity, row.transaction_id or "", row.meter_start_wh, row.meter_stop_wh, row.energy_wh)
        for row in rows
        if row.status == "finished"
    )
    expected = Counter(
        (
            one.identity,
            one.transaction_id,
            one.meter_start,
            one.meter_stop,
            (one.meter_stop or 0) - one.meter_start,
        )
        for one in acknowledged
    )
    return (expected - stored).total() + (stored - expected).total() + contradictions


async def _sessions(store: Store) -> list[SessionRow]:
    rows: list[SessionRow] = []
    key: list[int] | None = None
    while page := await store.rows(Plan(caller=BENCH, reading=SESSIONS, after=key, limit=PAGE)):
        rows += map(session_row, page)
        key = [rows[-1].id]
    return rows
