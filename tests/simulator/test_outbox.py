"""The queue of transaction messages: in order, bounded, starts and stops never dropped."""

from __future__ import annotations

from datetime import UTC, datetime

import trio

from engine.simulator.ledger import Entry
from engine.simulator.outbox import Outbox, Pending

ENTRY = Entry(identity="A", connector=1, id_tag="T", started=datetime(2025, 1, 1, tzinfo=UTC), meter_start=0)


def pending(kind, number=0):
    return Pending(kind=kind, entry=ENTRY, build=lambda: number, acknowledge=lambda _answers: None)


async def drain(outbox):
    out = []
    while len(outbox):
        out.append(await outbox.head())
        outbox.remove_head()
    return out


async def test_first_in_first_out_and_the_head_stays():
    outbox = Outbox()
    for number in range(3):
        outbox.put(pending("sample", number))
    assert await outbox.head() is await outbox.head()
    assert [one.build() for one in await drain(outbox)] == [0, 1, 2]


async def test_a_full_queue_is_thinned_but_keeps_starts_and_stops():
    outbox = Outbox(capacity=10)
    kinds = ["start", *["sample"] * 8, "stop", "start", "sample"]
    for number, kind in enumerate(kinds):
        outbox.put(pending(kind, number))
    out = await drain(outbox)
    assert outbox.thinned == 4
    assert [one.kind for one in out] == ["start", *["sample"] * 4, "stop", "start", "sample"]
    assert [one.build() for one in out] == sorted(one.build() for one in out)


async def test_waiting_for_a_message_and_for_emptiness(autojump_clock):
    outbox = Outbox()
    await outbox.empty()

    async def later():
        await trio.sleep(1)
        outbox.put(pending("start"))
        await trio.sleep(1)
        outbox.remove_head()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(later)
        await outbox.head()
        assert trio.current_time() == 1
        await outbox.empty()
        assert trio.current_time() == 2
