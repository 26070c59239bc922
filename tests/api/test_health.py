"""Health tells the truth to everybody; metrics are for those who may see them."""

from typing import Any

import pytest
import trio
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from api import health
from api.admin import admin_site
from engine.errors import DatabaseAway, StoreError
from engine.node import Node
from tests.plans import EVERYBODY


@pytest.fixture
async def anybody(node: Node, ask: Any) -> Any:
    """A client without a token."""
    return ask(admin_site(node))


async def test_live_and_ready(anybody: Any) -> None:
    for path in ("/health/live", "/health/ready"):
        answer = await anybody.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_draining_node_is_not_ready_but_alive(anybody: Any, node: Node) -> None:
    await node.registry.drain()
    answer = await anybody.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert answer.json()["reasons"] == ["this node is draining"]
    assert "Retry-After" in answer.headers
    assert (await anybody.get("/health/live")).status_code == 200


async def test_without_a_database_it_is_not_ready(
    anybody: Any, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (DatabaseAway("no such user voltrio@10.0.0.7"), StoreError("permission denied for voltrio")):

        async def away(error: StoreError = error) -> None:
            raise error

        monkeypatch.setattr(node.store, "ping", away)
        answer = await anybody.get("/health/ready")
        assert answer.status_code == 503
        (reason,) = answer.json()["reasons"]
        assert reason.startswith("the database")
        assert "voltrio" not in answer.text  # nobody without a token is told names


async def test_a_database_that_hangs_is_not_waited_for(
    anybody: Any, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node.store, "ping", trio.sleep_forever)
    monkeypatch.setattr(health, "DATABASE_PATIENCE", 0.01)
    answer = await anybody.get("/health/ready")
    assert answer.status_code == 503
    assert "did not answer" in answer.json()["reasons"][0]


async def test_metrics_are_prometheus_text(anybody: Any, connect: Any) -> None:
    await connect("CP1")
    answer = await anybody.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert families["voltrio_ocpp_connected"].samples[0].value == 1
    assert any(
        sample.labels["action"] == "BootNotification" for sample in families["voltrio_ocpp_messages"].samples
    )


@pytest.mark.parametrize(("scope", "status"), [(None, 401), ("admin", 200), ("metrics", 200)])
async def test_off_loopback_metrics_want_a_token(
    node: Node, ask: Any, scope: str | None, status: int
) -> None:
    exposed = replace(node, settings=replace(node.settings, http_host="0.0.0.0"))  # noqa: S104 - the point
    client = ask(admin_site(exposed))
    headers = {}
    if scope is not None:
        token = await node.store.api_tokens.create(EVERYBODY, "prometheus", scope=scope)
        headers["Authorization"] = f"Bearer {token.secret}"
    assert (await client.get("/metrics", headers=headers)).status_code == status
    assert (await client.get("/health/ready")).status_code == 200
