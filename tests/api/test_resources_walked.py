"""What holds of every declared listing, on a seeded network: paging, orders, filters, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.admin import MODULES
from api.kernel.listing import Query
from api.kernel.operations import Route
from api.kernel.resource import Resource
from engine.node import Node
from engine.store.filters import Operator
from engine.store.readings import SESSIONS
from engine.store.seeding import Sizes, seed
from tests.plans import EVERYBODY, found

SIZES = Sizes(stations=30, sessions=90, meter_values=450)
MOST = 500  # of a page
EXACT = {Operator.EQUAL, Operator.SAME_TEXT, Operator.AMONG}


def listings() -> Iterator[Route]:
    """The routes of declared listings."""
    for module in MODULES:
        for route in module.ROUTES:
            if isinstance(route.query, type) and issubclass(route.query, Query):
                yield route


async def path_of(node: Node, rule: str) -> str:
    """The address of a listing, within the newest session or its station."""
    newest = (await found(node.store, SESSIONS, limit=1))[0]
    return rule.replace("<identity>", newest.station).replace("<number:session_id>", str(newest.id))


@pytest.fixture
async def seeded(admin: httpx.AsyncClient, node: Node) -> httpx.AsyncClient:
    await seed(node.store._database, SIZES, lambda *_: None)
    return admin


async def whole(client: httpx.AsyncClient, path: str, **query: Any) -> list[Any]:
    """All rows, on pages as large as may be, by cursor."""
    rows: list[Any] = []
    cursor: dict[str, Any] = {}
    while True:
        answer = await client.get(path, params={"limit": MOST, **query, **cursor})
        assert answer.status_code == 200, (path, query, answer.text)
        rows += answer.json()["data"]
        cursor = {"cursor": answer.json()["nextCursor"]}
        if cursor["cursor"] is None:
            return rows


async def test_pages_of_every_listing_and_order(seeded: httpx.AsyncClient, node: Node) -> None:
    routes = list(listings())
    assert len(routes) >= 20
    for route in routes:
        path = await path_of(node, route.rule)
        everything = await whole(seeded, path)
        size = max(1, len(everything) // 3)
        assert await whole(seeded, path, limit=size) == everything, path
        by_number: list[Any] = []
        for page in range(1, 6):
            answer = (await seeded.get(path, params={"limit": size, "page": page})).json()
            assert answer["total"] == len(everything), path
            by_number += answer["data"]
        assert by_number == everything[: 5 * size], path


async def test_what_no_listing_takes(seeded: httpx.AsyncClient, node: Node) -> None:
    for route in listings():
        path = await path_of(node, route.rule)
        for query in ("nonsense=1", "limit=0", "limit=501", "cursor=x", "page=0", "page=2&cursor=WzFd"):
            answer = await seeded.get(f"{path}?{query}")
            assert (answer.status_code, len(answer.json()["errors"])) == (422, 1), (path, query)
        within_nothing = path.replace("SEED-", "NONE-").replace("/sessions/", "/sessions/9")
        if "<" in route.rule:
            assert (await seeded.get(within_nothing)).status_code == 404, path


async def test_filters_by_a_value_bring_the_rows_that_have_it(seeded: httpx.AsyncClient, node: Node) -> None:
    looked_at = 0
    for resource in (one for module in MODULES for one in vars(module).values() if isinstance(one, Resource)):
        if None not in resource.listed:
            continue
        everything = (await resource.rows(node, EVERYBODY, resource.query(limit=MOST))).data
        for number, one in enumerate(resource.filters.values()):
            value = everything and getattr(everything[len(everything) // 2], one.field, None)
            if one.operator not in EXACT or not isinstance(value, str | int):
                continue
            given = [value] if one.operator is Operator.AMONG else value
            query = resource.query(limit=MOST, **{f"filter_{number}": given})
            rows = (await resource.rows(node, EVERYBODY, query)).data
            wanted = [row for row in everything if getattr(row, one.field) == value]
            assert list(rows)[: len(wanted)] == wanted, (resource.name, one.field)
            looked_at += 1
    assert looked_at > 15


async def test_each_order_is_the_other_one_backwards(seeded: httpx.AsyncClient) -> None:
    for path in ("/stations", "/sessions"):
        newest, oldest = await whole(seeded, path, order="newest"), await whole(seeded, path, order="oldest")
        assert newest == oldest[::-1]
        assert len(newest) > 20
