"""One connection: what is read, decided, written and answered, and in which order."""

import gc
import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from engine.domain.changes import (
    AuthorizationMade,
    ChargePointBooted,
    HardwareStatusChanged,
    MessageLogged,
    SessionOpened,
)
from engine.domain.session.facts import History, Stored
from engine.domain.state import Policy, Registration, Session, SessionStatus
from engine.errors import Conflict
from engine.ocpp import v16, v201
from engine.ocpp.messages import v16 as messages
from engine.ocpp.step import Outcome, Protocol
from engine.points.actor import EVENTS_A_MESSAGE, LOOK_UP, Actor
from engine.points.admission import RETURNS
from engine.points.peer import ODD
from engine.points.performer import EARLY_SIZE, ROWS_A_MESSAGE, ROWS_INCLUDED
from tests.answers import facts_of
from tests.patience import PATIENCE

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
START = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-03-01T12:00:00Z"}
START_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_the_answer_waits_for_the_commit(site: Any, store: Any) -> None:
    async with site.connect() as ws:
        await site.ask(ws, "Heartbeat", {})
        store.journal.closed_gate = trio.Event()
        await ws.send_message(json.dumps([2, "s", "StartTransaction", START]))
        await site.until(lambda: store.journal.waiting)
        heard = site.listen(ws)
        await trio.testing.wait_all_tasks_blocked()
        assert heard == []
        store.journal.closed_gate.set()
        await site.until(lambda: heard)
        assert heard[0][:2] == [3, "s"]
        assert len(store.journal.of(SessionOpened)) == 1


async def test_the_state_is_adopted_after_the_commit(site: Any, store: Any) -> None:
    async with site.connect() as ws:
        store.journal.refused = SessionOpened
        answer = await site.ask(ws, "StartTransaction", START)
        assert answer[:3] == [4, "1", "InternalError"]
        assert site.registry.state("CP1").sessions == {}
        store.journal.refused = None
        assert (await site.ask(ws, "StartTransaction", START, "2"))[0] == 3
        assert len(site.registry.state("CP1").sessions) == 1


async def test_a_repeated_message_is_answered_the_same_and_not_worked_on_again(site: Any, store: Any) -> None:
    async with site.connect() as ws:
        first = await site.ask(ws, "StartTransaction", START, "same")
        again = await site.ask(ws, "StartTransaction", START, "same")
        assert first == again
        assert len(store.journal.of(AuthorizationMade)) == 1
        assert site.metrics.messages[("in", "StartTransaction", "repeated")] == 1


async def test_another_message_under_an_old_id_is_a_new_one(site: Any, store: Any) -> None:
    async with site.connect() as ws:
        await site.ask(ws, "StatusNotification", STATUS, "1")
        await site.ask(ws, "StatusNotification", {**STATUS, "status": "Preparing"}, "1")
        changes = store.journal.of(HardwareStatusChanged)
        assert [change.status for change in changes] == ["available", "preparing"]


async def test_only_what_is_allowed_before_the_boot(site: Any, store: Any) -> None:
    store.add("NEW", booted=False)
    async with site.connect("NEW") as ws:
        refused = await site.ask(ws, "StartTransaction", START)
        assert refused[:3] == [4, "1", "SecurityError"]
        assert (await site.ask(ws, "BootNotification", BOOT, "2"))[2]["status"] == "Accepted"
        assert (await site.ask(ws, "StartTransaction", START, "3"))[0] == 3


async def test_a_rejected_charge_point_may_only_boot_again(site: Any, store: Any) -> None:
    store.reader.states["CP1"] = replace(
        store.reader.states["CP1"], booted=False, registration=Registration.REJECTED
    )
    async with site.connect() as ws:
        assert (await site.ask(ws, "BootNotification", BOOT, "1"))[2]["status"] == "Rejected"
        assert (await site.ask(ws, "StatusNotification", STATUS, "2"))[2] == "SecurityError"


