"""Commands, takeover, presence and draining."""

import json
from contextlib import AsyncExitStack
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from engine.domain.access import StationRecord
from engine.domain.changes import (
    ConfigurationKeyRead,
    MessageLogged,
    NetworkStatusChanged,
    SecurityEventReported,
    SessionOpened,
)
from engine.domain.state import Registration
from engine.errors import (
    CallDropped,
    CallError,
    CallRefused,
    CallTimeout,
    Conflict,
    Invalid,
    NotFound,
    Offline,
    QueueFull,
)
from engine.ocpp import v16 as v16_tables
from engine.ocpp import v21 as v21_tables
from engine.ocpp.messages import v16, v21
from engine.ocpp.step import Raw
from engine.points.admission import REPLACING, RETURNS
from engine.points.connection import PATIENCE as CALL_PATIENCE
from engine.points.connection import PROOF

START = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-03-01T12:00:00Z"}
RESET = v16.Reset(type="Soft")


async def call_in(nursery: trio.Nursery, site: Any, request: Any, **more: Any) -> list[Any]:
    """Call CP1 in the background; the list gets the answer or the error."""
    results: list[Any] = []

    async def run() -> None:
        try:
            results.append(await site.call("CP1", request, **more))
        except CallError as error:
            results.append(error)

    nursery.start_soon(run)
    await trio.testing.wait_all_tasks_blocked()
    return results


async def test_the_chargers_answer_comes_back_typed(site: Any, nursery: trio.Nursery) -> None:
    async with site.connect() as ws:
        results = await call_in(nursery, site, RESET)
        kind, message_id, action, payload = await site.take(ws)
        assert (kind, action, payload) == (2, "Reset", {"type": "Soft"})
        assert len(message_id) <= 36
        await ws.send_message(json.dumps([3, message_id, {"status": "Accepted"}]))
        await site.until(lambda: results)
        assert results == [v16.ResetResponse(status="Accepted")]


async def test_answers_change_the_state_before_the_caller_hears(site: Any, store: Any, nursery: Any) -> None:
    async with site.connect() as ws:
        results = await call_in(nursery, site, v16.GetConfiguration())
        _, message_id, _, _ = await site.take(ws)
        key = {"key": "HeartbeatInterval", "readonly": False, "value": "300"}
        store.journal.closed_gate = trio.Event()
        await ws.send_message(json.dumps([3, message_id, {"configurationKey": [key]}]))
        await site.until(lambda: store.journal.waiting)
        assert results == []
        store.journal.closed_gate.set()
        await site.until(lambda: results)
        assert [change.name for change in store.journal.of(ConfigurationKeyRead)] == ["HeartbeatInterval"]


@pytest.mark.parametrize(
    ("code", "counted"),
    [("NotSupported", "unsupported"), ("NotImplemented", "unsupported"), ("InternalError", "error")],
)
async def test_a_callerror_is_a_refusal(site: Any, nursery: trio.Nursery, code: str, counted: str) -> None:
    async with site.connect() as ws:
        results = await call_in(nursery, site, RESET)
        _, message_id, _, _ = await site.take(ws)
        await ws.send_message(json.dumps([4, message_id, code, "no", {"a": 1}]))
        await site.until(lambda: results)
        (error,) = results
        assert isinstance(error, CallRefused)
        assert (error.code, error.description, error.details) == (code, "no", {"a": 1})
        assert site.metrics.messages[("out", "Reset", counted)] == 1


async def test_a_malformed_answer_is_a_refusal_too(site: Any, nursery: trio.Nursery) -> None:
    async with site.connect() as ws:
        results = await call_in(nursery, site, RESET)
        _, message_id, _, _ = await site.take(ws)
        await ws.send_message(json.dumps([3, message_id, {"status": "Perhaps"}]))
        await site.until(lambda: results)
        assert isinstance(results[0], CallRefused)


