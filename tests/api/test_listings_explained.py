"""How PostgreSQL carries out declared listings on many rows: each filter and order, for each kind of caller.

The small database of the test is explained as if it were large: a table is looked through only where there is
no other way. `make soak` does so on a large one, as the planner likes it, and prints how long each takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import product
from typing import Any

import pytest

from api.admin import MODULES, log
from api.kernel import listing, reading
from api.kernel.resource import Resource
from api.kernel.rows import Parent
from engine.domain.caller import Caller, CallerKind
from engine.node import Node
from engine.store.database import Connection, Database
from engine.store.filters import Operator
from engine.store.plan import Plan
from engine.store.seeding import Sizes, seed
from tests.plans import EVERYBODY

CALLERS = (
    EVERYBODY,
    Caller("one", CallerKind.API_TOKEN, frozenset({3})),
    Caller("several", CallerKind.API_TOKEN, frozenset({2, 3, 5})),
)
SMALL = Sizes(stations=300, sessions=6_000, meter_values=12_000)
# They grow with time; of the others a network of 20,000 stations has some 100,000 rows at most.
BIG = ("sessions", "session_totals", "meter_values", "message_log", "transaction_events", "security_events")
MOST = 100_000  # rows that a bounded count may pass over in a large network
OF = 97  # the row that values of filters are taken from

Sent = tuple[str, Sequence[object]]


def resources() -> Iterator[tuple[str, Resource[Any]]]:
    for module in MODULES:
        yield from ((name, one) for name, one in vars(module).items() if isinstance(one, Resource))


async def queries(node: Node, resource: Resource[Any]) -> Sequence[dict[str, str]]:
    """A query string for each filter and order, and each of both ways of paging."""
    found = [{}, {"page": "200", "limit": "50"}, *({"order": word} for word in resource.orders)]
    for name, one in resource.filters.items():
        if one.kind is bool or one.operator is Operator.PRESENT:
            found += [{name: "true"}, {name: "false"}]
            continue
        plan = Plan(caller=EVERYBODY, reading=resource.reading, fields=(one.field,), skip=OF, limit=1)
        rows = await node.store.rows(plan)
        value = rows[0][one.field] if rows else None
        if isinstance(value, datetime):
            found.append({name: value.isoformat()})
        elif value is not None:
            found.append({name: str(value)})
    return found


async def statements(node: Node, resource: Resource[Any], sent: list[Sent]) -> Sequence[tuple[str, Sent]]:
    """What is asked of the database, each with the query string that led to it."""
    found: list[tuple[str, Sent]] = []
    prepared = listing.lists(resource.filters)
    for given, within, caller in product(await queries(node, resource), resource.listed, CALLERS):
        sent.clear()
        where = [] if within is None else await within.children(node, EVERYBODY, await key_of(node, within))
        query = reading.query(resource.query, prepared(given))
        page = await resource.rows(node, caller, query, where)
        if page.next_cursor is not None and "page" not in given:
            query = reading.query(resource.query, prepared(given | {"cursor": page.next_cursor}))
            await resource.rows(node, caller, query, where)
        asked = f"{caller.actor} {given} {'' if within is None else within.name}"
        found += [(asked, one) for one in sent]
    return found


async def key_of(node: Node, parent: Parent) -> Any:
    """Of a row that has children."""
    plan = Plan(caller=EVERYBODY, reading=parent.reading, fields=(parent.key,), skip=OF, limit=1)
    return (await node.store.rows(plan))[0][parent.key]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Sent]:
    """The statements that were sent."""
    sent: list[Sent] = []
    genuine = Database.fetch

    async def fetch(self: Database, sql: str, *arguments: object) -> Any:
        sent.append((sql, arguments))
        return await genuine(self, sql, *arguments)

    monkeypatch.setattr(Database, "fetch", fetch)
    return sent


async def explained(database: Database, one: Sent, *settings: str) -> Any:
    """PostgreSQL's account of a statement, carried out."""
    sql, arguments = one

    async def work(connection: Connection) -> Any:
        async with connection.transaction():
            for setting in settings:
                await connection.execute(f"set local {setting}")
            return await connection.fetchval(f"explain (analyze, format json) {sql}", *arguments)

    (account,) = json.loads(await database.translating(work))
    return account


def nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def looked_through(account: Any, most: int) -> set[str]:
    """The big tables of which more than `most` rows were read one after the other, without an index."""
    return {
        node["Relation Name"]
        for node in nodes(account["Plan"])
        if node["Node Type"] == "Seq Scan"
        and node["Relation Name"].startswith(BIG)
        and rows_read(node) > most
    }


def rows_read(node: Any) -> float:
    return float((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])


def test_there_are_resources() -> None:
    assert {"stations", "id_tags", "messages"} <= {name for name, _ in resources()}


async def test_no_big_table_is_looked_through(node: Node, sent: list[Sent]) -> None:
    database = node.store._database
    await seed(database, SMALL, lambda *_: None)
    wrong = []
    for name, resource in resources():
        for asked, one in await statements(node, resource, sent):
            account = await explained(database, one, "enable_seqscan = off")
            wrong += [f"{name} {asked}: {table}" for table in looked_through(account, 0)]
    assert wrong == []


@pytest.mark.parametrize("resource", [log.messages, log.security_events])
async def test_a_log_says_itself_whose_its_rows_are(
    node: Node, sent: list[Sent], resource: Resource[Any]
) -> None:
    """No station is looked up to learn whether the caller may see a row."""
    await seed(node.store._database, SMALL, lambda *_: None)
    sent.clear()
    query = reading.query(resource.query, {"page": "11", "limit": "10"})
    await resource.rows(node, CALLERS[1], query)
    for one in sent:
        account = await explained(node.store._database, one, "enable_seqscan = off")
        whose = {name_of(n) for n in nodes(account["Plan"]) if "operator_id" in conditions_of(n)}
        assert whose
        assert all(name.startswith(BIG) for name in whose)


def name_of(node: Any) -> str:
    return str(node.get("Relation Name") or node["Index Name"])


def conditions_of(node: Any) -> str:
    return f"{node.get('Index Cond', '')} {node.get('Filter', '')}"


@pytest.mark.soak
async def test_a_large_network(node: Node, sent: list[Sent]) -> None:
    database = node.store._database
    await seed(database, Sizes(), lambda *_: None)
    wrong, slowest = [], []
    for name, resource in resources():
        for asked, one in await statements(node, resource, sent):
            account = await explained(database, one)
            slowest.append((account["Execution Time"], name, asked))
            wrong += [f"{name} {asked}: {table}" for table in looked_through(account, MOST)]
    for milliseconds, name, asked in sorted(slowest, reverse=True)[:50]:
        print(f"{milliseconds:8.1f} ms  {name} {asked}")
    assert wrong == []
