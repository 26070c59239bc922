"""The words that tables are declared with, over SQLAlchemy Core. Nothing here connects to a database.

A table says who writes it and how its rows belong to an operator. A column is not null unless it says so.
What a charger reports is declared by the change that carries it (`engine.domain.changes`).
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import SchemaItem

from engine.domain.changes import Change
from engine.domain.state import Frozen
from engine.store.fields import fields

# The names that PostgreSQL gives by itself.
metadata: Final = sa.MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    }
)
NOW: Final = sa.text("now()")
TYPES: Final[Mapping[str, sa.types.TypeEngine[Any]]] = {
    "bigint": sa.BigInteger(),
    "integer": sa.Integer(),
    "smallint": sa.SmallInteger(),
    "double precision": sa.Double(),
    "text": sa.Text(),
    "boolean": sa.Boolean(),
    "timestamptz": sa.DateTime(timezone=True),
    "json": postgresql.JSON(),
    "text[]": postgresql.ARRAY(sa.Text()),
}


class Owner(enum.Enum):
    """Who writes the rows of a table: people (and programs for them), or the engine for chargers."""

    PEOPLE = "people"
    ENGINE = "engine"


class Series(Frozen, frozen=True):
    """How a table that grows with time is cut: by the month of `column`.

    `received` is the column that says when a row came, `kept` the setting that says how many days it stays.
    """

    column: str
    received: str
    kept: str


def table(
    name: str,
    *parts: SchemaItem,
    owner: Owner,
    tenant: str | None,
    rows: Sequence[type[Change]] = (),
    series: Series | None = None,
    reported: Sequence[str] = (),
) -> sa.Table:
    """`rows` are changes whose members are columns too, unless `parts` say more of them. Of several, each
    fills its own columns of a row that is there: they may be null.

    `tenant` names the column that leads to the operator: its number, or the row that has it. It is None where
    rows belong to the node. `reported` are columns that chargers fill although people own the row: a change
    of them is no event. `info` of the table has owner, tenant, series and reported under their names.
    """
    for change in rows:
        named = [part.name for part in parts if isinstance(part, sa.Column)]
        parts = (*_reported(change, named, null=len(rows) > 1), *parts)
    checks = [
        sa.CheckConstraint(column.info["check"], name=f"{name}_{column.name}_check")
        for column in parts
        if isinstance(column, sa.Column) and "check" in column.info
    ]
    return sa.Table(
        name,
        metadata,
        *parts,
        *checks,
        info={"owner": owner, "tenant": tenant, "series": series, "reported": reported},
        postgresql_partition_by=f"range ({series.column})" if series else None,
    )


def path_to_tenant(table: sa.Table) -> Sequence[sa.Column[Any]]:
    """The columns to follow from a row to the number of its operator; the last one holds it.

    Each but the last refers to the key of the next one's table. Empty where rows belong to the node.
    """
    if table.info["tenant"] is None:
        return ()
    column = table.c[table.info["tenant"]]
    target: str | None = column.info.get("refers_to")
    if target is None or target == "operators":
        return (column,)
    return (column, *path_to_tenant(metadata.tables[target]))


class TransactionId(sa.types.UserDefinedType[str]):
    """The number of the transaction that wrote a row."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


def transaction(name: str) -> sa.Column[str]:
    return _column(name, TransactionId(), default=sa.text("pg_current_xact_id()"))


def ident(*, key: bool = True) -> sa.Column[int]:
    """A number that the database gives. The rows of a series have no key."""
    return sa.Column("id", sa.BigInteger, sa.Identity(always=False), primary_key=key, nullable=False)


def ref(
    name: str, target: str, *, null: bool = False, on_delete: str | None = None, later: bool = False
) -> sa.Column[int]:
    """The id of a row of `target`, which exists. `later`: that table is made after this one."""
    key = sa.ForeignKey(f"{target}.id", ondelete=on_delete, use_alter=later)
    return _column(name, sa.BigInteger(), key, null=null, refers_to=target)