@pytest.mark.parametrize(
    ("text", "told", "back"),
    [
        ('[3,"ID"]', "malformed answer: the payload is missing", True),
        ('[3,"ID",]', "malformed answer: the payload is missing", True),
        ('[4,"ID"]', "malformed answer: the action or error code must be a string", False),
        ('[4,"ID",null,null,null]', "malformed answer: the action or error code must be a string", False),
        ('[4,"ID","",null]', "CALLERROR without a word", False),
    ],
)
@pytest.mark.parametrize("protocol", [v16_tables.PROTOCOL, v21_tables.PROTOCOL])
async def test_an_answer_that_cannot_be_read_ends_its_request(
    start: Any, nursery: trio.Nursery, *, protocol: Any, text: str, told: str, back: bool
) -> None:
    clear = v16.ClearCache() if protocol is v16_tables.PROTOCOL else v21.ClearCache()
    async with start({protocol.name: protocol}) as site, site.connect(subprotocols=[protocol.name]) as ws:
        results = await call_in(nursery, site, clear)
        _, message_id, _, _ = await site.take(ws)
        await ws.send_message(text.replace("ID", message_id))
        await site.until(lambda: results)
        (error,) = results
        assert isinstance(error, CallRefused)
        assert told in str(error)
        if back and protocol is v21_tables.PROTOCOL:  # part 4: CALLRESULTERROR
            assert (await site.take(ws))[:3] == [5, message_id, "FormatViolation"]
        results = await call_in(nursery, site, clear)  # the way is free for the next one
        _, message_id, _, _ = await site.take(ws)
        await ws.send_message(json.dumps([3, message_id, {"status": "Accepted"}]))
        await site.until(lambda: results)
        assert results[0].status == "Accepted"


async def test_an_unreadable_answer_to_nothing_ends_nothing(site: Any, nursery: trio.Nursery) -> None:
    async with site.connect() as ws:
        results = await call_in(nursery, site, RESET)
        _, message_id, _, _ = await site.take(ws)
        await ws.send_message('[3,"another"]')
        assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
        assert results == []
        await ws.send_message(json.dumps([3, message_id, {"status": "Accepted"}]))
        await site.until(lambda: results)


async def test_a_forced_request_breaks_rules_and_its_answer_counts_all_the_same(
    site: Any, store: Any, nursery: trio.Nursery
) -> None:
    store.add("NEW", booted=False)
    schedule = v16.GetCompositeSchedule(connector_id=1, duration=-1)
    stop = v16.RemoteStopTransaction(transaction_id=1)
    async with site.connect("NEW") as ws:
        for request, error in ((schedule, Invalid), (stop, Conflict)):
            with pytest.raises(error):
                await site.call("NEW", request)
            answers: list[Any] = []

            async def ask(request: Any = request, answers: Any = answers) -> None:
                answers.append(await site.call("NEW", request, force=True))

            nursery.start_soon(ask)
            _, message_id, action, _ = await site.take(ws)
            assert action == type(request).__name__
            await ws.send_message(json.dumps([3, message_id, {"status": "Rejected"}]))
            await site.until(lambda answers=answers: answers)
            assert answers[0].status == "Rejected"
        with pytest.raises(Invalid):  # of another version
            await site.call("NEW", v21.ClearCache(), force=True)
    with pytest.raises(Offline):
        await site.call("NEW", schedule, force=True)


