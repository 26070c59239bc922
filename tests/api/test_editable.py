"""Rows over HTTP for callers of one operator, of several and of all: whose row is shown, made and changed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.admin import id_tags
from api.admin.operators import ROUTES as OPERATORS
from api.kernel.editable import Editable
from engine.domain.caller import Caller
from engine.errors import Invalid
from engine.node import Node
from engine.store import editings
from engine.store.plan import Row

from .conftest import By


async def add(client: httpx.AsyncClient, uid: str, **query: Any) -> tuple[int, Any]:
    answer = await client.post("/id-tags", json={"uid": uid}, params=query)
    body = answer.json()
    return answer.status_code, body.get("operatorId") or body["errors"]


@pytest.mark.parametrize(
    ("operators", "query", "owner"),
    [
        ((2,), {}, 2),
        ((1, 3), {}, 1),
        ((1, 3), {"operatorId": 3}, 3),
        ((2, 3), {"operatorId": 3}, 3),
        ((), {}, 1),
        ((), {"operatorId": 2}, 2),
    ],
)
async def test_whose_a_new_tag_is(by: By, operators: Any, query: Any, owner: int) -> None:
    assert await add(by(*operators), "T", **query) == (201, owner)
    assert await add(by(*operators), "t", **query) == (201, owner)
    assert await add(by(*operators), "t", **query, onlyNew="true") == (409, {"uid": ["is taken"]})


@pytest.mark.parametrize(
    ("operators", "query"),
    [((2, 3), {}), ((2,), {"operatorId": 3}), ((1, 2), {"operatorId": 3}), ((), {"operatorId": 9})],
)
async def test_a_tag_that_would_be_nobody_s(by: By, operators: Any, query: Any) -> None:
    said = {"operatorId": ["say which of your operators it belongs to"]}
    assert await add(by(*operators), "T", **query) == (422, said)


async def test_which_of_several_tags_of_a_uid_is_shown_and_changed(by: By) -> None:
    for owner in (2, 3):
        await add(by(owner), "T")
    for operators in ((2, 3), (1, 2, 3), ()):
        client = by(*operators)
        for method in ("GET", "PATCH", "DELETE"):
            body = {"label": "x"} if method == "PATCH" else None
            answer = await client.request(method, "/id-tags/t", json=body)
            assert (answer.status_code, "operatorId" in answer.json()["message"]) == (409, True)
        shown = (await client.get("/id-tags/t", params={"operatorId": 3})).json()
        assert (shown["uid"], shown["operatorId"]) == ("T", 3)
        changed = await client.patch("/id-tags/t", json={"label": "x"}, params={"operatorId": 3})
        assert changed.json()["operatorId"] == 3
    assert (await by(1, 2).get("/id-tags/t")).json()["label"] is None
    assert (await by(1, 2).get("/id-tags/t", params={"operatorId": 3})).status_code == 404
    assert (await by(1).delete("/id-tags/t")).status_code == 404
    assert (await by().delete("/id-tags/t", params={"operatorId": 2})).status_code == 204
    listed = (await by().get("/id-tags")).json()["data"]
    assert [(row["operatorId"], row["label"]) for row in listed] == [(3, "x")]


async def test_a_listing_is_narrowed_to_one_operator(by: By) -> None:
    for owner in (1, 2, 3):
        await add(by(owner), f"T{owner}")

    async def uids(client: httpx.AsyncClient, **query: Any) -> list[str]:
        return [row["uid"] for row in (await client.get("/id-tags", params=query)).json()["data"]]

    assert await uids(by(), operatorId=2) == ["T2"]
    assert await uids(by(2, 3)) == ["T2", "T3"]
    assert await uids(by(2, 3), operatorId=1) == []


async def test_a_rule_that_is_no_declaration(by: By) -> None:
    async def labelled(node: Node, caller: Caller, values: dict[str, Any], row: Row | None) -> dict[str, Any]:
        if row is not None and row["status"] == "disabled":
            raise Invalid("no", {"status": ["is final"]})
        return {**values, "label": f"{caller.actor} of {values.get('uid', row and row['uid'])}"}

    ruled = Editable(id_tags.id_tags, editings.ID_TAGS, before_write=labelled)
    client = by(2, routes=ruled.routes("/id-tags", "uid", dict.fromkeys("CRUD", "…")))
    assert (await client.post("/id-tags", json={"uid": "T"})).json()["label"] == "test of T"
    assert (await client.post("/id-tags", json={"uid": "T"})).status_code == 409
    assert (await client.patch("/id-tags/t", json={"status": "disabled"})).json()["label"] == "test of T"
    refused = await client.patch("/id-tags/t", json={"status": "enabled"})
    assert (refused.status_code, refused.json()["errors"]) == (422, {"status": ["is final"]})


async def test_operators(admin: httpx.AsyncClient, by: By) -> None:
    made = await admin.post("/operators", json={"name": "fourth", "timezone": "Europe/Berlin"})
    assert (made.status_code, made.json()["currency"], made.json()["isDefault"]) == (201, "EUR", False)
    this = f"/operators/{made.json()['id']}"
    assert (await admin.patch(this, json={"locale": "de"})).json()["timezone"] == "Europe/Berlin"
    for wrong in ({"timezone": "Mars/Base"}, {"timezone": "../etc"}, {"name": ""}, {"currency": "USD"}):
        answer = await admin.patch(this, json=wrong)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, list(wrong))
    assert (await admin.post("/operators", json={})).status_code == 422
    price = {"currency": "CHF", "perKwh": 0.5}
    priced = await admin.put("/operator/price", json=price, params={"operatorId": made.json()["id"]})
    assert (priced.json()["id"], priced.json()["pricePerKwh"], priced.json()["currency"]) == (4, 0.5, "CHF")
    assert (await admin.get("/operator")).json()["pricePerKwh"] is None
    names = [row["name"] for row in (await admin.get("/operators")).json()["data"]]
    assert names[1:] == ["second", "third", "fourth"]


async def test_who_sees_one_operator_makes_no_others(by: By) -> None:
    client = by(2, routes=OPERATORS)
    assert (await client.post("/operators", json={"name": "x"})).status_code == 422
    assert [row["id"] for row in (await client.get("/operators")).json()["data"]] == [2]
    assert (await client.patch("/operators/3", json={"name": "x"})).status_code == 404
    assert (await client.patch("/operators/2", json={"name": "mine"})).json()["name"] == "mine"
    assert (await client.get("/operator")).json()["name"] == "mine"
    several = by(2, 3, routes=OPERATORS)
    assert (await several.get("/operator")).status_code == 404
    assert (await several.get("/operator", params={"operatorId": 3})).json()["id"] == 3