async def test_boots_wait_for_their_turn(start: Any, store: Any, autojump_clock: Any) -> None:
    async with start(boot_rate=0.2) as site, site.connect("CP1") as one, site.connect("CP2") as two:
        await trio.sleep(60)
        began = trio.current_time()
        await site.ask(one, "BootNotification", BOOT)
        assert trio.current_time() - began < 5
        await site.ask(two, "BootNotification", BOOT)
        assert trio.current_time() - began >= 4
        assert len(store.journal.of(ChargePointBooted)) == 2


async def test_too_many_boots_are_told_to_try_again(start: Any, autojump_clock: Any) -> None:
    async with start(boot_rate=0.01) as site, site.connect("CP1") as ws:
        answers = [await site.ask(ws, "BootNotification", BOOT, str(number)) for number in range(3)]
        assert answers[2][:3] == [4, "2", "GenericError"]


async def test_a_charger_that_boots_all_the_time_is_answered_now_and_then(
    start: Any, store: Any, autojump_clock: Any
) -> None:
    async with start(reconnect_interval=10) as site, site.connect("CP1") as ws, site.connect("CP2") as other:
        began = trio.current_time()
        for number in range(RETURNS + 2):
            assert (await site.ask(ws, "BootNotification", BOOT, str(number)))[0] == 3
        assert 20 <= trio.current_time() - began < 21
        began = trio.current_time()
        assert (await site.ask(other, "BootNotification", BOOT))[0] == 3
        assert trio.current_time() == began


async def test_until_its_boot_was_accepted_a_charger_may_send_small_messages_only(
    site: Any, store: Any
) -> None:
    store.add("NEW", booted=False)
    large = json.dumps([2, "l", "DataTransfer", {"vendorId": "V", "data": "x" * EARLY_SIZE}])
    async with site.connect("NEW") as ws:
        assert (await site.ask(ws, "BootNotification", BOOT))[2]["status"] == "Accepted"
        await ws.send_message(large)
        assert (await site.take(ws))[:2] == [3, "l"]
    store.add("NEWER", booted=False)
    async with site.connect("NEWER") as ws:
        await ws.send_message(large)
        assert (await site.closing(ws)).code == 1009


async def test_who_sends_too_much_waits_and_loses_nothing(
    start: Any, store: Any, autojump_clock: Any
) -> None:
    async with start(message_rate=10, rate_burst=5) as site, site.connect("CP2") as other:
        stream = await site.raw()
        began = trio.current_time()
        await stream.send_all(
            b"".join(site.masked(0x81, b'[2,"%d","Heartbeat",{}]' % number) for number in range(100))
        )
        await site.until(lambda: site.metrics.throttled[()])
        assert "voltrio_ocpp_chargers_throttled 1.0" in site.metrics.exposition().decode()
        assert (await site.ask(other, "Heartbeat", {}))[0] == 3
        received = b""
        while b'"99"' not in received:
            received += await stream.receive_some()
        assert received.count(b"[3,") == 100
        assert trio.current_time() - began == pytest.approx(100 / 10 - 5, abs=1.5)
        await trio.sleep(2)
        assert "voltrio_ocpp_chargers_throttled 0.0" in site.metrics.exposition().decode()
        await stream.aclose()


@pytest.mark.parametrize(
    "text",
    [
        b"garbage",
        b'[2,"#","Nonsense",{}]',
        b'[2,"#","StatusNotification",{}]',
        b'[2,"#","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Available","x":1}]',
        b'[3,"nobody asked",{}]',
    ],
)
async def test_what_is_not_as_it_should_be_costs_more(start: Any, autojump_clock: Any, text: bytes) -> None:
    async with start(message_rate=10, rate_burst=5, data_rate=1e9) as site:
        stream = await site.raw()
        began = trio.current_time()
        texts = [text.replace(b"#", b"%d" % number) for number in range(20)]
        texts.append(b'[2,"last","Heartbeat",{}]')
        await stream.send_all(b"".join(site.masked(0x81, one) for one in texts))
        received = b""
        while b'"last"' not in received:
            received += await stream.receive_some()
        assert trio.current_time() - began == pytest.approx(20 * ODD / 10 - 5, abs=1.5)
        await stream.aclose()


