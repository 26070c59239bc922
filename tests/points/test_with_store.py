"""The living side over the real store: what a connection leaves behind is what the next one begins with."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from engine.metrics import Metrics
from engine.ocpp.messages import v16
from engine.points import Registry, serve_chargers
from engine.settings import Settings
from engine.store import open_store
from engine.store.readings import MESSAGES, RESERVATIONS, SESSIONS
from engine.store.repositories.stations import StationPatch
from tests.patience import PATIENCE
from tests.plans import EVERYBODY, found, whole

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
START = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-03-01T12:00:00Z"}


@asynccontextmanager
async def node(settings: Settings, make: Any) -> AsyncIterator[Any]:
    """A whole node without HTTP."""
    metrics = Metrics()
    async with open_store(settings, metrics) as store:
        registry = Registry(settings, store, metrics)
        async with trio.open_nursery() as nursery:
            (address,) = await nursery.start(serve_chargers, settings, store, registry, metrics)
            yield make(store, registry, [int(address.split(":")[2].partition("/")[0])], nursery)
            nursery.cancel_scope.cancel()


@pytest.fixture
def make(start: Any) -> Any:
    """The class of sites, which a test module cannot import."""
    return start.site


@pytest.fixture
async def real(settings: Settings, make: Any) -> AsyncIterator[Any]:
    async with node(settings, make) as site:
        await site.store.stations.add(EVERYBODY, "CP1", StationPatch(security_profile=0))
        yield site


async def test_a_session_survives_a_takeover_in_the_middle_of_its_commit(real: Any) -> None:
    async with real.connect() as old:
        await real.ask(old, "BootNotification", BOOT)
        await old.send_message(json.dumps([2, "s", "StartTransaction", START]))
        async with real.connect() as new:
            again = await real.ask(new, "StartTransaction", START)
            assert again[0] == 3
            (session,) = real.registry.state("CP1").sessions.values()
            assert session.transaction_id == str(again[2]["transactionId"])
    rows = await found(real.store, SESSIONS)
    assert len(rows) == 1


async def test_a_boot_is_remembered_over_connections(real: Any) -> None:
    async with real.connect() as ws:
        assert (await real.ask(ws, "StartTransaction", START))[2] == "SecurityError"
        await real.ask(ws, "BootNotification", BOOT, "2")
    async with real.connect() as ws:
        assert (await real.ask(ws, "StartTransaction", START))[0] == 3


async def test_presence_is_written_and_restored(settings: Settings, make: Any) -> None:
    async with node(settings, make) as site:
        await site.store.stations.add(EVERYBODY, "CP1", StationPatch(security_profile=0))
        async with site.connect() as ws:
            await site.ask(ws, "BootNotification", BOOT)
            station = await site.store.stations.get(EVERYBODY, "CP1")
            assert (station.network_status, station.network_protocol) == ("available", "ocpp1.6")
            assert station.network_ip == "127.0.0.1"
            # The node ends without a word.
            site.nursery.cancel_scope.cancel()
    async with node(replace(settings, long_term_unavailable_after=0.01), make) as site:
        assert (await site.store.stations.get(EVERYBODY, "CP1")).network_status != "available"
        with trio.fail_after(PATIENCE):
            while (await site.store.stations.get(EVERYBODY, "CP1")).network_status != "long_term_unavailable":
                await trio.lowlevel.checkpoint()


async def test_accept_unknown_and_acceptance_by_the_operator(settings: Settings, make: Any) -> None:
    async with node(replace(settings, accept_unknown=True), make) as site, site.connect("NEW") as ws:
        assert (await site.ask(ws, "BootNotification", BOOT))[2]["status"] == "Pending"
        await site.store.stations.update(EVERYBODY, "NEW", StationPatch(registration_status="accepted"))
        await site.registry.refresh("NEW")
        assert (await site.ask(ws, "StartTransaction", START, "2"))[2] == "SecurityError"
        assert (await site.ask(ws, "BootNotification", BOOT, "3"))[2]["status"] == "Accepted"
        assert (await site.ask(ws, "StartTransaction", START, "4"))[0] == 3


async def test_the_message_log_is_written(real: Any) -> None:
    async with real.connect() as ws:
        await real.ask(ws, "BootNotification", BOOT)
        await real.ask(ws, "Nonsense", {}, "2")
    await real.store.journal.flush(behind=True)
    rows = await real.store.rows(whole(MESSAGES, station="CP1"))
    assert {(row["direction"], row["kind"], row["action"]) for row in rows} == {
        ("in", "call", "BootNotification"),
        ("out", "result", "BootNotification"),
        ("in", "call", "Nonsense"),
        ("out", "error", "Nonsense"),
    }


async def test_a_reservation_lives_on_until_a_session_uses_it(real: Any) -> None:
    wanted = v16.ReserveNow(
        connector_id=1,
        expiry_date=datetime.now(UTC) + timedelta(hours=1),
        id_tag="T",
        reservation_id=5,
    )
    async with real.connect() as ws:
        await real.ask(ws, "BootNotification", BOOT)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(real.call, "CP1", wanted)
            _, message_id, action, _ = await real.take(ws)
            assert action == "ReserveNow"
            await ws.send_message(json.dumps([3, message_id, {"status": "Accepted"}]))
    async with real.connect() as ws:
        assert (await real.ask(ws, "Heartbeat", {}))[0] == 3
        state = real.registry.state("CP1")
        assert [(one.id, one.id_tag) for one in state.reservations.values()] == [(5, "T")]
        start = await real.ask(ws, "StartTransaction", {**START, "reservationId": 5}, "2")
        assert real.registry.state("CP1").reservations == {}
    [row] = await real.store.rows(whole(RESERVATIONS, charge_point_id=state.id))
    assert (row["status"], row["session_id"]) == ("done", start[2]["transactionId"])
    told = await real.store.query("select payload from events where type like '%reservation%' order by id")
    assert [json.loads(payload)["status"] for (payload,) in told] == ["active", "done"]
