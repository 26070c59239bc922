"""Declared listings: filters, pages and orders as they are asked for, and what is refused of them."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from engine.node import Node
from tests.plans import put_tag


@pytest.fixture
async def tags(admin: httpx.AsyncClient, node: Node) -> httpx.AsyncClient:
    """Five tags: A0 … A4, the even ones disabled."""
    for number in range(5):
        status = "enabled" if number % 2 else "disabled"
        await put_tag(node.store, f"A{number}", status=status, issuer=f"Issuer {number}")
    return admin


async def uids(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get("/id-tags", params=query)
    assert answer.status_code == 200, answer.text
    return [row["uid"] for row in answer.json()["data"]]


async def test_filters_narrow_and_add_up(tags: httpx.AsyncClient) -> None:
    assert await uids(tags, status="enabled") == ["A1", "A3"]
    assert await uids(tags, status="enabled,disabled") == ["A0", "A1", "A2", "A3", "A4"]
    assert await uids(tags, status="disabled", issuer="Issuer 2") == ["A2"]
    assert await uids(tags, uid="a3") == ["A3"]
    assert await uids(tags, valid="false") == []
    assert len(await uids(tags, changedSince="2020-01-01T00:00:00Z")) == 5
    assert await uids(tags, issuer="") == []


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
async def test_both_ways_of_paging_have_every_row_once(tags: httpx.AsyncClient, limit: int) -> None:
    by_cursor: list[str] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        page = (await tags.get("/id-tags", params=query)).json()
        by_cursor += [row["uid"] for row in page["data"]]
        assert "total" not in page
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    by_number: list[str] = []
    for number in range(1, 6):
        page = (await tags.get("/id-tags", params={"limit": limit, "page": number})).json()
        by_number += [row["uid"] for row in page["data"]]
        assert page["total"] == 5
        if len(by_number) == 5:
            break
    assert by_cursor == by_number == ["A0", "A1", "A2", "A3", "A4"]


async def test_a_cursor_begins_a_page_that_numbers_go_on_from(tags: httpx.AsyncClient) -> None:
    page = (await tags.get("/id-tags", params={"limit": 2, "page": 2})).json()
    rest = (await tags.get("/id-tags", params={"cursor": page["nextCursor"]})).json()
    assert [row["uid"] for row in rest["data"]] == ["A4"]


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("limit=0", {"limit"}),
        ("limit=501", {"limit"}),
        ("page=0", {"page"}),
        ("page=10001", {"page"}),
        ("page=22&limit=500", {"page"}),
        ("page=2&cursor=WzFd", {"page"}),
        ("cursor=", {"cursor"}),
        ("cursor=-1", {"cursor"}),
        ("cursor=x", {"cursor"}),
        ("cursor=WyJ4Il0", {"cursor"}),  # ["x"], of another listing
        ("cursor=WzEsMl0", {"cursor"}),  # [1,2]
        ("cursor=WzkyMjMzNzIwMzY4NTQ3NzU4MDhd", {"cursor"}),  # [2**63]
        ("cursor=" + "x" * 2_001, {"cursor"}),
        ("status=lost", {"status"}),
        ("status=" + ",".join(["enabled"] * 101), {"status"}),
        ("uid=" + "x" * 256, {"uid"}),
        ("uid=%00", {"uid"}),
        ("valid=perhaps", {"valid"}),
        ("changedSince=2020-01-01", {"changedSince"}),
        ("changedSince=2020-01-01T00:00:00", {"changedSince"}),
        ("changedSince=0001-01-01T00:00:00%2B14:00", {"changedSince"}),
        ("isuer=x", {"isuer"}),
        ("limit=x&status=lost&valid=2&odd=1", {"limit", "status", "valid", "odd"}),
    ],
)
async def test_what_is_wrong_is_said_all_at_once(
    tags: httpx.AsyncClient, query: str, places: set[str]
) -> None:
    answer = await tags.get(f"/id-tags?{query}")
    assert answer.status_code == 422, answer.text
    assert set(answer.json()["errors"]) == places


@pytest.mark.parametrize("key", [["0001-01-01T00:00:00+14:00", 1], ["2026-01-01T00:00:00", 1], [1, 1], ["x"]])
async def test_a_forged_cursor(admin: httpx.AsyncClient, key: list[Any]) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(key).encode()).decode()
    answer = await admin.get("/messages", params={"cursor": cursor.rstrip("=")})
    assert (answer.status_code, set(answer.json()["errors"])) == (422, {"cursor"})


async def test_text_that_cannot_be_stored_in_a_cursor(admin: httpx.AsyncClient) -> None:
    cursor = base64.urlsafe_b64encode(rb'["\u0000"]').decode().rstrip("=")
    answer = await admin.get("/stations", params={"order": "identity", "cursor": cursor})
    assert answer.status_code == 422


async def test_refusals_say_what_there_is(tags: httpx.AsyncClient) -> None:
    faults = (await tags.get("/id-tags?isuer=x&status=lost")).json()["errors"]
    assert "did you mean issuer?" in faults["isuer"][0]
    assert "enabled, disabled, suspended" in faults["status"][0]


async def test_children_of_what_is_not_there(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/stations/nobody/messages")
    assert (answer.status_code, answer.json()["message"]) == (404, "no charge point 'nobody'")


async def test_stations_by_what_they_are(admin: httpx.AsyncClient, node: Node, connect: Any) -> None:
    await connect("B1")
    for identity in ("A1", "A2", "A_3"):
        await admin.post("/stations", json={"identity": identity, "registrationStatus": "pending"})
    status = {"connectorId": 2, "errorCode": "NoError", "status": "Charging"}
    charger = await connect("C1")
    await charger.call("StatusNotification", status)
    await charger.call("StatusNotification", status | {"connectorId": 1})
    await node.store.journal.flush()

    async def identities(**query: Any) -> list[str]:
        answer = await admin.get("/stations", params=query)
        assert answer.status_code == 200, answer.text
        return [row["identity"] for row in answer.json()["data"]]

    assert await identities() == ["B1", "A1", "A2", "A_3", "C1"]
    assert await identities(order="newest") == ["C1", "A_3", "A2", "A1", "B1"]
    assert await identities(order="identity") == ["A1", "A2", "A_3", "B1", "C1"]
    assert await identities(connected="true") == ["B1", "C1"]
    assert await identities(connected="false", registrationStatus="pending,rejected") == ["A1", "A2", "A_3"]
    assert await identities(identity="A_") == ["A_3"]
    assert await identities(vendor="Ampelwerk", securityProfile="0") == ["B1", "C1"]
    assert (await admin.get("/stations?order=vendor")).status_code == 422
    page = (await admin.get("/stations?order=identity&limit=2&include=connectors")).json()
    assert [row["connectors"] for row in page["data"]] == [[], []]
    (row,) = (await admin.get("/stations?identity=C1&include=connectors")).json()["data"]
    assert [(one["connectorNumber"], one["status"]) for one in row["connectors"]] == [
        (1, "charging"),
        (1, "charging"),
    ]
    assert [one["evseNumber"] for one in row["connectors"]] == [1, 2]
    rest = (await admin.get("/stations", params={"order": "identity", "cursor": page["nextCursor"]})).json()
    assert [row["identity"] for row in rest["data"]] == ["A_3", "B1", "C1"]
    assert "connectors" not in rest["data"][0]
    foreign = await admin.get("/stations", params={"order": "oldest", "cursor": page["nextCursor"]})
    assert (foreign.status_code, set(foreign.json()["errors"])) == (422, {"cursor"})