async def test_a_raw_request_goes_and_its_answer_comes_as_it_is(
    site: Any, store: Any, nursery: trio.Nursery
) -> None:
    answers: list[Any] = []

    async def ask(payload: bytes) -> None:
        try:
            answers.append(await site.call_raw("CP1", Raw(action='No"thing', payload=payload)))
        except CallRefused as refused:
            answers.append(refused.code)

    async with site.connect() as ws:
        nursery.start_soon(ask, b'[1, {"type": 7}]')
        _, message_id, action, payload = await site.take(ws)
        assert (action, payload) == ('No"thing', [1, {"type": 7}])
        await ws.send_message(f'[3,"{message_id}",[ null ]]')
        await site.until(lambda: answers)
        nursery.start_soon(ask, b"{}")
        _, message_id, _, _ = await site.take(ws)
        await ws.send_message(json.dumps([4, message_id, "NotImplemented", "", {}]))
        await site.until(lambda: len(answers) == 2)
    assert answers == [Raw(action='No"thing', payload=b"[ null ]"), "NotImplemented"]
    assert site.metrics.messages[("out", "raw", "ok")] == 1
    assert site.metrics.messages[("out", "raw", "unsupported")] == 1
    assert [row.kind for row in store.journal.of(MessageLogged)] == ["call", "result", "call", "error"]
    with pytest.raises(Offline):
        await site.call_raw("CP1", Raw(action="X", payload=b"{}"))
    with pytest.raises(NotFound):
        await site.call_raw("NOBODY", Raw(action="X", payload=b"{}"))


async def test_one_call_is_out_and_the_others_wait(start: Any, nursery: trio.Nursery) -> None:
    async with start(call_queue=1) as site, site.connect() as ws:
        first = await call_in(nursery, site, RESET)
        second = await call_in(nursery, site, v16.ClearCache())
        with pytest.raises(QueueFull):
            await site.call("CP1", RESET)
        _, one, _, _ = await site.take(ws)
        assert (await site.ask(ws, "Heartbeat", {}, "h"))[:2] == [3, "h"]
        await ws.send_message(json.dumps([3, one, {"status": "Accepted"}]))
        _, two, action, _ = await site.take(ws)
        assert action == "ClearCache"
        await ws.send_message(json.dumps([3, two, {"status": "Accepted"}]))
        await site.until(lambda: first and second)


async def test_deadlines_count_from_the_call(site: Any, nursery: trio.Nursery, autojump_clock: Any) -> None:
    async with site.connect() as ws:
        began = trio.current_time()
        first = await call_in(nursery, site, RESET, timeout=10)
        second = await call_in(nursery, site, v16.ClearCache(), timeout=5)
        third = await call_in(nursery, site, v16.GetLocalListVersion(), timeout=20)
        _, late, _, _ = await site.take(ws)
        _, next_id, action, _ = await site.take(ws)
        assert 10 <= trio.current_time() - began < 11
        assert isinstance(first[0], CallTimeout)
        assert isinstance(second[0], CallTimeout)
        assert action == "GetLocalListVersion"
        await ws.send_message(json.dumps([3, late, {"status": "Accepted"}]))
        await ws.send_message(json.dumps([3, next_id, {"listVersion": 1}]))
        await ws.send_message(json.dumps([3, next_id, {"listVersion": 2}]))
        await site.until(lambda: third)
        assert third == [v16.GetLocalListVersionResponse(list_version=1)]
        await site.ask(ws, "Heartbeat", {})
        assert site.metrics.messages[("in", "answer", "late")] == 1
        assert site.metrics.messages[("in", "answer", "unknown")] == 1


async def test_a_caller_that_gives_up_leaves_the_queue(site: Any) -> None:
    async with site.connect() as ws:
        with trio.move_on_after(0):
            await site.call("CP1", RESET)
        async with trio.open_nursery() as nursery:
            await call_in(nursery, site, v16.ClearCache())
            nursery.cancel_scope.cancel()
        assert site.registry.actor("CP1").waiting_calls == 1
        _, message_id, _, _ = await site.take(ws)
        await ws.send_message(json.dumps([3, message_id, {"status": "Accepted"}]))
        await site.until(lambda: site.registry.actor("CP1").waiting_calls == 0)


async def test_a_lost_connection_fails_its_calls(site: Any, nursery: trio.Nursery) -> None:
    async with site.connect() as ws:
        results = await call_in(nursery, site, RESET)
        await site.take(ws)
    await site.until(lambda: results)
    assert isinstance(results[0], CallDropped)


