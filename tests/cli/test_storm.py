"""`voltrio storm` against a node that plays along, and where there is none."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from engine.simulator.load.storm import Storm


@pytest.fixture
def stormy(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a storm was made of; it takes the given time."""
    made: list[Any] = []

    async def storm(target: Any, identities: Any, tag: str) -> Storm:
        made.append((target, list(identities), tag))
        return Storm(all_booted=1.5, start_p50=0.01, start_p99=0.2, losses=len(made) - 1)

    monkeypatch.setattr("api.cli.storm.storm", storm)
    return made


@pytest.fixture(autouse=True)
def node(played: Any) -> Any:
    """Knows the first station, and no tag."""
    one = {"data": [{"identity": "SIM-0001"}], "nextCursor": None}
    played.answers["GET /stations"] = httpx.Response(200, json=one)
    played.answers["GET /id-tags"] = httpx.Response(200, json={"data": [], "nextCursor": None})
    for path in ("/stations", "/id-tags"):
        played.answers[f"POST {path}"] = httpx.Response(201, json={})
    return played


def test_it_registers_what_is_not_known(run: Any, stormy: list[Any], node: Any) -> None:
    assert run("storm", "--stations", "3", "--tag", "T").exit_code == 0
    added = [json.loads(request.content) for request in node.asked if request.method == "POST"]
    assert added == [
        {"identity": "SIM-0002", "securityProfile": 0},
        {"identity": "SIM-0003", "securityProfile": 0},
        {"uid": "T"},
    ]


def test_it_says_how_long_it_took(run: Any, stormy: list[Any]) -> None:
    result = run("storm", "--url", "ws://127.0.0.1:9/ocpp", "--stations", "3", "--tag", "T")
    assert result.exit_code == 0
    assert "3 chargers booted within 1.50 s" in result.output
    ((target, identities, tag),) = stormy
    assert (target.port, identities, tag) == (9, ["SIM-0001", "SIM-0002", "SIM-0003"], "T")
    lost = run("storm", "--json")
    assert (lost.exit_code, json.loads(lost.output)["losses"]) == (1, 1)


def test_it_does_not_wait_for_ever(run: Any) -> None:
    result = run("storm", "--url", "ws://127.0.0.1:9/ocpp", "--stations", "1", "--patience", "1")
    assert (result.exit_code, "SIM-0001" in result.output) == (1, True)


def test_it_speaks_no_tls(run: Any) -> None:
    assert run("storm", "--url", "wss://127.0.0.1:9/ocpp").exit_code == 2
