"""The two HTTP ports of a node on real sockets: their addresses, their limits, HTTPS."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio
from msgspec.structs import replace

from api.cli.client import Client
from api.server import serve_http, serve_manage
from engine.errors import SettingsError
from engine.node import Node
from engine.settings import load
from tests.certificates import Authority
from tests.plans import EVERYBODY


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def secure(node: Node, authority: Authority) -> Node:
    certificate, key = authority.issue("localhost", 7)
    settings = replace(node.settings, http_tls_certificate=str(certificate), http_tls_key=str(key))
    return replace(node, settings=settings)


async def test_both_ports_say_where_they_are_and_are_counted(node: Node) -> None:
    async with trio.open_nursery() as nursery:
        (http,) = await nursery.start(serve_http, node)
        (manage,) = await nursery.start(serve_manage, node)
        assert http.startswith("http://127.0.0.1:")
        assert manage.endswith("/api/v0")
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{http}/health/live")).json() == {"status": "ok"}
            assert (await client.get(f"{manage}/token")).json() == []
            assert len(node.http_places) == 2
            # What the server itself refuses is in the form of the API behind it, and ends the connection.
            said = "this server has no such method"
            assert (await client.request("BREW", http)).json() == {"message": said}
            refused = await client.request("BREW", f"{manage}/token")
            assert refused.json() == {"status": "Not Implemented", "error": said}
        assert node.metrics.http_answers[("200",)] == 2
        assert node.metrics.http_answers[("501",)] == 2
        nursery.cancel_scope.cancel()
    assert len(node.http_places) == 0


async def test_a_port_in_use_is_named(node: Node) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        busy = replace(node, settings=replace(node.settings, http_port=port))
        with pytest.RaisesGroup(pytest.RaisesExc(OSError, match=f"127.0.0.1:{port}")):
            async with trio.open_nursery() as nursery:
                await nursery.start(serve_http, busy)


async def test_https(secure: Node, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await secure.store.api_tokens.create(EVERYBODY, "test")
    trusting = ssl.create_default_context(cafile=str(authority.file))
    trusting.set_alpn_protocols(["h2", "http/1.1"])
    async with trio.open_nursery() as nursery:
        (http,) = await nursery.start(serve_http, secure)
        (manage,) = await nursery.start(serve_manage, secure)
        assert http.startswith("https://127.0.0.1:")
        port = int(http.rpartition(":")[2])
        async with httpx.AsyncClient(trust_env=False, verify=trusting) as client:
            assert (await client.get(f"https://localhost:{port}/health/ready")).status_code == 200
            there = manage.replace("127.0.0.1", "localhost")
            assert (await client.get(f"{there}/token")).status_code == 200
        stream = await trio.open_ssl_over_tcp_stream(
            "localhost", port, ssl_context=trusting, https_compatible=True
        )
        async with stream:
            await stream.do_handshake()
            assert stream.selected_alpn_protocol() == "http/1.1"
            assert stream.version() == "TLSv1.3"
        # The command line trusts what the system does.
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        with closing(Client(f"https://localhost:{port}", token.secret)) as program:
            listed = await trio.to_thread.run_sync(partial(program.get, "/stations"))
        assert listed["data"] == []
        nursery.cancel_scope.cancel()


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(SettingsError, match="go together"):
        load(flags={"http_tls_key": "key.pem"})