async def test_a_message_of_many_rows_costs_more(start: Any, autojump_clock: Any) -> None:
    samples = [{"value": "1"}]
    values = [{"timestamp": f"2026-03-01T12:00:{at:02}Z", "sampledValue": samples} for at in range(50)]
    async with start(message_rate=1, rate_burst=5, data_rate=1e9) as site, site.connect() as ws:
        began = trio.current_time()
        assert (await site.ask(ws, "MeterValues", {"connectorId": 1, "meterValue": values}))[0] == 3
        assert trio.current_time() == began
        assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
        cost = 1 + (50 - ROWS_INCLUDED) // ROWS_A_MESSAGE
        assert trio.current_time() - began == pytest.approx(cost - 5, abs=0.2)


@pytest.mark.parametrize("folded", [0, 30])
async def test_a_look_up_and_what_it_makes_us_fold_anew_cost_more(
    start: Any, store: Any, folded: int, autojump_clock: Any
) -> None:
    session = Session(
        id=1, transaction_id="T", evse_number=1, connector_number=1, status=SessionStatus.ACTIVE,
        started_at=START_AT,
    )  # fmt: skip
    stored = Stored(
        session=session, count=folded, newest=None, newest_at=None, started_at=None,
        ended_at=None, ended_seq=None, events=((b"{}", 1),) * folded,
    )  # fmt: skip
    store.reader.facts = facts_of(new_ids=(1, 2), history=History(sessions=(stored,)))
    async with start(message_rate=1, rate_burst=5, data_rate=1e9) as site, site.connect() as ws:
        began = trio.current_time()
        for number in range(2):
            assert (await site.ask(ws, "Authorize", {"idTag": "T"}, str(number)))[0] == 3
        assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
        cost = 2 * (1 + LOOK_UP + folded // EVENTS_A_MESSAGE)
        assert trio.current_time() - began == pytest.approx(cost - 5, abs=0.2)


async def test_a_throttled_charger_is_not_silent(start: Any, autojump_clock: Any) -> None:
    async with start(message_rate=1, rate_burst=1, ping_interval=5, ping_timeout=5) as site:
        stream = await site.raw()
        await stream.send_all(site.masked(0x81, b'[2,"x","Nonsense",{}]') * 20)
        await trio.sleep(60)
        assert site.registry.is_connected("CP1")
        await stream.aclose()


async def test_a_bug_in_a_handler_is_that_messages_alone(start: Any, store: Any) -> None:
    def fails(*_: object) -> Outcome:
        raise ZeroDivisionError

    handlers = {**v16.PROTOCOL.inbound, "Heartbeat": replace(v16.PROTOCOL.inbound["Heartbeat"], step=fails)}
    protocols = {"ocpp1.6": replace(v16.PROTOCOL, inbound=handlers)}
    async with start(protocols) as site, site.connect("CP1") as one, site.connect("CP2") as two:
        assert (await site.ask(one, "Heartbeat", {}))[2] == "InternalError"
        assert (await site.ask(one, "StatusNotification", STATUS))[0] == 3
        assert (await site.ask(two, "StatusNotification", STATUS))[0] == 3


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('[2,"1","Nonsense",{}]', [4, "1", "NotImplemented"]),
        ('[2,"1","Reset",{}]', [4, "1", "NotSupported"]),
        ('[2,"1","Heartbeat",[]]', [4, "1", "FormationViolation"]),
        ('[2,"1","StatusNotification",{"connectorId":1}]', [4, "1", "ProtocolError"]),
        ('[2,"1","Heartbeat"]', [4, "1", "FormationViolation"]),
        (f'[2,"{"x" * 37}","Nonsense",{{}}]', [4, "x" * 37, "NotImplemented"]),
    ],
)
async def test_what_cannot_be_worked_on_is_answered(site: Any, store: Any, text: str, answer: Any) -> None:
    async with site.connect() as ws:
        await ws.send_message(text)
        assert (await site.take(ws))[:3] == answer
        assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
    logged = [(row.direction, row.kind) for row in store.journal.of(MessageLogged)]
    assert logged == [("in", "call"), ("out", "error")]