async def test_who_cannot_be_called(site: Any, store: Any) -> None:
    store.add("NEW", booted=False)
    with pytest.raises(Offline):
        await site.call("CP1", RESET)
    with pytest.raises(NotFound):
        await site.call("NOBODY", RESET)
    async with site.connect(), site.connect("NEW"):
        with pytest.raises(Invalid):
            await site.call("CP1", v16.Heartbeat())
        with pytest.raises(Invalid):
            await site.call("CP1", v16.UnlockConnector(connector_id=0))
        with pytest.raises(Conflict):
            await site.call("NEW", v16.RemoteStartTransaction(id_tag="T"))


async def test_the_newest_connection_wins(site: Any, store: Any, nursery: trio.Nursery) -> None:
    async with site.connect() as old:
        await site.ask(old, "Heartbeat", {})
        results = await call_in(nursery, site, RESET)
        await site.take(old)
        async with site.connect() as new:
            assert (await site.ask(new, "Heartbeat", {}))[0] == 3
            assert (await site.closing(old)).code == 1008
            assert isinstance(results[0], CallDropped)
            assert site.registry.connected() == ["CP1"]
            await site.until(lambda: len(site.registry) == 1)
            assert (await site.ask(new, "Heartbeat", {}))[0] == 3
        await site.until(lambda: not len(site.registry))
    statuses = [change.network_status for change in store.journal.of(NetworkStatusChanged)]
    assert statuses == ["available", "temporarily_unavailable"]


async def test_late_work_of_the_old_connection_touches_nothing(site: Any, store: Any) -> None:
    async with site.connect() as old:
        await site.ask(old, "Heartbeat", {})
        store.journal.closed_gate = trio.Event()
        await old.send_message(json.dumps([2, "s", "StartTransaction", START]))
        await site.until(lambda: store.journal.waiting)
        async with site.connect() as new:
            gate, store.journal.closed_gate = store.journal.closed_gate, None
            gate.set()
            assert (await site.ask(new, "Heartbeat", {}))[0] == 3
            assert len(store.journal.of(SessionOpened)) == 1
            assert site.registry.state("CP1").sessions == {}
            await site.closing(old)


async def test_presence_over_time(start: Any, store: Any, autojump_clock: Any) -> None:
    async with start(long_term_unavailable_after=3_600) as site:
        async with site.connect():
            pass
        await trio.sleep(3_000)
        async with site.connect():
            pass
        await trio.sleep(3_700)
    statuses = [change.network_status for change in store.journal.of(NetworkStatusChanged)]
    assert statuses == [
        "available",
        "temporarily_unavailable",
        "available",
        "temporarily_unavailable",
        "long_term_unavailable",
    ]


async def test_a_run_begins_where_the_last_one_ended(start: Any, store: Any, autojump_clock: Any) -> None:
    from engine.domain.state import NetworkStatus

    now = (await _now(start)).now()
    store.left = [
        SimpleNamespace(id=1, generation=1, status="available", at=now - timedelta(days=3)),
        SimpleNamespace(id=2, generation=1, status="temporarily_unavailable", at=now - timedelta(seconds=90)),
    ]
    async with start(long_term_unavailable_after=100):
        await trio.sleep(20)
        changes = [(change.id, change.network_status) for change in store.journal.of(NetworkStatusChanged)]
        assert changes == [
            (1, NetworkStatus.TEMPORARILY_UNAVAILABLE),
            (2, NetworkStatus.LONG_TERM_UNAVAILABLE),
        ]


async def _now(start: Any) -> Any:
    async with start() as site:
        return site.registry.shared


async def test_disconnect(site: Any) -> None:
    assert not site.registry.disconnect("CP1", "maintenance")
    async with site.connect() as ws:
        await site.ask(ws, "Heartbeat", {})
        assert site.registry.disconnect("CP1", "maintenance")
        assert not site.registry.is_connected("CP1")
        reason = await site.closing(ws)
    assert (reason.code, reason.reason) == (1000, "maintenance")


