"""wss: the handshake, client certificates bound to identities, renewed certificates."""

import base64
import hashlib
import os
import ssl
from pathlib import Path
from typing import Any

import pytest
import trio

from engine.domain.changes import SecurityEventReported
from engine.points.certificates import LOOK_EVERY, for_chargers
from engine.settings import Settings
from tests.certificates import Authority

SERIAL = 0xAB12


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def tls_settings(authority: Authority) -> dict[str, Any]:
    certificate, key = authority.issue("server", 2)
    return {
        "ocpp_tls_port": 0,
        "tls_certificate": str(certificate),
        "tls_key": str(key),
        "tls_client_ca": str(authority.file),
    }


@pytest.fixture
def client(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.file)


def basic(identity: str, password: str) -> list[tuple[str, str]]:
    return [("Authorization", "Basic " + base64.b64encode(f"{identity}:{password}".encode()).decode())]


async def test_profile_2(start: Any, store: Any, tls_settings: Any, client: ssl.SSLContext) -> None:
    store.add("SAFE", profile=2, password_sha256=hashlib.sha256(b"secret").digest())
    async with start(**tls_settings) as site:
        async with site.connect("SAFE", headers=basic("SAFE", "secret"), tls=client) as ws:
            assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
            assert site.registry.actor("SAFE").connection.profile == 2
            await ws.send_message('[2,"2","DataTransfer",{"vendorId":"v","data":"' + "d" * 200_000 + '"}]')
            assert (await site.take(ws))[:2] == [3, "2"]
        over_ws = await site.http(site.request("SAFE", ": ".join(basic("SAFE", "secret")[0])))
        assert over_ws[0] == 403
        assert "wss://" in over_ws[2]


async def test_profile_3_by_common_name(
    start: Any, store: Any, tls_settings: Any, client: ssl.SSLContext, authority: Authority
) -> None:
    store.add("CERT", profile=3)
    client.load_cert_chain(*authority.issue("CERT", SERIAL))
    async with start(**tls_settings) as site, site.connect("CERT", tls=client) as ws:
        assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
        assert site.registry.actor("CERT").connection.profile == 3


async def test_profile_3_by_serial(
    start: Any, store: Any, tls_settings: Any, client: ssl.SSLContext, authority: Authority
) -> None:
    store.add("CERT", profile=3, certificate_serial="AB:12")
    client.load_cert_chain(*authority.issue("serial-of-the-device", SERIAL))
    async with start(**tls_settings) as site, site.connect("CERT", tls=client) as ws:
        assert (await site.ask(ws, "Heartbeat", {}))[0] == 3


async def test_a_certificate_of_a_foreign_authority(
    start: Any, store: Any, tls_settings: Any, client: ssl.SSLContext, tmp_path: Path
) -> None:
    store.add("CERT", profile=3)
    (tmp_path / "foreign").mkdir()
    client.load_cert_chain(*Authority(tmp_path / "foreign").issue("CERT", SERIAL))
    async with start(**tls_settings) as site:
        tcp = await trio.open_tcp_stream("127.0.0.1", site.ports[1])
        stream = trio.SSLStream(tcp, client, server_hostname="localhost")
        await stream.do_handshake()  # TLS 1.3: the client is done before the server has judged it
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()
        await tcp.aclose()
        await site.until(lambda: site.metrics.connections[("tls_failed",)] == 1)
        assert site.registry.connected() == []


async def test_who_does_not_speak_tls(start: Any, tls_settings: Any) -> None:
    async with start(**tls_settings) as site:
        stream = await trio.open_tcp_stream("127.0.0.1", site.ports[1])
        await stream.send_all(site.request("CP1"))
        while await stream.receive_some():
            pass
        await stream.aclose()
        await site.until(lambda: site.metrics.connections[("tls_failed",)] == 1)


async def test_an_old_tls_version_is_a_security_event(
    start: Any, store: Any, tls_settings: Any, client: ssl.SSLContext
) -> None:
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    client.set_ciphers("DEFAULT:@SECLEVEL=0")
    async with start(**tls_settings) as site:
        tcp = await trio.open_tcp_stream("127.0.0.1", site.ports[1])
        stream = trio.SSLStream(tcp, client, server_hostname="localhost")
        with pytest.raises(trio.BrokenResourceError):
            await stream.do_handshake()
        await tcp.aclose()
        await site.until(lambda: site.metrics.connections[("tls_failed",)] == 1)
    (event,) = store.journal.of(SecurityEventReported)
    assert event.type == "InvalidTLSVersion"


def test_a_renewed_certificate_is_taken_up(authority: Authority, tls_settings: Any) -> None:
    certificates = for_chargers(Settings(**tls_settings))
    first = certificates.context(0.0)
    authority.issue("server", 3)
    os.utime(tls_settings["tls_certificate"], (2e9, 2e9))
    assert certificates.context(LOOK_EVERY / 2) is first
    second = certificates.context(LOOK_EVERY * 2)
    assert second is not first
    Path(tls_settings["tls_key"]).write_text("broken")
    os.utime(tls_settings["tls_key"], (2.1e9, 2.1e9))
    assert certificates.context(LOOK_EVERY * 4) is second


def test_only_present_day_tls(tls_settings: Any) -> None:
    context = for_chargers(Settings(**tls_settings)).context(0.0)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    names = {cipher["name"] for cipher in context.get_ciphers()}
    assert "ECDHE-ECDSA-AES128-GCM-SHA256" in names
    assert not any("CBC" in one or "RC4" in one or "DES" in one for one in names)
