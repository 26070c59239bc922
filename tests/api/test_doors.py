"""Who may knock: by the name that is asked for, and by the web page that asks."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from api.admin import admin_site
from api.http.head import HOST
from api.http.message import Request
from api.kernel.doors import FOREIGN_HOST, Door, hostname
from api.manage import manage_site
from engine.node import Node

HERE = "127.0.0.1"


def asked(host: bytes = b"", **headers: bytes) -> Request:
    request = Request()
    request.host = host
    request.headers = [(name.encode(), value) for name, value in headers.items()]
    return request


def door(*hosts: str, loopback: bool = True, origins: tuple[str, ...] = ()) -> Door:
    return Door(loopback=loopback, hosts=frozenset(hosts), origins=frozenset(origins))


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (b"", ""),
        (b"Evil.Example:80", "evil.example"),
        (b"localhost.", "localhost"),
        (b"[::1]:8080", "::1"),
        (b"127.0.0.1", "127.0.0.1"),
        (b"[1.2.3.4]:1", "1.2.3.4"),
        (b"[:::]", ":::"),
    ],
)
def test_names_of_hosts(host: bytes, name: str) -> None:
    assert hostname(host) == name


@given(st.from_regex(HOST, fullmatch=True))
def test_any_host_that_is_taken_has_a_name_or_none(host: bytes) -> None:
    request = asked(host, origin=b"http://" + host)
    assert ":" not in hostname(host) or host.startswith(b"[")
    for one in (door(), door("a", loopback=False)):
        assert one.refusal(request) in {None, FOREIGN_HOST}


@pytest.mark.parametrize(
    ("host", "on_loopback", "outside", "outside_with_names"),
    [
        (b"127.0.0.1:8080", True, True, True),
        (b"127.9.9.9", True, True, True),
        (b"[::1]", True, True, True),
        (b"LOCALHOST:8080", True, True, True),
        (b"", True, True, True),  # HTTP/1.0; a browser always sends one
        (b"csms.example", True, True, True),  # named in http_hosts
        (b"evil.example", False, True, False),
        (b"localhost.evil.example", False, True, False),
        (b"127.0.0.1.evil.example", False, True, False),
        (b"192.0.2.1", False, True, True),  # an address cannot be rebound
        (b"[2001:db8::1]:80", False, True, True),
    ],
)
def test_hosts(host: bytes, on_loopback: bool, outside: bool, outside_with_names: bool) -> None:
    request = asked(host)
    assert (door("csms.example").refusal(request) is None) is on_loopback
    assert (door(loopback=False).refusal(request) is None) is outside
    assert (door("csms.example", loopback=False).refusal(request) is None) is outside_with_names


@pytest.mark.parametrize(
    ("origin", "let_in"),
    [
        (b"http://127.0.0.1:8080", True),
        (b"https://127.0.0.1:8080", True),  # behind a proxy that ends TLS
        (b"https://console.example", True),  # named in http_origins
        (b"http://console.example", False),
        (b"https://console.example.evil.example", False),
        (b"http://127.0.0.1:8081", False),
        (b"http://evil.example", False),
        (b"null", False),
        (b"", False),
    ],
)
def test_origins(origin: bytes, let_in: bool) -> None:
    request = asked(b"127.0.0.1:8080", origin=origin)
    assert (door(origins=("https://console.example",)).refusal(request) is None) is let_in


PATHS = ("/", "/health/live", "/health/ready", "/metrics", "/admin-api/v1/stations", "/nowhere")


@pytest.mark.parametrize("path", PATHS)
async def test_another_name_for_loopback_leads_nowhere(admin: httpx.AsyncClient, path: str) -> None:
    answer = await admin.get(f"http://{HERE}{path}", headers={"Host": "evil.example"})
    assert answer.status_code == 403
    assert "http_hosts" in answer.json()["message"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", PATHS)
async def test_pages_of_other_origins_get_nothing(admin: httpx.AsyncClient, path: str) -> None:
    answer = await admin.get(f"http://{HERE}{path}", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_the_management_api_refuses_in_its_own_form(manage: httpx.AsyncClient) -> None:
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": f"http://{HERE}"},
    ):
        answer = await manage.get("/token", headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (403, "Forbidden")


async def test_names_and_origins_that_settings_allow(node: Node, ask: Any) -> None:
    settings = replace(
        node.settings, http_hosts=("csms.example",), http_origins=("https://Console.example/",)
    )
    client = ask(admin_site(replace(node, settings=settings)))
    named = {"Host": "CSMS.example", "Origin": "https://console.example"}
    answer = await client.get("/health/live", headers=named)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://console.example"
    assert answer.headers["Vary"] == "origin"
    # Errors of the application are shared, too: a page could not read why otherwise.
    answer = await client.get("/admin-api/v1/stations", headers=named)
    assert (answer.status_code, "Access-Control-Allow-Origin" in answer.headers) == (401, True)
    asking = named | {"Access-Control-Request-Method": "PATCH"}
    answer = await client.options("/admin-api/v1/stations/CP1", headers=asking)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_the_management_api_has_the_same_door(node: Node, ask: Any) -> None:
    settings = replace(node.settings, http_hosts=("csms.example",))
    client = ask(manage_site(replace(node, settings=settings)))
    assert (await client.get("/api/v0/token", headers={"Host": "csms.example"})).status_code == 200


async def test_options_of_the_server_as_a_whole(admin: httpx.AsyncClient) -> None:
    request = admin.build_request("OPTIONS", f"http://{HERE}", extensions={"target": b"*"})
    answer = await admin.send(request)
    assert answer.status_code == 204
    assert "GET" in answer.headers["Allow"]
