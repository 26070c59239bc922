"""What the kernel suites share: one message after the other, and a database to commit to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
import trio

from bench.programs import data_folder
from bench.samples import HEARTBEAT, MASK, METER_VALUES, Run
from engine.metrics import Metrics
from engine.settings import Settings
from engine.store import Store, open_store
from engine.store.database import Database, open_database
from engine.store.embedded import cluster
from engine.store.store import DATABASE
from ext.websocket import TEXT, frame


@pytest.fixture(params=[HEARTBEAT, METER_VALUES], ids=["Heartbeat", "MeterValues"])
def text(request: pytest.FixtureRequest) -> bytes:
    """A text message."""
    message: bytes = request.param
    return message


@pytest.fixture
def masked(text: bytes) -> bytes:
    """The message in a frame of a charger."""
    return frame(TEXT, text, MASK)


@pytest.fixture(scope="session")
def data() -> Iterator[Path]:
    """Folder of the suite's own database, on the disk on which real ones are."""
    with data_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def stored(data: Path) -> Iterator[tuple[Run, Store, Database]]:
    """An open store in a Trio loop, and asyncpg's pool on the same database."""
    ready: Future[tuple[trio.lowlevel.TrioToken, Store, Database, trio.Event]] = Future()

    async def main() -> None:
        try:
            async with (
                open_store(Settings(data=str(data)), Metrics()) as store,
                open_database(cluster(data).dsn(DATABASE), Metrics()) as database,
            ):
                end = trio.Event()
                ready.set_result((trio.lowlevel.current_trio_token(), store, database, end))
                await end.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    token, store, database, end = ready.result(120)
    yield lambda work: trio.from_thread.run(work, trio_token=token), store, database
    trio.from_thread.run_sync(end.set, trio_token=token)
    thread.join()
