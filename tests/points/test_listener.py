"""What a connection is answered before it is a charge point."""

import base64
import hashlib
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
import trio

from engine.domain.changes import ChargePointConnected, NetworkStatusChanged, SecurityEventReported
from engine.errors import StoreError
from engine.points.reception import identity_in


def basic(username: str, password: str) -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("path", "identity"),
    [
        ("/ocpp/CP1", "CP1"),
        ("/ocpp/CP%201", "CP 1"),
        ("/ocpp/a%2Fb", None),
        ("/ocpp/%C3%A9", "é"),
        ("/ocpp/" + "x" * 255, "x" * 255),
        ("/ocpp/" + "x" * 256, None),
        ("/ocpp/", None),
        ("/ocpp/CP1/", None),
        ("/ocpp", None),
        ("/", None),
        ("/OCPP/CP1", None),
        ("/ocpp/a%00b", None),
        ("/ocpp/a%0Ab", None),
        ("/ocpp/%FF", None),
    ],
)
def test_identity_in_path(path: str, identity: str | None) -> None:
    assert identity_in(path) == identity


async def test_a_charge_point_is_let_in(site: Any) -> None:
    async with site.connect() as ws:
        assert ws.subprotocol == "ocpp1.6"
        answer = await site.ask(ws, "Heartbeat", {})
        assert answer == [3, "1", {"currentTime": "2026-03-01T12:00:00Z"}]
        assert site.registry.connected() == ["CP1"]
        assert site.registry.state("CP1").connected_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    (connected,) = site.store.journal.of(ChargePointConnected)
    assert (connected.network_protocol, connected.current_security_profile) == ("ocpp1.6", 0)
    assert connected.network_ip == "127.0.0.1"


