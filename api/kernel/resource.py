"""A resource as it is declared: a shape over a reading, its filters and orders; operations follow from that.

A listing is one plan, so one statement, and one more for each include.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from api.kernel import listing
from api.kernel.listing import Cursors, Filter, Orders, Query
from api.kernel.operations import Route
from api.kernel.shape import Shape, inner, is_raw, members
from api.kernel.views import Camel
from engine.domain.caller import Caller
from engine.domain.state import Frozen
from engine.errors import NotFound
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
    """The row that there should be. Raises NotFound."""
    found = await node.store.rows(plan)
    if not found:
        raise NotFound(f"no {name} {key!r}")
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


class Resource(Generic[S]):
    """`name` is what messages call one, `key` the field by which one is found (`alike`: in any case)."""

    def __init__(
        self,
        name: str,
        shape: type[S],
        reading: Reading,
        *,
        key: str = "id",
        alike: bool = False,
        filters: Mapping[str, Filter] | None = None,
        orders: Orders | None = None,
        computed: Mapping[str, Computed] | None = None,
        permission: str | None = None,
    ) -> None:
        self.name, self.reading, self.key = name, reading, key
        self.filters, self.orders = filters or {}, orders or {}
        self.permission = permission
        self.listed: list[Parent | None] = []  # what the listings are within
        self._key_operator = Operator.SAME_TEXT if alike else Operator.EQUAL
        self._view = View(shape, reading, computed or {})
        self.query = listing.query_type(
            f"{shape.__name__}Query", reading, self.filters, self.orders, self._view.includes
        )
        self._cursors = {
            word: Cursors(reading, order) for word, order in (self.orders or {"": reading.order}).items()
        }

    def listing(self, rule: str, summary: str, *, within: Parent | None = None) -> Route:
        """Lists the rows, page by page: all, or those of the row that the rule's only variable names."""

        async def handler(node: Node, caller: Caller, query: Query, **variables: Any) -> Rows[S]:
            where = await within.children(node, caller, *variables.values()) if within is not None else ()
            return await self.rows(node, caller, query, where)

        self.listed.append(within)
        return Route(
            "GET",
            rule,
            handler,
            query=self.query,
            prepared=listing.lists(self.filters),
            answers=Rows[self._view.shape],  # type: ignore[name-defined]
            summary=summary,
            permission=self.permission,
        )

    def one(self, rule: str, summary: str) -> Route:
        """Shows one row with all its includes; the rule's only variable is its key."""

        async def handler(node: Node, caller: Caller, **variables: Any) -> S:
            return await self.get(node, caller, *variables.values())

        shape = self._view.shape
        return Route("GET", rule, handler, answers=shape, summary=summary, permission=self.permission)

    async def get(self, node: Node, caller: Caller, key: Any) -> S:
        """Raises NotFound."""
        view = self._view
        where = (Condition(field=self.key, operator=self._key_operator, value=key),)
        plan = Plan(
            caller=caller,
            reading=self.reading,
            where=where,
            fields=view.fields,
            limit=1,
            includes=view.includes,
        )
        return view.of(node, await only(node, plan, self.name, key))

    async def rows(
        self, node: Node, caller: Caller, query: Query, where: Sequence[Condition] = ()
    ) -> Rows[S]:
        """One page."""
        cursors = self._cursors[getattr(query, "order", "")]
        place = cursors.place(query)
        sorted_by = [one.field for one in cursors.order]
        plan = Plan(
            caller=caller,
            reading=self.reading,
            where=(*where, *listing.conditions(node, query, self.filters)),
            fields=tuple(dict.fromkeys((*self._view.fields, *sorted_by))),
            order=cursors.order,
            after=place.after,
            skip=place.skip,
            limit=query.limit + 1,  # whether there is another page
            includes=getattr(query, "include", None) or (),
        )
        found = await node.store.rows(plan)
        page = found[: query.limit]
        return Rows(
            data=[self._view.of(node, row) for row in page],
            next_cursor=cursors.behind(page[-1]) if len(found) > len(page) else None,
            total=UNSET if query.page is None else await node.store.count(plan),
        )