async def test_refresh_takes_over_settings_and_registration(site: Any, store: Any) -> None:
    async with site.connect() as ws:
        await site.ask(ws, "Heartbeat", {})
        state = store.reader.states["CP1"]
        settings = replace(state.settings, heartbeat_interval=7)
        store.reader.states["CP1"] = replace(state, settings=settings, registration=Registration.PENDING)
        await site.registry.refresh("CP1")
        answer = await site.ask(ws, "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        assert answer[2]["status"] == "Pending"
        assert site.registry.state("CP1").settings.heartbeat_interval == 7


async def test_refresh_waits_for_the_message_being_worked_on(site: Any, store: Any) -> None:
    async with site.connect() as ws:
        await site.ask(ws, "Heartbeat", {})
        store.journal.closed_gate = trio.Event()
        await ws.send_message(json.dumps([2, "s", "StartTransaction", START]))
        await site.until(lambda: store.journal.waiting)
        state = store.reader.states["CP1"]
        store.reader.states["CP1"] = replace(state, settings=replace(state.settings, heartbeat_interval=7))
        await site.registry.refresh("CP1")
        store.journal.closed_gate.set()
        await site.take(ws)
        await site.until(lambda: site.registry.state("CP1").settings.heartbeat_interval == 7)
        assert len(site.registry.state("CP1").sessions) == 1


@pytest.mark.parametrize("change", ["disabled", "deleted"])
async def test_refresh_closes_who_may_no_longer_be_here(site: Any, store: Any, change: str) -> None:
    record: StationRecord = store.reader.records["CP1"]
    async with site.connect() as ws:
        await site.ask(ws, "Heartbeat", {})
        if change == "deleted":
            del store.reader.records["CP1"]
        else:
            store.reader.records["CP1"] = replace(record, enabled=False)
        await site.registry.refresh("CP1")
        assert (await site.closing(ws)).code == 1008


async def test_new_credentials_count_from_the_next_connection(site: Any, store: Any) -> None:
    async with site.connect() as ws:
        await site.ask(ws, "Heartbeat", {})
        store.reader.records["CP1"] = replace(store.reader.records["CP1"], security_profile=1)
        await site.registry.refresh("CP1")
        assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
    assert (await site.http(site.request("CP1")))[0] == 401


async def test_drain_finishes_what_is_in_flight(site: Any, store: Any) -> None:
    async with site.connect("CP1") as busy, site.connect("CP2") as idle:
        await site.ask(busy, "Heartbeat", {})
        await site.ask(idle, "Heartbeat", {})
        store.journal.closed_gate = trio.Event()
        await busy.send_message(json.dumps([2, "s", "StartTransaction", START]))
        await site.until(lambda: store.journal.waiting)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(site.registry.drain)
            assert (await site.closing(idle)).code == 1012
            await site.until(lambda: site.registry.door.cancelled_caught)
            with pytest.raises(OSError, match=r"."):
                await trio.open_tcp_stream("127.0.0.1", site.ports[0])
            gate, store.journal.closed_gate = store.journal.closed_gate, None
            gate.set()
            assert (await site.take(busy))[:2] == [3, "s"]
            assert (await site.closing(busy)).code == 1012
    assert len(store.journal.of(SessionOpened)) == 1


async def test_drain_waits_for_the_answer_that_is_on_its_way(site: Any, nursery: trio.Nursery) -> None:
    async with site.connect() as ws:
        sent = await call_in(nursery, site, RESET)
        waiting = await call_in(nursery, site, v16.ClearCache())
        _, message_id, _, _ = await site.take(ws)
        nursery.start_soon(site.registry.drain)
        await site.until(lambda: waiting)
        assert isinstance(waiting[0], CallDropped)
        late = await call_in(nursery, site, v16.ClearCache())
        assert isinstance(late[0], CallDropped)
        await ws.send_message(json.dumps([3, message_id, {"status": "Accepted"}]))
        assert (await site.closing(ws)).code == 1012
        await site.until(lambda: sent)
        assert sent == [v16.ResetResponse(status="Accepted")]


async def test_drain_does_not_wait_long_for_an_answer(
    site: Any, nursery: trio.Nursery, autojump_clock: Any
) -> None:
    async with site.connect() as ws:
        results = await call_in(nursery, site, RESET)
        await site.take(ws)
        began = trio.current_time()
        nursery.start_soon(site.registry.drain)
        assert (await site.closing(ws)).code == 1012
        assert trio.current_time() - began == pytest.approx(CALL_PATIENCE, abs=0.2)
        assert isinstance(results[0], CallDropped)


async def test_drain_is_bounded(start: Any, store: Any, autojump_clock: Any) -> None:
    async with start(drain_timeout=10) as site, site.connect() as ws:
        await site.ask(ws, "Heartbeat", {})
        store.journal.closed_gate = trio.Event()
        await ws.send_message(json.dumps([2, "s", "StartTransaction", START]))
        await site.until(lambda: store.journal.waiting)
        began = trio.current_time()
        await site.registry.drain()
        assert trio.current_time() - began == pytest.approx(10)


async def test_gauges(site: Any) -> None:
    async with site.connect() as ws:
        await site.ask(ws, "Heartbeat", {})
        text = site.metrics.exposition().decode()
        assert "voltrio_ocpp_connected 1.0" in text
        assert 'action="Heartbeat",direction="in",outcome="ok"} 1.0' in text


async def test_a_charger_that_reconnects_in_a_loop_is_slowed_down(
    start: Any, store: Any, autojump_clock: Any
) -> None:
    async with start(reconnect_interval=10) as site:
        for _ in range(RETURNS):
            async with site.connect() as ws:
                assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
            await site.until(lambda: not site.registry.is_connected("CP1"))
        status, headers, _ = await site.http(site.request("CP1"))
        assert status == 503
        assert 0 < int(headers["Retry-After"]) <= 10
        await site.until(lambda: site.metrics.connections[("too_often",)] == 1)
        async with site.connect("CP2") as other:
            assert (await site.ask(other, "Heartbeat", {}))[0] == 3
        await trio.sleep(int(headers["Retry-After"]))
        async with site.connect() as ws:
            assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
    assert store.journal.of(SecurityEventReported) == []


async def test_two_devices_with_one_identity_do_not_throw_each_other_out_for_ever(
    start: Any, store: Any, autojump_clock: Any
) -> None:
    async with start(reconnect_interval=10) as site, AsyncExitStack() as stack:
        for _ in range(RETURNS // REPLACING + 1):
            ws = await stack.enter_async_context(site.connect())
            assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
        for _ in range(3):
            assert (await site.http(site.request("CP1")))[0] == 503
        assert (await site.ask(ws, "Heartbeat", {}, "2"))[0] == 3, "whoever is connected stays"
        assert site.metrics.closes[("takeover",)] == RETURNS // REPLACING
        assert site.metrics.conflicts[()] == 1
        (event,) = store.journal.of(SecurityEventReported)
        assert event.type == "IdentityConflict"
        assert "127.0.0.1" in event.tech_info
        assert "two devices" in event.tech_info


async def test_a_connection_that_is_dead_makes_way_for_the_one_that_was_turned_away(
    start: Any, autojump_clock: Any
) -> None:
    async with start(reconnect_interval=10) as site, AsyncExitStack() as stack:
        for _ in range(RETURNS // REPLACING):
            await stack.enter_async_context(site.connect())
        dead = await site.raw()
        await trio.sleep(1)
        assert (await site.http(site.request("CP1")))[0] == 503
        began = trio.current_time()
        assert await dead.receive_some(2) == b"\x89\x00"
        assert await dead.receive_some() == b""
        assert trio.current_time() - began == pytest.approx(PROOF, abs=0.2)
        await site.until(lambda: site.metrics.closes[("ping_timeout",)] == 1)
        await dead.aclose()