async def test_a_flood_is_not_logged_beyond_its_share(site: Any, store: Any) -> None:
    store.journal.crowded.add(1)
    async with site.connect("CP1") as one, site.connect("CP2") as two:
        for ws in (one, two):
            assert (await site.ask(ws, "Nonsense", {}))[2] == "NotImplemented"
    assert {row.charge_point_id for row in store.journal.of(MessageLogged)} == {2}
    assert store.journal.dropped == [MessageLogged] * 2


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "{}",
        "[]",
        '["2","1","Heartbeat",{}]',
        '[9,"1",{}]',
        '[3,"nobody asked",{}]',
        '[4,"nobody asked","GenericError","",{}]',
        '[3,"1"]',
        '[6,"1","NotifyPeriodicEventStream",{}]',
    ],
)
async def test_what_cannot_be_answered_is_ignored_and_logged(site: Any, store: Any, text: str) -> None:
    async with site.connect() as ws:
        await ws.send_message(text)
        assert (await site.ask(ws, "Heartbeat", {}, "next"))[:2] == [3, "next"]
    assert [row.payload for row in store.journal.of(MessageLogged)] != []


async def test_binary_frames_are_ignored(site: Any) -> None:
    async with site.connect() as ws:
        await ws.send_message(b'[2,"1","Heartbeat",{}]')
        assert (await site.ask(ws, "Heartbeat", {}, "2"))[:2] == [3, "2"]


async def test_repairs_are_counted_per_model(site: Any, store: Any) -> None:
    async with site.connect() as ws:
        await site.ask(ws, "BootNotification", BOOT)
        assert (await site.ask(ws, "StatusNotification", {**STATUS, "extra": 1}, "2"))[0] == 3
    assert site.metrics.repairs[("V", "M", "StatusNotification", "unknown-member")] == 1
    (row,) = [row for row in store.journal.of(MessageLogged) if row.repairs]
    assert "$.extra" in row.repairs


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (json.dumps([2, 7, "StatusNotification", STATUS]), [3, 7, {}]),
        (json.dumps([2, 1772366400123, "StatusNotification", STATUS]), [3, 1772366400123, {}]),
        ('[2,-1.5,"Nonsense",{}]', [4, -1.5, "NotImplemented"]),
        ('[2,7,"Reset",{}]', [4, 7, "NotSupported"]),
        ('[2,7,"StatusNotification",{"connectorId":1}]', [4, 7, "ProtocolError"]),
        ('[2,7,"Heartbeat"]', [4, 7, "FormationViolation"]),
        (json.dumps([2, 10**36, "Nonsense", {}]), [4, 10**36, "NotImplemented"]),
    ],
)
async def test_a_numeric_id_is_answered_with_the_number(
    site: Any, store: Any, text: str, answer: Any
) -> None:
    async with site.connect() as ws:
        await ws.send_message(text)
        assert (await site.take(ws))[:3] == answer
        assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
    logged = store.journal.of(MessageLogged)[0]
    assert logged.message_id == json.dumps(answer[1])


@pytest.mark.parametrize("message_id", ["{a1b2c3d4-0000-0000-0000-0123456789ab}", "é" * 255])
async def test_a_long_id_is_answered_with_itself(site: Any, store: Any, message_id: str) -> None:
    async with site.connect() as ws:
        await site.ask(ws, "BootNotification", BOOT)
        assert await site.ask(ws, "StatusNotification", STATUS, message_id) == [3, message_id, {}]
        assert (await site.ask(ws, "StatusNotification", {}, message_id))[:2] == [4, message_id]
    (row,) = [row for row in store.journal.of(MessageLogged) if row.repairs]
    assert (row.message_id, row.repairs) == (message_id, "long-id messageId")
    assert site.metrics.repairs[("V", "M", "StatusNotification", "long-id")] == 1


async def test_an_id_without_end_is_not_answered(site: Any, store: Any) -> None:
    async with site.connect() as ws:
        await ws.send_message(json.dumps([2, "x" * 256, "Heartbeat", {}]))
        assert (await site.ask(ws, "Heartbeat", {}, "next"))[:2] == [3, "next"]


