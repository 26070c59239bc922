"""Fills a development database with as many rows as a large network has, so that listings can be measured.

Rows are made on the server, from numbers. What is not said here of a column is its default, null, or the
plainest value of its type: a new column needs no line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from engine.domain.state import Frozen
from engine.errors import Conflict
from engine.store.compiling import DIALECT
from engine.store.database import Connection, Database
from engine.store.tables import access, drivers, inventory, logs, security, sessions

CHUNK: Final = 100_000  # rows of one statement
TIMEOUT: Final = 600.0  # seconds for one statement
OPERATORS: Final = 10
EVSES: Final = 2  # of a station
TAGS: Final = 5  # per station
MESSAGES: Final = 25  # per station
EVENTS: Final = 5  # security events per station
DAYS: Final = 30  # over which all that has a time is spread
IDENTITY: Final = "'SEED-' || lpad(n::text, 6, '0')"

PLAINEST: Final[Mapping[type[Any], str]] = {
    int: "0",
    float: "0",
    Decimal: "0",
    str: "'seed'",
    bool: "false",
    datetime: "now()",
    bytes: "sha256(n::text::bytea)",
}

Progress = Callable[[str, int, int], None]  # of a table: rows made, rows to be made


class Sizes(Frozen, frozen=True):
    """How many rows to make; what is not named follows from the number of stations."""

    stations: int = 20_000
    sessions: int = 1_000_000
    meter_values: int = 20_000_000


class Crop(Frozen, frozen=True):
    """The rows of one table: `values` is SQL for some of its columns, over `n`, the row's number from 1."""

    table: sa.Table
    rows: int
    values: Mapping[str, str]


async def seed(database: Database, sizes: Sizes, progress: Progress) -> None:
    """Raises Conflict when there are charge points already: they may be somebody's."""
    if await database.fetch("select from charge_points limit 1"):
        raise Conflict("there are charge points in this database; seed an empty one")
    for crop in crops(sizes):
        await _sow(database, crop, progress)
    await database.translating(_tidy_up)


def crops(sizes: Sizes) -> Sequence[Crop]:
    """What is made, in an order in which all that a row refers to is there."""
    return (*_network(sizes.stations), *_history(sizes), *_logs(sizes.stations))


def _network(stations: int) -> Sequence[Crop]:
    """Who operates, with what, and the tags of their drivers."""
    evse = (_station("n", stations), f"1 + (n - 1) / {stations}")
    return (
        Crop(table=inventory.operators, rows=OPERATORS - 1, values={
            "id": "n + 1", "name": "'Operator ' || n + 1",
        }),
        Crop(table=inventory.charge_points, rows=stations, values={
            "id": "n", "operator_id": _operator("n"), "network_id": IDENTITY, "name": "'Station ' || n",
            "registration_status": "case when n % 500 = 0 then 'pending' else 'accepted' end",
        }),
        Crop(table=inventory.charge_point_status, rows=stations, values={
            "charge_point_id": "n", "vendor": "'Vendor ' || n % 7", "model": "'Model ' || n % 41",
            "firmware_version": "'1.' || n % 13",
            "network_status": "case when n % 9 = 0 then 'never_connected' else 'available' end",
        }),
        Crop(table=inventory.evses, rows=stations * EVSES, values={
            "charge_point_id": evse[0], "network_id": evse[1],
        }),
        Crop(table=inventory.connectors, rows=stations * EVSES, values={
            "charge_point_id": evse[0], "evse_network_id": evse[1], "number": "1",
        }),
        Crop(table=inventory.connector_status, rows=stations * EVSES, values={
            "charge_point_id": evse[0], "evse_number": evse[1], "connector_number": "1",
            "status": "'available'", "error_code": "'NoError'",
        }),
        Crop(table=drivers.id_tags, rows=stations * TAGS, values={
            "operator_id": _operator(_station("n", stations)), "uid": _tag("n"),
            "status": "case when n % 50 = 0 then 'disabled' else 'enabled' end",
        }),
    )  # fmt: skip


