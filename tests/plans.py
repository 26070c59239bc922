"""Plans of tests: what a reading has, to whoever may see everything."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from engine.domain.caller import Caller, CallerKind
from engine.store import Store, editings
from engine.store.edit import Edit
from engine.store.editing import Kind
from engine.store.filters import Condition, Operator
from engine.store.plan import Plan
from engine.store.reading import Reading

EVERYBODY = Caller("test", CallerKind.NODE)


def whole(reading: Reading, *, limit: int = 1_000, after: Any = None, **equal: Any) -> Plan:
    """The rows whose fields are as given."""
    where = [Condition(field=name, operator=Operator.EQUAL, value=value) for name, value in equal.items()]
    return Plan(caller=EVERYBODY, reading=reading, where=where, limit=limit, after=after)


async def found(store: Store, reading: Reading, **equal: Any) -> list[Any]:
    """These rows, their fields as attributes."""
    return [SimpleNamespace(**row) for row in await store.rows(whole(reading, **equal))]


async def put_tag(store: Store, uid: str, **values: Any) -> Any:
    """An id tag of the default operator, made or changed."""
    fields = ("id", "uid", "issuer", "valid")
    row = await store.write(
        Edit(
            caller=EVERYBODY,
            editing=editings.ID_TAGS,
            kind=Kind.SET,
            new={"uid": uid},
            values=values,
            returning=fields,
        )
    )
    return SimpleNamespace(**row)