async def test_a_strict_station_must_not_send_long_ids(site: Any, store: Any) -> None:
    state = store.reader.states["CP1"]
    store.reader.states["CP1"] = replace(state, settings=replace(state.settings, policy=Policy.STRICT))
    async with site.connect() as ws:
        answer = await site.ask(ws, "Heartbeat", {}, "x" * 37)
        assert answer[:3] == [4, "x" * 37, "TypeConstraintViolation"]


async def test_numeric_ids_are_counted_as_repairs(site: Any, store: Any) -> None:
    async with site.connect() as ws:
        await site.ask(ws, "BootNotification", BOOT)
        assert (await site.ask(ws, "StatusNotification", {**STATUS, "extra": 1}, 2))[:2] == [3, 2]
        assert (await site.ask(ws, "Heartbeat", {}, 3))[:2] == [3, 3]
    assert site.metrics.repairs[("V", "M", "StatusNotification", "numeric-id")] == 1
    assert site.metrics.repairs[("V", "M", "Heartbeat", "numeric-id")] == 1
    rows = [row for row in store.journal.of(MessageLogged) if row.repairs]
    assert [(row.message_id, row.repairs) for row in rows] == [
        ("2", "numeric-id messageId, unknown-member $.extra"),
        ("3", "numeric-id messageId"),
    ]


async def test_a_message_repeated_under_a_numeric_id_is_answered_the_same(site: Any, store: Any) -> None:
    async with site.connect() as ws:
        first = await site.ask(ws, "StartTransaction", START, 5)
        assert await site.ask(ws, "StartTransaction", START, 5) == first
        assert len(store.journal.of(AuthorizationMade)) == 1


@pytest.mark.parametrize(
    ("protocol", "answer"), [(v16.PROTOCOL, None), (v201.PROTOCOL, [4, "-1", "RpcFrameworkError"])]
)
async def test_a_strict_station_must_not_number_its_messages(
    start: Any, store: Any, protocol: Protocol, answer: Any
) -> None:
    state = store.reader.states["CP1"]
    store.reader.states["CP1"] = replace(state, settings=replace(state.settings, policy=Policy.STRICT))
    async with start({protocol.name: protocol}) as site, site.connect(subprotocols=[protocol.name]) as ws:
        await ws.send_message('[2,7,"Heartbeat",{}]')
        if answer is not None:
            assert (await site.take(ws))[:3] == answer
        assert (await site.ask(ws, "Heartbeat", {}, "8"))[:2] == [3, "8"]
        assert site.metrics.messages[("in", "none", "malformed")] == 1


async def test_a_strict_station_gets_the_error(site: Any, store: Any) -> None:
    state = store.reader.states["CP1"]
    store.reader.states["CP1"] = replace(state, settings=replace(state.settings, policy=Policy.STRICT))
    async with site.connect() as ws:
        answer = await site.ask(ws, "StatusNotification", {**STATUS, "extra": 1})
        assert answer[:3] == [4, "1", "FormationViolation"]


async def test_the_message_log_leaves_out_what_settings_exclude(site: Any, store: Any) -> None:
    async with site.connect() as ws:
        await site.ask(ws, "Heartbeat", {}, "h")
        await site.ask(ws, "StatusNotification", STATUS, "s")
    rows = store.journal.of(MessageLogged)
    assert [(row.direction, row.kind, row.action) for row in rows] == [
        ("in", "call", "StatusNotification"),
        ("out", "result", "StatusNotification"),
    ]
    assert json.loads(rows[0].payload) == STATUS
    assert rows[0].correlation_id == rows[1].correlation_id
    assert rows[0].correlation_id.endswith("-s")


async def test_pings_are_answered(site: Any) -> None:
    async with site.connect() as ws:
        with trio.fail_after(PATIENCE):
            await ws.ping(b"hello")