@pytest.mark.parametrize(
    ("data", "status", "header"),
    [
        (b"GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n", 426, "Sec-WebSocket-Version"),
        (b"POST /ocpp/CP1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405, "Allow"),
        (b"nonsense\r\n\r\n", 400, "Connection"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nx: " + b"y" * 20_000 + b"\r\n\r\n", 431, "Connection"),
    ],
)
async def test_what_is_no_upgrade_is_refused(site: Any, data: bytes, status: int, header: str) -> None:
    answered, headers, body = await site.http(data)
    assert answered == status
    assert header in headers
    assert body.strip()


async def test_other_paths_are_not_found(site: Any) -> None:
    status, _, body = await site.http(site.request("", path="/ws/CP1"))
    assert status == 404
    assert "/ocpp/" in body


async def test_unknown_and_wrong_password_look_the_same(site: Any, store: Any) -> None:
    store.add("SAFE", profile=1, password_sha256=hashlib.sha256(b"right").digest())
    unknown = await site.http(site.request("NOBODY"))
    wrong = await site.http(site.request("SAFE", "Authorization: Basic U0FGRTp3cm9uZw=="))
    assert unknown == wrong
    assert unknown[0] == 401
    assert unknown[1]["WWW-Authenticate"].startswith("Basic")
    events = store.journal.of(SecurityEventReported)
    assert {event.type for event in events} == {"FailedToAuthenticateAtCentralSystem"}
    assert "wrong" not in events[1].tech_info.replace("wrong or missing", "")


async def test_the_right_password_opens(site: Any, store: Any) -> None:
    store.add("SAFE", profile=1, password_sha256=hashlib.sha256(b"right").digest())
    async with site.connect("SAFE", headers=[basic("SAFE", "right")]) as ws:
        assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
        assert site.registry.actor("SAFE").connection.profile == 1


async def test_disabled_is_forbidden(site: Any, store: Any) -> None:
    store.add("OFF", enabled=False)
    status, _, body = await site.http(site.request("OFF"))
    assert (status, body.strip()) == (403, "This charge point is disabled.")


async def test_too_many_failures_are_not_looked_at(start: Any, store: Any) -> None:
    store.add("SAFE", profile=1, password_sha256=hashlib.sha256(b"right").digest())
    async with start(auth_failures=2) as site:
        for _ in range(2):
            assert (await site.http(site.request("SAFE")))[0] == 401
        status, headers, _ = await site.http(site.request("SAFE", ": ".join(basic("SAFE", "right"))))
        assert status == 429
        assert 0 < int(headers["Retry-After"]) <= 60
        assert (await site.http(site.request("OTHER")))[0] == 401


async def test_accept_unknown_creates_a_pending_charge_point(start: Any) -> None:
    async with start(accept_unknown=True) as site, site.connect("NEW") as ws:
        boot = {"chargePointVendor": "V", "chargePointModel": "M"}
        answer = await site.ask(ws, "BootNotification", boot)
        assert answer[2]["status"] == "Pending"


async def test_over_the_connection_rate_is_busy(start: Any) -> None:
    async with start(connection_rate=0.05) as site:
        assert (await site.http(site.request("NOBODY")))[0] in (401, 503)
        status, headers, _ = await site.http(site.request("CP1"))
        assert status == 503
        assert int(headers["Retry-After"]) >= 1


async def test_a_full_node_is_busy(start: Any) -> None:
    async with start(max_connections=1) as site, site.connect("CP1"):
        status, headers, _ = await site.http(site.request("CP2"))
        assert status == 503
        assert "Retry-After" in headers


async def test_a_full_node_lets_a_charger_replace_its_own_connection(start: Any) -> None:
    async with start(max_connections=1) as site, site.connect("CP1"), site.connect("CP1") as newer:
        assert (await site.ask(newer, "Heartbeat", {}))[0] == 3


async def test_who_is_overtaken_in_the_door_is_told_to_come_back(
    site: Any, store: Any, nursery: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, load = trio.Event(), store.reader.load
    asking: list[Any] = []

    async def slowly(*asked: Any) -> Any:
        asking.append(asked)
        await gate.wait()
        return await load(*asked)

    monkeypatch.setattr(store.reader, "load", slowly)
    answers: list[int] = []

    async def come() -> None:
        answers.append((await site.http(site.request("CP1")))[0])

    nursery.start_soon(come)
    await site.until(lambda: len(asking) == 1)
    stream = await trio.open_tcp_stream("127.0.0.1", site.ports[0])
    await stream.send_all(site.request("CP1"))
    await site.until(lambda: len(asking) == 2)
    gate.set()
    await site.until(lambda: answers)
    assert answers == [503]
    await stream.aclose()


async def test_without_a_database_is_busy(site: Any, store: Any) -> None:
    store.reader.fault = StoreError("away")
    status, headers, _ = await site.http(site.request("CP1"))
    assert status == 503
    assert "Retry-After" in headers


@pytest.mark.parametrize("offered", [(), ("ocpp2.0.1",), ("ocpp1.5", "chat")])
async def test_no_common_subprotocol_is_upgraded_and_closed(site: Any, offered: tuple[str, ...]) -> None:
    async with site.connect(subprotocols=offered) as ws:
        assert ws.subprotocol is None
        reason = await site.closing(ws)
    assert reason.code == 1002
    assert "ocpp1.6" in reason.reason
    assert site.registry.connected() == []


async def test_subprotocol_by_the_chargers_preference(site: Any) -> None:
    async with site.connect(subprotocols=["ocpp2.0.1", "ocpp1.6"]) as ws:
        assert ws.subprotocol == "ocpp1.6"


async def test_who_says_nothing_is_closed(start: Any, autojump_clock: Any) -> None:
    async with start(handshake_timeout=20) as site:
        stream = await trio.open_tcp_stream("127.0.0.1", site.ports[0])
        began = trio.current_time()
        await stream.send_all(b"GET /ocpp/CP1 HT")
        assert await stream.receive_some() == b""
        assert 20 <= trio.current_time() - began < 21
        await site.until(lambda: site.metrics.connections[("left",)] == 1)
        await stream.aclose()


async def test_frames_sent_with_the_request_are_not_lost(site: Any) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", site.ports[0])
    heartbeat = site.masked(0x81, b'[2,"7","Heartbeat",{}]')
    await stream.send_all(site.request("CP1") + heartbeat + heartbeat[:5])
    received = b""
    while b'"7"' not in received:
        received += await stream.receive_some()
    await stream.send_all(heartbeat[5:])
    while received.count(b'"7"') < 2:
        received += await stream.receive_some()
    await stream.aclose()


async def test_many_at_once(site: Any, store: Any) -> None:
    async with AsyncExitStack() as stack:
        for number in range(50):
            store.add(f"M{number}")
            await stack.enter_async_context(site.connect(f"M{number}"))
        assert len(site.registry.connected()) == 50
    await site.until(lambda: not site.registry._claims)
    changes = store.journal.of(NetworkStatusChanged)
    assert [change.network_status for change in changes].count("temporarily_unavailable") == 50
