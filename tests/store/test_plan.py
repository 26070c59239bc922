"""Plans of reading: each narrows, orders, pages and includes as it says, in one statement, in its scope."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from engine.domain.caller import Caller, CallerKind
from engine.metrics import Metrics
from engine.store import compiling
from engine.store.database import Database, open_database
from engine.store.filters import Condition, Operator
from engine.store.plan import Plan, Row, count, fetch
from engine.store.reading import Include, Order, Reading
from engine.store.tables.access import api_tokens
from engine.store.tables.inventory import charge_points, connectors, evses
from engine.store.tables.sessions import meter_values, sessions

EVERYBODY = Caller("test", CallerKind.NODE)
START = datetime(2026, 1, 1, tzinfo=UTC)

CONNECTORS = Include(
    reading=Reading(connectors, order=(Order(field="number"),)),
    on={"charge_point_id": "charge_point_id", "evse_network_id": "network_id"},
)
EVSES = Reading(evses, order=(Order(field="network_id"),), includes={"connectors": CONNECTORS})
STATIONS = Reading(
    charge_points,
    order=(Order(field="id"),),
    always=charge_points.c.deleted_at.is_(None),
    includes={"evses": Include(reading=EVSES, on={"charge_point_id": "id"}, most=2)},
)
SESSIONS = Reading(
    sessions,
    source=sessions.join(charge_points, charge_points.c.id == sessions.c.charge_point_id),
    fields={**sessions.c, "station": charge_points.c.network_id},
    lookups={"station": (sessions.c.charge_point_id, charge_points.c.id)},
    order=(Order(field="id", descending=True),),
    includes={"of": Include(reading=STATIONS, on={"id": "charge_point_id"}, one=True)},
)
VALUES = Reading(meter_values, order=(Order(field="timestamp"), Order(field="sample_key")))
TOKENS = Reading(api_tokens, order=(Order(field="id"),))

ROWS = f"""
insert into operators (name) values ('second'), ('third');
insert into charge_points (operator_id, network_id, name, type, settings, location_id, deleted_at)
select 1 + n % 2, 'CP' || n, 'CP' || n, case when n % 3 = 0 then '100%_\\ ' || n else 'Plain' end,
       jsonb_build_object('a', jsonb_build_object('b', n % 2)), null, case when n = 9 then now() end
from generate_series(1, 9) n;
insert into evses (charge_point_id, network_id)
select c, e from generate_series(1, 9) c, generate_series(1, 3) e;
insert into connectors (charge_point_id, evse_network_id, number)
select 1, e, 1 from generate_series(1, 3) e;
insert into sessions (id, operator_id, charge_point_id, evse_number, connector_number, status, id_tag, review,
                      meter_start_wh, started_at, start_received_at, offline, last_updated_at)
select n, 1 + n % 2, n, 1, 1, case when n < 5 then 'active' else 'finished' end, 'Tag' || n,
       case when n = 2 then array['clock_drift'] else '{{}}' end,
       0, '{START}'::timestamptz + n * interval '1 day', now(),
       false, now()
from generate_series(1, 9) n;
insert into meter_values (charge_point_id, session_id, evse_number, timestamp, received_at, sample_key,
                          samples)
