"""What belongs to another operator is not there: no operation shows it, changes it or reaches it."""

from __future__ import annotations

from typing import Any

import pytest

from api.admin import MODULES
from api.kernel.operations import Route
from engine.node import Node

from .conftest import By, Connect

ROUTES = [route for module in MODULES for route in module.ROUTES]
OURS = [route for route in ROUTES if "<" in route.rule and not route.rule.startswith("/tokens")]
# What the operations need that take no empty body.
BODIES: dict[str, Any] = {
    "/stations/<identity>/command": {"command": "Unlock", "parameters": {"evseNumber": 1}},
    "/stations/<identity>/call": {"action": "ClearCache"},
    "/stations/<identity>/upgrade": {"securityProfile": 2},
    "/sessions/<number:session_id>/void": {"note": "x"},
    "/sessions/<number:session_id>/correct": {"note": "x", "energyWh": 1},
}


@pytest.fixture
async def session(connect: Connect, by: By, node: Node) -> int:
    """A session of the first operator's station CP1, whose tag is TAG."""
    await by().post("/id-tags", json={"uid": "TAG"})
    charger = await connect("CP1")
    start = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": "2026-11-20T12:00:00Z"}
    started = await charger.call("StartTransaction", start)
    stop = {"transactionId": 4711, "meterStop": 100, "timestamp": "2026-11-20T12:00:00Z"}
    await charger.call("StopTransaction", stop)
    return int(started["transactionId"])


@pytest.mark.parametrize("route", OURS, ids=lambda route: f"{route.method} {route.rule}")
async def test_nothing_of_another_operator_is_reached(by: By, session: int, node: Node, route: Route) -> None:
    ((orphan,),) = await node.store.query("select id from orphans")
    names = {"identity": "CP1", "text:uid": "TAG", "number:session_id": session, "number:orphan_id": orphan}
    path = route.rule.replace("<number:operator_number>", "1")
    for name, value in names.items():
        path = path.replace(f"<{name}>", str(value))
    body = BODIES.get(route.rule, {}) if route.method in {"POST", "PATCH"} else None
    rows = "select count(*) from audit_log union all select count(*) from events"
    before = await node.store.query(rows)
    for operators in ((2,), (2, 3)):
        answer = await by(*operators, routes=ROUTES).request(route.method, path, json=body)
        assert answer.status_code == 404, answer.text
    assert await node.store.query(rows) == before
    if route.method == "GET" and not path.endswith("/upgrade"):
        assert (await by(1, routes=ROUTES).get(path)).status_code == 200


async def test_what_is_another_operator_s_is_in_no_listing(by: By, session: int, node: Node) -> None:
    await node.store.journal.flush(behind=True)
    listings = {route.rule for route in ROUTES if route.method == "GET" and "<" not in route.rule}
    ours = listings - {"/commands", "/audit", "/tokens", "/operator", "/operators"}
    for path in sorted(ours):
        assert (await by(2, routes=ROUTES).get(path)).json()["data"] == [], path
        assert (await by(1, routes=ROUTES).get(path)).json()["data"] != [] or path == "/security-events", path


async def test_no_start_at_a_station_of_another_operator(by: By, session: int) -> None:
    answer = await by(2, routes=ROUTES).post("/sessions", json={"station": "CP1"})
    assert answer.status_code == 404
