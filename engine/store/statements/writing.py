"""How statements are made: out of a change and a table where the change says it all, else out of SQL."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import sqlalchemy as sa

from engine.domain.changes import Change
from engine.domain.state import Frozen
from engine.store.cleaning import Cleaner
from engine.store.fields import fields

Subject = Callable[[Any], Hashable]


class Statement(Frozen, frozen=True):
    """How one kind of change is written. `sql` takes the rows as JSON (bytea), and their documents (bytea[]).

    `cleaner` encodes them. What stands apart is read once by the database, JSON inside JSON three times.
    `subject` names the row whose state several kinds change; per subject their order is kept. `whole`: the
    last row of several of a subject says all.
    """

    change: type[Change]
    sql: str
    cleaner: Cleaner
    subject: Subject | None = None
    whole: bool = False


def _relation(change: type[Change], *, ordered: bool) -> str:
    documents = [f'"{field.name}"' for field in fields(change) if field.kind == "json"]
    members = [f'"{field.name}"' for field in fields(change) if field.kind != "json"]
    definition = ", ".join(f'"{field.name}" {field.kind}' for field in fields(change) if field.kind != "json")
    sources = [f"json_to_recordset(convert_from($1::bytea, 'UTF8')::json) as ({definition})"]
    sources += ["unnest($2::bytea[])"] * len(documents)
    expressions = members + [f"convert_from({name}, 'UTF8')::json as {name}" for name in documents]
    names = members + documents
    if ordered:
        expressions.append("ordinality")
        names.append("ordinality")
    return (
        f"(select {', '.join(expressions)} from rows from ({', '.join(sources)})"  # noqa: S608 - names of ours
        f"{' with ordinality' if ordered else ''} as r({', '.join(names)}))"
    )


def written(
    change: type[Change],
    sql: str,
    *,
    key: str | None = None,
    newest: str = "",
    subject: Subject | None = None,
    whole: bool = False,
) -> Statement:
    """`key`: columns that identify the row; `newest`: an order that comes before that of arrival."""
    relations = [f"batch as {_relation(change, ordered=key is not None)}"]
    if key is not None:
        order = f"{key}, {newest}ordinality desc"
        latest = f"select distinct on ({key}) * from batch order by {order}"  # noqa: S608 - names of our fields
        relations.append(f"latest as ({latest})")
    sql = " ".join(("with", ", ".join(relations), sql))
    return Statement(
        change=change,
        sql=sql,
        subject=subject,
        whole=whole,
        cleaner=Cleaner(change, fields(change)),
    )


def append(change: type[Change], table: sa.Table) -> Statement:
    """A new row per change. One that is there already, under any key, stays as it is."""
    columns = names(change)
    source = f"select {columns} from batch"  # noqa: S608 - names of ours
    return written(change, f"insert into {table.name} ({columns}) {source} on conflict do nothing")


def put(
    change: type[Change],
    table: sa.Table,
    *,
    patch: bool = False,
    new: Mapping[str, str] | None = None,
    over: Mapping[str, str] | None = None,
    subject: Subject | None = None,
) -> Statement:
    """The row with the key of the table, new or changed; see `upsert`."""
    sql = upsert(change, table, patch=patch, new=new, over=over)
    return written(change, sql, key=", ".join(table.primary_key.columns.keys()), subject=subject)


def upsert(
    change: type[Change],
    table: sa.Table,
    *,
    patch: bool = False,
    new: Mapping[str, str] | None = None,
    over: Mapping[str, str] | None = None,
) -> str:
    """The SQL that puts `latest` into the table (`t`); of a `patch` None changes nothing.

    `new` and `over` say by member what is written instead of it, where there is no row, and where there is.
    """
    keys = table.primary_key.columns.keys()
    values = {one.name: one.name for one in fields(change)} | dict(new or {})
    kept = {one.name: f"excluded.{one.name}" for one in fields(change) if one.name not in keys}
    if patch:
        kept |= {one.name: f"coalesce({kept[one.name]}, t.{one.name})" for one in fields(change) if one.null}
    kept |= over or {}
    source = f"select {', '.join(values.values())} from latest"  # noqa: S608 - names of ours
    return (
        f"insert into {table.name} as t ({', '.join(values)}) {source} "
        f"on conflict ({', '.join(keys)}) do update set {', '.join(f'{k} = {v}' for k, v in kept.items())}"
    )


def names(change: type[Change]) -> str:
    """The columns that a change fills."""
    return ", ".join(field.name for field in fields(change))


def update(
    change: type[Change], table: sa.Table, *, also: str = "", subject: Subject | None = None
) -> Statement:
    """The row (`t`) that has the key of the table, if there is one; `also` sets more."""
    keys = table.primary_key.columns.keys()
    values = [f"{one.name} = r.{one.name}" for one in fields(change) if one.name not in keys]
    return written(
        change,
        f"update {table.name} t set {', '.join(values)}{also} from latest r "  # noqa: S608 - names of ours
        f"where {' and '.join(f't.{name} = r.{name}' for name in keys)}",
        key=", ".join(keys),
        subject=subject,
    )