def number_of(name: str, target: str, *, null: bool = False, key: bool = False) -> sa.Column[int]:
    """The id of a row of `target` that need not exist: a report is kept whatever was removed a moment ago."""
    return _column(name, sa.BigInteger(), null=null, key=key, refers_to=target)


def station() -> sa.Column[int]:
    """The charge point that a row is a part of."""
    return ref("charge_point_id", "charge_points", on_delete="cascade")


def text(
    name: str, *, null: bool = False, default: str | None = None, check: str | None = None
) -> sa.Column[str]:
    value = None if default is None else sa.text(f"'{default}'")
    return _column(name, sa.Text(), null=null, default=value, check=check)


def words(name: str) -> sa.Column[list[str]]:
    """Any number of words; none is an empty array."""
    return _column(name, postgresql.ARRAY(sa.Text()), default=sa.text("'{}'"))


def bigint(name: str, *, null: bool = False, default: int | None = None, key: bool = False) -> sa.Column[int]:
    return _column(name, sa.BigInteger(), null=null, default=_number(default), key=key)


def integer(
    name: str, *, null: bool = False, default: int | None = None, check: str | None = None
) -> sa.Column[int]:
    return _column(name, sa.Integer(), null=null, default=_number(default), check=check)


def smallint(
    name: str, *, null: bool = False, default: int | None = None, check: str | None = None
) -> sa.Column[int]:
    return _column(name, sa.SmallInteger(), null=null, default=_number(default), check=check)


def money(name: str, *, default: int | None = None) -> sa.Column[Decimal]:
    return _column(name, sa.Numeric(14, 5), default=_number(default))


def boolean(name: str, *, null: bool = False, default: bool | None = None) -> sa.Column[bool]:
    value = None if default is None else sa.text(str(default).lower())
    return _column(name, sa.Boolean(), null=null, default=value)


def moment(name: str, *, null: bool = False, default: sa.TextClause | None = None) -> sa.Column[datetime]:
    return _column(name, sa.DateTime(timezone=True), null=null, default=default)


def stamps() -> Sequence[sa.Column[datetime]]:
    """When a row was made, and when it was changed last."""
    return moment("created_at", default=NOW), moment("last_updated_at", default=NOW)


def sha256(name: str, *, null: bool = False, key: bool = False) -> sa.Column[bytes]:
    return _column(name, sa.LargeBinary(), null=null, key=key, check=f"octet_length({name}) = 32")


def document(name: str, *, default: str | None = None) -> sa.Column[Any]:
    """JSON that is read by its content."""
    return _column(name, postgresql.JSONB(), default=None if default is None else sa.text(f"'{default}'"))


def index(name: str, *expressions: str, unique: bool = False, where: str | None = None) -> sa.Index:
    return sa.Index(
        name,
        *map(sa.text, expressions),
        unique=unique,
        postgresql_where=None if where is None else sa.text(where),
    )


def _number(value: int | None) -> sa.TextClause | None:
    return None if value is None else sa.text(str(value))


def _column(
    name: str,
    kind: sa.types.TypeEngine[Any],
    *constraints: sa.ForeignKey,
    null: bool = False,
    default: sa.TextClause | None = None,
    key: bool = False,
    **info: str | None,
) -> sa.Column[Any]:
    return sa.Column(
        name,
        kind,
        *constraints,
        nullable=null,
        primary_key=key,
        autoincrement=False,
        server_default=default,
        info={word: value for word, value in info.items() if value is not None},
    )


def _reported(change: type[Change], besides: Collection[str], *, null: bool) -> Sequence[sa.Column[Any]]:
    """The columns that the members of a change are written to, but for those `besides`."""
    return [
        _column(field.name, TYPES[field.kind], null=null or field.null)
        for field in fields(change)
        if field.name not in besides
    ]
