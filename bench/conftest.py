"""What the kernel suites share: one message after the other, and a database to commit to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import trio

from bench.programs import data_folder
from bench.samples import HEARTBEAT, MASK, METER_VALUES, Run
from engine.metrics import Metrics
from engine.settings import Settings
from engine.store import Store, open_store
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
def trio_store(data: Path) -> Iterator[tuple[Run, Store]]:
    """An open store in a Trio loop."""
    ready: Future[tuple[trio.lowlevel.TrioToken, Store, trio.Event]] = Future()

    async def main() -> None:
        try:
            async with open_store(Settings(data=str(data)), Metrics()) as store:
                end = trio.Event()
                ready.set_result((trio.lowlevel.current_trio_token(), store, end))
                await end.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    token, store, end = ready.result(120)
    yield lambda work: trio.from_thread.run(work, trio_token=token), store
    trio.from_thread.run_sync(end.set, trio_token=token)
    thread.join()


@pytest.fixture(scope="session")
def asyncio_loop() -> Iterator[Run]:
    """asyncio's loop, for what is written for it."""
    loop = asyncio.SelectorEventLoop()  # new_event_loop() would give one of trio-asyncio
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def awaited(work: Callable[[], Awaitable[Any]]) -> Any:
        return await work()

    yield lambda work: asyncio.run_coroutine_threadsafe(awaited(work), loop).result(120)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
