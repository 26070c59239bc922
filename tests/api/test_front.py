"""What stands at `/`: a page for browsers, JSON for the others, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from api.admin import admin_site
from engine.node import Node

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def anybody(node: Node, ask: Any) -> httpx.AsyncClient:
    """A client without a token, of a node whose ports are known."""
    settings = replace(node.settings, ocpp_port=9000, manage_port=9410)
    client: httpx.AsyncClient = ask(admin_site(replace(node, settings=settings)))
    return client


async def test_json_says_what_is_where(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert (body["name"], bool(body["version"])) == ("Voltrio", True)
    assert body["links"] == {
        "chargers": "ws://127.0.0.1:9000/ocpp/<identity>",
        "live": "/health/live",
        "ready": "/health/ready",
        "metrics": "/metrics",
        "admin": "/admin-api/v1",
        "reference": "/admin-api/v1/docs",
        "manage": "http://127.0.0.1:9410/api/v0",
        "documentation": "docs/README.md",
    }
    for name in ("live", "ready", "metrics", "reference"):
        assert (await anybody.get(body["links"][name])).status_code == 200


async def test_a_browser_gets_a_page_that_needs_nothing_else(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/", headers=BROWSER)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Vary"] == "accept"
    assert 'href="/health/ready"' in answer.text
    assert "ws://127.0.0.1:9000/ocpp/&lt;identity&gt;" in answer.text
    assert not re.search(r"<script|https?://(?!127\.0\.0\.1)|\bsrc=|@import|url\(", answer.text)
    policy = answer.headers["Content-Security-Policy"]
    (style,) = re.findall("<style>(.*?)</style>", answer.text)
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert (await anybody.head("/", headers=BROWSER)).content == b""


async def test_the_host_in_the_page_cannot_be_anything_else(node: Node, ask: Any) -> None:
    settings = replace(node.settings, http_host="0.0.0.0", ocpp_host="0.0.0.0", ocpp_port=9000)  # noqa: S104
    client = ask(admin_site(replace(node, settings=settings)))
    answer = await client.get("/", headers=BROWSER | {"Host": "a&b.example:80"})
    assert "ws://a&amp;b.example:9000/" in answer.text


async def test_outside_of_this_machine_it_says_less(node: Node, ask: Any) -> None:
    """Which version runs here, and where the management API is, is nobody's business there."""
    ports = replace(node.settings, ocpp_port=9000, manage_port=9410)
    settings = replace(ports, http_host="0.0.0.0", ocpp_host="0.0.0.0")  # noqa: S104
    client = ask(admin_site(replace(node, settings=settings)))
    body = (await client.get("/", headers={"Host": "[2001:db8::1]:8080"})).json()
    assert "version" not in body
    assert "manage" not in body["links"]
    assert body["links"]["chargers"] == "ws://[2001:db8::1]:9000/ocpp/<identity>"


async def test_tls_is_what_chargers_are_sent_to(node: Node, ask: Any) -> None:
    settings = replace(node.settings, ocpp_port=9000, ocpp_tls_port=9443)
    client = ask(admin_site(replace(node, settings=settings)))
    links = (await client.get("/")).json()["links"]
    assert links["chargers"] == "wss://127.0.0.1:9443/ocpp/<identity>"


async def test_other_methods_are_not_allowed(anybody: httpx.AsyncClient) -> None:
    for path in ("/", "/health/live", "/metrics"):
        answer = await anybody.post(path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
        assert answer.json()["message"]
        assert len(answer.headers["X-Correlation-Id"]) == 32