async def test_silence_is_pinged_and_then_closed(start: Any, autojump_clock: Any) -> None:
    async with start(ping_interval=60, ping_timeout=30) as site:
        stream = await site.raw()
        began = trio.current_time()
        assert await stream.receive_some(2) == b"\x89\x00"
        assert 60 <= trio.current_time() - began < 61
        await stream.send_all(site.masked(0x8A, b""))
        assert await stream.receive_some(2) == b"\x89\x00"
        assert 120 <= trio.current_time() - began < 121
        assert await stream.receive_some() == b""
        assert 150 <= trio.current_time() - began < 151
        await site.until(lambda: site.metrics.closes[("ping_timeout",)])
        await stream.aclose()


async def test_a_charger_that_we_keep_waiting_is_not_silent(
    start: Any, store: Any, autojump_clock: Any
) -> None:
    async with start(ping_interval=10, ping_timeout=5) as site, site.connect() as ws:
        await site.ask(ws, "Heartbeat", {})
        store.journal.closed_gate = trio.Event()
        await ws.send_message(json.dumps([2, "s", "StartTransaction", START]))
        await trio.sleep(1_000)
        store.journal.closed_gate.set()
        assert (await site.take(ws))[:2] == [3, "s"]


async def test_messages_behind_one_that_waits_are_worked_on_in_order(site: Any, store: Any) -> None:
    stream = await site.raw()
    store.journal.closed_gate = trio.Event()
    texts = [json.dumps([2, "a", "StartTransaction", START])]
    texts += [json.dumps([2, name, "Heartbeat", {}]) for name in "bcd"]
    await stream.send_all(b"".join(site.masked(0x81, text.encode()) for text in texts[:2]))
    await site.until(lambda: store.journal.waiting)
    await stream.send_all(b"".join(site.masked(0x81, text.encode()) for text in texts[2:]))
    store.journal.closed_gate.set()
    store.journal.closed_gate = None
    received = b""
    while b'"d"' not in received:
        received += await stream.receive_some()
    assert [received.index(f'"{name}"'.encode()) for name in "abcd"] == sorted(
        received.index(f'"{name}"'.encode()) for name in "abcd"
    )
    await stream.aclose()


async def test_oversized_messages_close_the_connection(start: Any) -> None:
    async with start(max_message_size=1_000) as site, site.connect() as ws:
        await ws.send_message("x" * 1_001)
        assert (await site.closing(ws)).code == 1009


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x02hi", 1002),  # not masked
        (b"\xc1\x80\x00\x00\x00\x00", 1002),  # reserved bit
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # reserved opcode
        (b"\x81\x81\x00\x00\x00\x00\xff", 1007),  # not UTF-8
    ],
)
async def test_violations_close_this_connection_only(site: Any, frame: bytes, code: int) -> None:
    async with site.connect("CP2") as other:
        stream = await site.raw("CP1")
        await stream.send_all(frame)
        received = b""
        while chunk := await stream.receive_some():
            received += chunk
        assert received[:1] == b"\x88"
        assert int.from_bytes(received[2:4], "big") == code
        assert (await site.ask(other, "Heartbeat", {}))[0] == 3
        await stream.aclose()


async def test_the_peers_close_is_echoed(site: Any) -> None:
    stream = await site.raw()
    await stream.send_all(site.masked(0x88, b"\x03\xe9bye"))
    received = b""
    while chunk := await stream.receive_some():
        received += chunk
    assert received == b"\x88\x02\x03\xe9"
    await stream.aclose()
    await site.until(lambda: site.metrics.closes[("peer",)] == 1)


async def flood(stream: trio.SocketStream, data: bytes) -> None:
    while True:
        await stream.send_all(data)


async def test_who_does_not_read_is_closed_and_counted(start: Any, store: Any) -> None:
    async with start(max_out_buffer=10_000, message_rate=1e6) as site, site.connect("CP2") as other:
        stream = await site.raw()
        data = site.masked(0x81, b'[2,"x","Heartbeat",{}]') * 500
        with pytest.raises(trio.BrokenResourceError):
            await flood(stream, data)
        await site.until(lambda: site.metrics.slow_consumers[()] == 1)
        await site.until(lambda: site.metrics.closes[("slow_consumer",)] == 1)
        assert (await site.ask(other, "Heartbeat", {}))[0] == 3
        await stream.aclose()


