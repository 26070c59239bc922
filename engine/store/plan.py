"""From who asks and what for to one parametrised statement: caller, reading, conditions, order, page.

Nothing is read without a caller: the statement holds to the operators that the caller may see, by the tenant
that the table declares. An include is one statement more for a whole page, however many rows the page has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from engine.domain.caller import Caller
from engine.domain.state import Frozen
from engine.store import compiling
from engine.store.compiling import Shape
from engine.store.database import Database
from engine.store.filters import Condition
from engine.store.reading import Include, Order, Reading

Row: TypeAlias = dict[str, Any]
Includes: TypeAlias = Sequence[tuple[str, Include, Sequence[str]]]  # name, what, and the names nested in it

MAX_ROWS: Final = 1_000  # of a page
MAX_COUNTED: Final = 10_000  # to count all rows of a large table takes half a second


class Plan(Frozen, frozen=True):
    """One listing as it is asked for.

    `fields` None: all of them. `after` is the key of the last row seen: its values in the fields of the
    order. `skip` rows are left out, for paging by number. `includes` are names, nested ones with dots.
    """

    caller: Caller
    reading: Reading
    where: Sequence[Condition] = ()
    fields: Sequence[str] | None = None
    order: Sequence[Order] | None = None
    after: Sequence[Any] | None = None
    skip: int = 0
    limit: int = 100
    includes: Sequence[str] = ()


async def fetch(database: Database, plan: Plan) -> list[Row]:
    """The rows of a page, each with what it includes."""
    wanted = plan.reading.fields if plan.fields is None else plan.fields
    includes = _grouped(plan)
    hidden = {name for _, include, _ in includes for name in include.on.values()}.difference(wanted)
    sql, arguments = statement(plan, (*wanted, *sorted(hidden)))
    rows = [dict(row) for row in await database.fetch(sql, *arguments)]
    await _include(database, plan.caller, rows, includes)
    for row in rows:
        for name in hidden:
            del row[name]
    return rows


async def count(database: Database, plan: Plan) -> int:
    """How many rows the plan has on all its pages, up to MAX_COUNTED."""
    made = compiling.count(_shape(plan, ()))
    given = _given(plan) | {"limit": MAX_COUNTED}
    number: int = (await database.fetch(made.sql, *made.arguments(given)))[0][0]
    return number


def statement(plan: Plan, fields: Sequence[str]) -> tuple[str, list[Any]]:
    """The plan's SQL and its arguments, without what it includes."""
    made = compiling.page(_shape(plan, tuple(fields)))
    return made.sql, made.arguments(_given(plan))


async def _include(
    database: Database,
    caller: Caller,
    rows: Sequence[Row],
    includes: Sequence[tuple[str, Include, Sequence[str]]],
) -> None:
    for name, include, nested in includes:
        keys = [tuple(row[name] for name in include.on.values()) for row in rows]
        children = await _children(database, caller, include, keys, nested)
        for row, key in zip(rows, keys, strict=True):
            found = children.get(key, [])
            row[name] = (found[0] if found else None) if include.one else found


async def _children(
    database: Database,
    caller: Caller,
    include: Include,
    keys: Sequence[tuple[Any, ...]],
    nested: Sequence[str],
) -> Mapping[tuple[Any, ...], list[Row]]:
    """By the key of the parent."""
    most = 1 if include.one else include.most
    plan = Plan(caller=caller, reading=include.reading, limit=most, includes=nested)
    made = compiling.children(_shape(plan, tuple(include.reading.fields), children_by=tuple(include.on)))
    parents = [key for key in dict.fromkeys(keys) if None not in key]
    given = _given(plan)
    given |= {f"parents_{number}": [key[number] for key in parents] for number in range(len(include.on))}
    rows = [dict(row) for row in await database.fetch(made.sql, *made.arguments(given))]
    await _include(database, caller, rows, _grouped(plan))
    children: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        children.setdefault(row.pop(compiling.PARENT), []).append(row)
    return children


def _grouped(plan: Plan) -> Includes:
    """The plan's includes, each with those that are nested in it."""
    nested: dict[str, list[str]] = {}
    for path in plan.includes:
        name, _, rest = path.partition(".")
        nested.setdefault(name, []).extend([rest] if rest else [])
    return [(name, plan.reading.includes[name], inner) for name, inner in nested.items()]


def _shape(plan: Plan, fields: tuple[str, ...], children_by: tuple[str, ...] = ()) -> Shape:
    return Shape(
        reading=plan.reading,
        fields=fields,
        conditions=tuple((one.field, one.operator, one.variant) for one in plan.where),
        operators=scope_of(plan.caller),
        order=tuple(plan.reading.order if plan.order is None else plan.order),
        after=plan.after is not None,
        skip=plan.skip > 0,
        children_by=children_by,
    )


def _given(plan: Plan) -> dict[str, Any]:
    """The values of a plan, by the names of the arguments."""
    given = {f"filter_{number}": one.argument for number, one in enumerate(plan.where)}
    given |= {f"key_{number}": value for number, value in enumerate(plan.after or ())}
    given |= operators_of(plan.caller)
    return given | {"limit": max(1, min(plan.limit, MAX_ROWS)), "skip": plan.skip}


def scope_of(caller: Caller) -> int:
    """How many operators the caller may see: 0 all, 1 one, 2 several or none."""
    return 0 if caller.operators is None else 1 if len(caller.operators) == 1 else 2


def operators_of(caller: Caller) -> dict[str, Any]:
    """The argument that holds a statement to these operators."""
    if caller.operators is None:
        return {}
    return {
        "operators": next(iter(caller.operators)) if len(caller.operators) == 1 else sorted(caller.operators)
    }
