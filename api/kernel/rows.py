"""Rows on their way out: from those of a reading to a shape, on a page, and those that belong to others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from api.kernel.shape import Shape, inner, is_raw, members
from api.kernel.views import Camel
from engine.domain.caller import Caller
from engine.domain.state import Frozen
from engine.errors import Conflict, NotFound
from engine.node import Node
from engine.store.filters import Condition, Operator
from engine.store.plan import Plan, Row
from engine.store.reading import Reading

S = TypeVar("S", bound=Shape)


class Computed(Frozen, frozen=True):
    """A member that no field has: what is made of the fields `needs`."""

    value: Callable[[Node, Row], object]
    needs: Sequence[str] = ()


class Rows(Camel, Generic[S], frozen=True, kw_only=True):
    """A page; `nextCursor` is null on the last one, `total` (up to 10,000) where pages have numbers."""

    data: Sequence[S]
    next_cursor: str | None
    total: int | UnsetType = UNSET


class Parent(Frozen, frozen=True):
    """Rows that others belong to: found by `key`; `on` says which fields agree (theirs, this one's)."""

    name: str
    reading: Reading
    on: Mapping[str, str]
    key: str = "id"

    async def children(self, node: Node, caller: Caller, key: Any) -> Sequence[Condition]:
        """What the others are found by. Raises NotFound."""
        fields, where = tuple(self.on.values()), (is_(self.key, key),)
        plan = Plan(caller=caller, reading=self.reading, where=where, fields=fields, limit=1)
        row = await only(node, plan, self.name, key)
        return [is_(theirs, row[ours]) for theirs, ours in self.on.items()]


def is_(field: str, value: Any) -> Condition:
    return Condition(field=field, operator=Operator.EQUAL, value=value)


async def only(node: Node, plan: Plan, name: str, key: Any) -> Row:
    """The row that there should be. Raises NotFound; Conflict where it takes more to say which."""
    found = await node.store.rows(plan)
    if not found:
        raise NotFound(f"no {name} {key!r}")
    if len(found) > 1:
        raise Conflict(f"several operators have {name} {key!r}: say which with operatorId")
    return found[0]


class View(Generic[S]):
    """From rows of a reading to a shape."""

    def __init__(self, shape: type[S], reading: Reading, computed: Mapping[str, Computed]) -> None:
        self.shape, self._computed = shape, computed
        kinds = members(shape)
        self.includes = tuple(name for name in kinds if name in reading.includes)
        self._children = {
            name: View(kind, reading.includes[name].reading, {})
            for name in self.includes
            if (kind := inner(kinds[name])) is not None
        }
        self._raw = frozenset(name for name, kind in kinds.items() if is_raw(kind))
        self._shown = tuple(name for name in kinds if name not in computed and name not in self.includes)
        unknown = set(self._shown) - set(reading.fields)
        if unknown:
            raise TypeError(f"{shape.__name__} shows fields that are not read: {', '.join(sorted(unknown))}")
        needs = (field for one in computed.values() for field in one.needs)
        self.fields = tuple(dict.fromkeys((*self._shown, *needs)))

    def of(self, node: Node, row: Row) -> S:
        values: dict[str, Any] = {name: row[name] for name in self._shown}
        for name in self._raw:
            if values[name] is not None:
                values[name] = msgspec.Raw(values[name].encode())
        for name, one in self._computed.items():
            values[name] = one.value(node, row)
        for name, view in self._children.items():
            if name in row:
                values[name] = [view.of(node, child) for child in row[name]]
        return self.shape(**values)
