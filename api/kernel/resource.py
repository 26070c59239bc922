"""A resource as it is declared: a shape over a reading, its filters and orders; operations follow from that.

A listing is one plan, so one statement, and one more for each include.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from msgspec import UNSET

from api.kernel import listing
from api.kernel.listing import Cursors, Filter, Orders, Query, Scope
from api.kernel.operations import NoQuery, Route
from api.kernel.rows import Computed, Parent, Rows, View, only
from api.kernel.shape import Shape
from engine.domain.caller import Caller
from engine.node import Node
from engine.store.filters import Condition, Operator
from engine.store.plan import Plan, Row
from engine.store.reading import Reading
from engine.store.tables.declare import path_to_tenant

S = TypeVar("S", bound=Shape)


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
        self.name, self.shape, self.reading, self.key = name, shape, reading, key
        self.filters, self.orders = filters or {}, orders or {}
        self.permission = permission
        self.listed: list[Parent | None] = []  # what the listings are within
        self.scope = Scope if path_to_tenant(reading.table) else NoQuery
        self.view = View(shape, reading, computed or {})
        self._key_operator = Operator.SAME_TEXT if alike else Operator.EQUAL
        self.query = listing.query_type(
            f"{shape.__name__}Query", reading, self.filters, self.orders, self.view.includes
        )
        self._cursors = {
            word: Cursors(reading, order) for word, order in (self.orders or {"": reading.order}).items()
        }

    def listing(self, rule: str, summary: str, *, within: Parent | None = None) -> Route:
        """Lists the rows, page by page: all, or those of the row that the rule's only variable names."""

        async def handler(node: Node, caller: Caller, query: Query, **variables: Any) -> Rows[S]:
            caller = narrowed(caller, query)
            where = await within.children(node, caller, *variables.values()) if within is not None else ()
            return await self.rows(node, caller, query, where)

        self.listed.append(within)
        return Route(
            "GET",
            rule,
            handler,
            query=self.query,
            prepared=listing.lists(self.filters),
            answers=Rows[self.shape],  # type: ignore[name-defined]
            summary=summary,
            permission=self.permission,
        )

    def one(self, rule: str, summary: str) -> Route:
        """Shows one row with all its includes; the rule's only variable is its key."""

        async def handler(node: Node, caller: Caller, query: object, **variables: Any) -> S:
            return await self.get(node, narrowed(caller, query), *variables.values())

        return Route(
            "GET",
            rule,
            handler,
            query=self.scope,
            answers=self.shape,
            summary=summary,
            permission=self.permission,
        )

    async def get(self, node: Node, caller: Caller, key: Any) -> S:
        """Raises NotFound, Conflict where several operators have one of this key."""
        return await self.shown(node, caller, self.is_key(key))

    async def shown(self, node: Node, caller: Caller, this: Condition) -> S:
        """The only row that is so, with its includes. Raises NotFound, Conflict."""
        row = await self.row(node, caller, this, self.view.fields, self.view.includes)
        return self.view.of(node, row)

    def is_key(self, key: Any) -> Condition:
        return Condition(field=self.key, operator=self._key_operator, value=key)

    async def row(
        self, node: Node, caller: Caller, this: Condition, fields: Sequence[str], includes: Sequence[str] = ()
    ) -> Row:
        """Fields of the only row that is so. Raises NotFound, Conflict."""
        where = (this,)
        plan = Plan(
            caller=caller, reading=self.reading, where=where, fields=fields, limit=2, includes=includes
        )
        return await only(node, plan, self.name, this.value)

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
            fields=tuple(dict.fromkeys((*self.view.fields, *sorted_by))),
            order=cursors.order,
            after=place.after,
            skip=place.skip,
            limit=query.limit + 1,  # whether there is another page
            includes=getattr(query, "include", None) or (),
        )
        found = await node.store.rows(plan)
        page = found[: query.limit]
        return Rows(
            data=[self.view.of(node, row) for row in page],
            next_cursor=cursors.behind(page[-1]) if len(found) > len(page) else None,
            total=UNSET if query.page is None else await node.store.count(plan),
        )


def narrowed(caller: Caller, query: object) -> Caller:
    """The caller, for one operator where the query names one."""
    return caller.within(getattr(query, "operator_id", None))