select 1, 1, 1, '{START}'::timestamptz + n / 2 * interval '1 minute', now(), n, '[]'
from generate_series(0, 9) n;
insert into api_tokens (name, scope, secret_sha256) values ('one', 'admin', decode(repeat('00', 32), 'hex'));
"""  # noqa: S608 - a moment of ours


@pytest.fixture
async def database(dsn: str, metrics: Metrics) -> AsyncIterator[Database]:
    """Nine stations of two operators, a session at each, the ninth station deleted."""
    async with open_database(dsn, metrics) as opened:

        async def fill(connection: Any) -> None:
            await connection.execute(ROWS)

        await opened.use(fill)
        yield opened


def by(*operators: int) -> Caller:
    return Caller("test", CallerKind.API_TOKEN, frozenset(operators))


async def ids(database: Database, reading: Reading, *where: Condition, **more: Any) -> list[int]:
    plan = Plan(**{"caller": EVERYBODY, "reading": reading, "where": where, **more})
    rows = await fetch(database, plan)
    if "after" not in more and "skip" not in more and "limit" not in more:
        assert await count(database, plan) == len(rows)
    return [row["id"] for row in rows]


def where(field: str, operator: str, value: object) -> Condition:
    return Condition(field=field, operator=Operator(operator), value=value)


@pytest.mark.parametrize(
    ("reading", "condition", "found"),
    [
        (STATIONS, where("network_id", "equal", "CP3"), [3]),
        (STATIONS, where("location_id", "equal", None), [1, 2, 3, 4, 5, 6, 7, 8]),
        (STATIONS, where("network_id", "equal", None), []),
        (STATIONS, where("network_id", "same_text", "cp3"), [3]),
        (STATIONS, where("id", "among", [7, 2, 9, 70]), [2, 7]),
        (STATIONS, where("id", "among", []), []),
        (STATIONS, where("id", "none_of", [1, 2, 3, 4, 5, 70]), [6, 7, 8]),
        (STATIONS, where("id", "none_of", []), [1, 2, 3, 4, 5, 6, 7, 8]),
        (STATIONS, where("id", "at_least", 7), [7, 8]),
        (STATIONS, where("id", "above", 7), [8]),
        (STATIONS, where("id", "at_most", 2), [1, 2]),
        (STATIONS, where("id", "below", 2), [1]),
        (STATIONS, where("type", "prefix", "100%_\\ "), [3, 6]),
        (STATIONS, where("type", "prefix", "%"), []),
        (STATIONS, where("settings", "json_path", (("a", "b"), 1)), [1, 3, 5, 7]),
        (STATIONS, where("settings", "json_path", (("a", "c"), 1)), []),
        (SESSIONS, where("review", "present", True), [2]),
        (SESSIONS, where("review", "present", False), [9, 8, 7, 6, 5, 4, 3, 1]),
        (SESSIONS, where("started_at", "below", START + timedelta(days=3)), [2, 1]),
        (SESSIONS, where("station", "equal", "CP4"), [4]),
        (SESSIONS, where("station", "among", ["CP4", "CP5", "no"]), [5, 4]),
    ],
)
async def test_each_condition(
    database: Database, reading: Reading, condition: Condition, found: Sequence[int]
) -> None:
    assert await ids(database, reading, condition) == found


async def test_conditions_add_up(database: Database) -> None:
    several = (where("id", "at_least", 2), where("id", "below", 6), where("status", "equal", "active"))
    assert await ids(database, SESSIONS, *several) == [4, 3, 2]


async def test_each_caller_sees_its_operators_only(database: Database) -> None:
    for reading in (STATIONS, SESSIONS):
        everything = sorted(await ids(database, reading))
        odd, even = [n for n in everything if n % 2], [n for n in everything if not n % 2]
        assert sorted(await ids(database, reading, caller=by(1))) == even
        assert sorted(await ids(database, reading, caller=by(2))) == odd
        assert sorted(await ids(database, reading, caller=by(1, 2))) == everything
        assert await ids(database, reading, caller=by(3)) == []
        assert await ids(database, reading, caller=by()) == []
    for reading, (own, foreign) in ((EVSES, (2, 1)), (VALUES, (2, 1))):
        plan = Plan(caller=by(own), reading=reading, where=(where("charge_point_id", "equal", 1),))
        assert len(await fetch(database, plan)) > 0
        other = Plan(caller=by(foreign), reading=reading, where=plan.where)
        assert await fetch(database, other) == []
    assert await ids(database, TOKENS) == [1]
    assert await ids(database, TOKENS, caller=by(1)) == []  # rows of the node


async def test_a_plan_is_not_made_without_a_caller() -> None:
    with pytest.raises(TypeError):
        Plan(reading=STATIONS)  # type: ignore[call-arg]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_pages_by_key_have_every_row_once(database: Database, size: int) -> None:
    mixed = (Order(field="evse_number"), Order(field="status", descending=True), Order(field="id"))
    orders = {SESSIONS: (None, mixed), STATIONS: (None, (Order(field="type"), Order(field="id")))}
    for reading, choices in orders.items():
        for order in choices:
            whole = await fetch(database, Plan(caller=EVERYBODY, reading=reading, order=order))
            paged: list[Row] = []
            key: Sequence[Any] | None = None
            while True:
                plan = Plan(caller=EVERYBODY, reading=reading, order=order, after=key, limit=size)
                rows = await fetch(database, plan)
                paged += rows
                if len(rows) < size:
                    break
                key = [rows[-1][one.field] for one in order or reading.order]
            assert [row["id"] for row in paged] == [row["id"] for row in whole]


async def test_rows_that_come_and_go_move_no_page(database: Database) -> None:
    first = await fetch(database, Plan(caller=EVERYBODY, reading=SESSIONS, limit=3))
    await database.fetch("delete from meter_values")
    await database.fetch("delete from sessions where id in (9, 8)")
    rest = Plan(caller=EVERYBODY, reading=SESSIONS, after=[first[-1]["id"]], limit=3)
    assert [row["id"] for row in await fetch(database, rest)] == [6, 5, 4]


async def test_pages_by_number(database: Database) -> None:
    assert await ids(database, SESSIONS, limit=4) == [9, 8, 7, 6]
    assert await ids(database, SESSIONS, skip=4, limit=4) == [5, 4, 3, 2]
    assert await ids(database, SESSIONS, skip=1_000_000_000, limit=4) == []
    assert len(await fetch(database, Plan(caller=EVERYBODY, reading=STATIONS, limit=-1))) == 1


async def test_only_the_fields_asked_for_are_read(database: Database) -> None:
    plan = Plan(caller=EVERYBODY, reading=SESSIONS, fields=("station", "id"), limit=1, includes=("of",))
    (row,) = await fetch(database, plan)
    assert row == {"station": "CP9", "id": 9, "of": None}  # its station is deleted


async def test_includes_take_one_statement_each(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    genuine = database.fetch

    async def counted(sql: str, *arguments: object) -> list[asyncpg.Record]:
        sent.append(sql)
        return await genuine(sql, *arguments)

    monkeypatch.setattr(database, "fetch", counted)
    names = ("of", "of.evses", "of.evses.connectors")
    rows = await fetch(database, Plan(caller=EVERYBODY, reading=SESSIONS, includes=names))
    assert len(sent) == 4
    assert [row["of"] and row["of"]["network_id"] for row in rows] == [
        None,
        *(f"CP{n}" for n in range(8, 0, -1)),
    ]
    first = rows[-1]["of"]
    assert [evse["network_id"] for evse in first["evses"]] == [1, 2]  # `most` of each
    assert [len(evse["connectors"]) for evse in first["evses"]] == [1, 1]


async def test_includes_keep_to_the_scope(database: Database) -> None:
    await database.fetch("update sessions set operator_id = 2 where id = 4")
    plan = Plan(
        caller=by(2), reading=SESSIONS, where=(where("id", "equal", 4),), includes=("of",), fields=("id",)
    )
    assert await fetch(database, plan) == [{"id": 4, "of": None}]


async def test_a_shape_is_compiled_once(database: Database) -> None:
    compiling.page.cache_clear()
    for number in range(5):
        condition = where("network_id", "equal", f"CP{number}")
        await fetch(
            database, Plan(caller=by(1 + number), reading=STATIONS, where=(condition,), limit=1 + number)
        )
    assert compiling.page.cache_info().misses == 1


def test_what_may_be_null_cannot_be_sorted_by() -> None:
    with pytest.raises(ValueError, match="may be null"):
        Reading(sessions, order=(Order(field="stopped_at"), Order(field="id")))