def _history(sizes: Sizes) -> Sequence[Crop]:
    """Sessions, the newest of which are running, and as many meter values of each."""
    stations, made = sizes.stations, sizes.sessions
    each = max(1, sizes.meter_values // max(1, made))
    session, number = f"(1 + (n - 1) / {each})", f"((n - 1) % {each})"
    over = f"n <= {made - stations // 10}"
    at = f"{_moment(session, made)} + {number} * interval '5 minutes'"
    return (
        Crop(table=sessions.sessions, rows=made, values={
            "id": "n", "charge_point_id": _station("n", stations), "evse_number": f"1 + n % {EVSES}",
            "operator_id": _operator(_station("n", stations)), "connector_number": "1",
            "transaction_id": "n::text", "start_key": "'1.6:' || n",
            "id_tag": _tag(f"1 + n % {stations * TAGS}"),
            "status": f"case when {over} then 'finished' else 'active' end", "energy_wh": f"{each} * 500",
            "started_at": _moment("n", made),
            "stopped_at": f"case when {over} then {_moment('n', made)} + interval '2 hours' end",
            "review": "case when n % 500 = 0 then array['clock_drift'] else '{}' end",
        }),
        Crop(table=sessions.session_totals, rows=made if sizes.meter_values else 0, values={
            "session_id": "n", "energy_wh": f"{each} * 500", "power_w": "6000",
            "sampled_at": _moment("n", made),
        }),
        Crop(table=sessions.meter_values, rows=made * each if sizes.meter_values else 0, values={
            "charge_point_id": _station(session, stations), "session_id": session, "sample_key": "n",
            "evse_number": f"1 + {session} % {EVSES}", "timestamp": at, "received_at": at,
            "energy_wh": f"{number} * 500", "power_w": "6000",
        }),
    )  # fmt: skip


def _logs(stations: int) -> Sequence[Crop]:
    return (
        Crop(table=logs.message_log, rows=stations * MESSAGES, values={
            "charge_point_id": _station("n", stations), "operator_id": _operator(_station("n", stations)),
            "at": _moment("n", stations * MESSAGES),
            "direction": "'in'", "kind": "'call'", "message_id": "n::text", "payload": "'{}'",
            "action": "case when n % 10 = 0 then 'StatusNotification' else 'MeterValues' end",
        }),
        Crop(table=security.security_events, rows=stations * EVENTS, values={
            "charge_point_id": _station("n", stations), "operator_id": _operator(_station("n", stations)),
            "type": "'SettingSystemTime'",
            "timestamp": _moment("n", stations * EVENTS),
        }),
        Crop(table=access.audit_log, rows=stations, values={
            "actor": "'token:seed'", "action": "'station.add'", "subject": f"'charge_point:' || {IDENTITY}",
        }),
    )  # fmt: skip


def _station(number: str, stations: int) -> str:
    """The stations take turns."""
    return f"(1 + ({number} - 1) % {stations})"


def _operator(station: str) -> str:
    return f"1 + {station} % {OPERATORS}"


def _tag(number: str) -> str:
    return f"'TAG-' || lpad(({number})::text, 8, '0')"


def _moment(number: str, of: int) -> str:
    """Rows are spread evenly over the last days, the last one until now."""
    return f"(now() - ({of} - {number}) * interval '{DAYS * 86_400 / of:.6f} seconds')"


async def _sow(database: Database, crop: Crop, progress: Progress) -> None:
    sql, names = _statement(crop)
    for first in range(1, crop.rows + 1, CHUNK):
        last = min(first + CHUNK - 1, crop.rows)
        bounds = {"first": first, "last": last}
        insert = partial(_execute, sql, [bounds[name] for name in names])
        await database.translating(insert)
        progress(crop.table.name, last, crop.rows)


async def _execute(sql: str, arguments: Sequence[int], connection: Connection) -> None:
    await connection.execute(sql, *arguments, timeout=TIMEOUT)


def _statement(crop: Crop) -> tuple[str, Sequence[str]]:
    """The insertion of rows `first` to `last`, and the order of these two."""
    values = {column.name: _value(column, crop.values) for column in crop.table.c}
    made: dict[str, sa.ColumnClause[Any]] = {
        name: sa.literal_column(sql) for name, sql in values.items() if sql is not None
    }
    bounds = (sa.bindparam(name, type_=sa.BigInteger()) for name in ("first", "last"))
    numbers = sa.func.generate_series(*bounds).table_valued("n", name="numbers").render_derived()
    rows = sa.select(*made.values()).select_from(numbers)
    compiled = sa.insert(crop.table).from_select(list(made), rows).compile(dialect=DIALECT)
    return compiled.string, tuple(compiled.positiontup or ())


def _value(column: sa.Column[Any], said: Mapping[str, str]) -> str | None:
    """SQL for the column's value; None: it has a default, or may be null."""
    if column.name in said:
        return said[column.name]
    if column.nullable or column.server_default is not None or column.identity is not None:
        return None
    return PLAINEST.get(column.type.python_type, "'[]'")  # else it is JSON


async def _tidy_up(connection: Connection) -> None:
    """Numbers go on behind those that were given here, and the planner learns what there is."""
    for table in (inventory.operators, inventory.charge_points):
        sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
        await connection.execute(f"select setval({sequence}, max(id)) from {table.name}")  # noqa: S608 - tables
    await connection.execute("select setval('voltrio_ids', max(id)) from sessions having max(id) > 0")
    await connection.execute("vacuum analyze", timeout=TIMEOUT)