async def test_compressed_messages_both_ways(site: Any) -> None:
    wsproto = pytest.importorskip("wsproto")
    from wsproto.extensions import PerMessageDeflate

    client = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    stream = await trio.open_tcp_stream("127.0.0.1", site.ports[0])
    await stream.send_all(
        client.send(
            wsproto.events.Request(
                host="test", target="/ocpp/CP1", extensions=[PerMessageDeflate()], subprotocols=["ocpp1.6"]
            )
        )
    )
    events: list[Any] = []
    while not events:
        client.receive_data(await stream.receive_some())
        events += client.events()
    assert events[0].extensions
    status = {**STATUS, "info": "i" * 50}
    await stream.send_all(
        client.send(wsproto.events.TextMessage(json.dumps([2, "1", "StatusNotification", status])))
    )
    events.clear()
    while not events:
        client.receive_data(await stream.receive_some())
        events += client.events()
    assert json.loads(events[0].data) == [3, "1", {}]
    await stream.aclose()


async def test_a_rejected_station_is_sent_nothing(site: Any, store: Any) -> None:
    """It must not answer: who asks is told at once, not after a timeout."""
    store.reader.states["CP1"] = replace(
        store.reader.states["CP1"], booted=False, registration=Registration.REJECTED
    )
    async with site.connect() as ws:
        assert (await site.ask(ws, "BootNotification", BOOT))[2]["status"] == "Rejected"
        with pytest.raises(Conflict, match="Rejected"):
            await site.call("CP1", messages.GetConfiguration())


async def test_a_rejected_boot_keeps_the_door_shut(site: Any, store: Any) -> None:
    store.reader.states["CP1"] = replace(
        store.reader.states["CP1"], booted=False, registration=Registration.REJECTED
    )
    async with site.connect() as ws:
        assert (await site.ask(ws, "BootNotification", BOOT))[2]["status"] == "Rejected"
        assert (await site.ask(ws, "StartTransaction", START, "2"))[2] == "SecurityError"


MUTANTS = [
    b'[2,"1","Heartbeat",{}]',
    json.dumps([2, "2", "StartTransaction", START]).encode(),
    json.dumps([2, "3", "StatusNotification", STATUS]).encode(),
    json.dumps([2, "4", "MeterValues", {"connectorId": 1, "meterValue": []}]).encode(),
    b'[3,"5",{"status":"Accepted"}]',
    b'[4,"6","GenericError","",{}]',
    b'[[[[[[[[{"a":1e999}]]]]]]]]',
]


@pytest.mark.parametrize("seed", range(5))
async def test_garbage_hurts_nobody_else(site: Any, seed: int) -> None:
    rng = random.Random(seed)
    async with site.connect("CP2") as other:
        for _ in range(10):
            stream = await site.raw("CP1")
            for _ in range(20):
                mutant = bytearray(rng.choice(MUTANTS))
                for _ in range(rng.randrange(4)):
                    mutant[rng.randrange(len(mutant))] = rng.randrange(256)
                frame = bytearray(
                    site.masked(rng.choice((0x81, 0x81, 0x81, 0x82, 0x89)), bytes(mutant[:125]))
                )
                if rng.random() < 0.1:
                    frame[rng.randrange(2)] = rng.randrange(256)
                try:
                    await stream.send_all(frame)
                except trio.BrokenResourceError:
                    break
            await stream.aclose()
            assert (await site.ask(other, "Heartbeat", {}))[0] == 3
    assert site.metrics.closes[("failed",)] == 0
    await site.until(lambda: not len(site.registry))


async def test_an_ended_connection_leaves_nothing_for_the_cycle_collector(
    site: Any, nursery: trio.Nursery
) -> None:
    def actors() -> int:
        return sum(isinstance(thing, Actor) for thing in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        async with site.connect() as ws:
            await site.ask(ws, "Heartbeat", {})
            nursery.start_soon(site.call, "CP1", messages.ClearCache())
            _, message_id, *_ = await site.take(ws)
            await ws.send_message(json.dumps([3, message_id, {"status": "Accepted"}]))
            await site.ask(ws, "Heartbeat", {})
            assert actors() == 1
        await site.until(lambda: not actors())
    finally:
        gc.enable()
