"""How the rows of a resource are made, changed and deleted, in one statement each.

The answer is the row as this node sees it from then on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeAlias, TypeVar

from msgspec.structs import replace

from api.kernel import bodies
from api.kernel.listing import Scope
from api.kernel.operations import Route
from api.kernel.resource import Resource, narrowed
from api.kernel.rows import is_
from api.kernel.shape import Shape
from api.kernel.views import Camel
from engine.domain.caller import Caller
from engine.errors import Conflict, Invalid
from engine.node import Node
from engine.store.edit import Edit
from engine.store.editing import Editing, Kind
from engine.store.plan import Row

S = TypeVar("S", bound=Shape)
Values: TypeAlias = dict[str, Any]
# What is written, out of what was given; the row is None where it is to be made. Raises what forbids it.
BeforeWrite: TypeAlias = Callable[[Node, Caller, Values, Row | None], Awaitable[Values]]

ID: Final = "id"
OUTSIDE: Final = {"operator_id": "operatorId"}


class SetScope(Scope, frozen=True, kw_only=True):
    """`onlyNew`: what there is already stays as it is, and is an error."""

    only_new: bool = False


class Editable(Generic[S]):
    """`editing` says how the table is written, `before_write` is the rule that cannot be declared.

    `besides` has members that are given and not shown, `supplied` names those that `before_write` gives to a
    new row that has them not.
    """

    def __init__(
        self,
        resource: Resource[S],
        editing: Editing,
        *,
        before_write: BeforeWrite | None = None,
        besides: type[Camel] | None = None,
        supplied: Collection[str] = (),
    ) -> None:
        self._resource, self._editing, self._before_write = resource, editing, before_write
        shape = resource.shape
        self._once = bodies.once(shape)
        self._columns = editing.columns(resource.reading)
        needed = {name for name, column in self._columns.items() if column in editing.needed}
        self.new = bodies.of_new(shape, needed.difference(supplied), besides)
        self.changes = bodies.of_changes(shape, besides)
        # Whether the written row has all that is shown; else it is read again.
        self._is_whole = resource.reading.is_plain and not resource.view.includes
        encoded = dict(zip(shape.__struct_fields__, shape.__struct_encode_fields__, strict=True))
        self._outside = OUTSIDE | {self._columns.get(name, name): word for name, word in encoded.items()}

    def routes(self, rule: str, key: str, words: Mapping[str, str]) -> Sequence[Route]:
        """The operations that have words, under their letters: List, Create, Set, Read, Update, Delete.

        Set makes a row, or changes the one there is. `key` is the variable that names one in paths.
        """
        this, resource = f"{rule}/<{key}>", self._resource
        makers: Mapping[str, Callable[[str], Route]] = {
            "L": lambda summary: resource.listing(rule, summary),
            "C": lambda summary: self.create(rule, summary),
            "S": lambda summary: self.set(rule, summary),
            "R": lambda summary: resource.one(this, summary),
            "U": lambda summary: self.update(this, summary),
            "D": lambda summary: self.delete(this, summary),
        }
        return [makers[letter](summary) for letter, summary in words.items()]

    def create(self, rule: str, summary: str) -> Route:
        """Makes a row."""

        async def handler(node: Node, caller: Caller, query: object, body: Any) -> S:
            return await self.add(node, narrowed(caller, query), bodies.given(body))

        return self._route("POST", rule, handler, summary, body=self.new, status=201)

    def set(self, rule: str, summary: str) -> Route:
        """Makes a row, or changes the one of this key."""

        async def handler(node: Node, caller: Caller, query: SetScope, body: Any) -> S:
            kind = Kind.ADD if query.only_new else Kind.SET
            return await self.add(node, narrowed(caller, query), bodies.given(body), kind)

        return self._route("POST", rule, handler, summary, body=self.new, status=201, query=SetScope)

    def update(self, rule: str, summary: str) -> Route:
        """Changes a row; the rule's only variable is its key."""

        async def handler(node: Node, caller: Caller, query: object, body: Any, **key: Any) -> S:
            return await self.change(node, narrowed(caller, query), only_one(key), bodies.given(body))

        return self._route("PATCH", rule, handler, summary, body=self.changes)

    def delete(self, rule: str, summary: str) -> Route:
        """Deletes a row; the rule's only variable is its key."""

        async def handler(node: Node, caller: Caller, query: object, **key: Any) -> None:
            await self.remove(node, narrowed(caller, query), only_one(key))

        return self._route("DELETE", rule, handler, summary, status=204, answers=None)

    async def add(self, node: Node, caller: Caller, values: Values, kind: Kind = Kind.ADD) -> S:
        """The new row. Raises Conflict where there is one like it, Invalid where it would be nobody's."""
        values = await self._ruled(node, caller, values, None)
        new = {self._column(name): value for name, value in values.items() if name in self._once}
        rest = {self._column(name): value for name, value in values.items() if name not in self._once}
        return await self._shown(node, self._edit(caller, kind, new=new, values=rest))

    async def change(self, node: Node, caller: Caller, key: Any, values: Values) -> S:
        """The row as it is now. Raises NotFound."""
        row = await self._found(node, caller, key)
        given = await self._ruled(node, caller, values, row)
        if not given:
            return await self._resource.shown(node, caller, is_(ID, row[ID]))
        values = {self._column(name): value for name, value in given.items()}
        return await self._shown(
            node, self._edit(caller, Kind.UPDATE, values=values, where=[is_(ID, row[ID])])
        )

    async def remove(self, node: Node, caller: Caller, key: Any) -> None:
        """Raises NotFound, and Conflict while others refer to it."""
        row = await self._found(node, caller, key)
        await self._write(node, self._edit(caller, Kind.DELETE, where=[is_(ID, row[ID])]))

    async def _found(self, node: Node, caller: Caller, key: Any) -> Row:
        resource = self._resource
        fields = (ID, *resource.view.fields) if self._before_write is not None else (ID,)
        return await resource.row(node, caller, resource.is_key(key), tuple(dict.fromkeys(fields)))

    def _column(self, name: str) -> str:
        """Of a member; what `before_write` adds are columns."""
        return self._columns.get(name, name)

    async def _ruled(self, node: Node, caller: Caller, values: Values, row: Row | None) -> Values:
        return values if self._before_write is None else await self._before_write(node, caller, values, row)

    def _edit(self, caller: Caller, kind: Kind, **more: Any) -> Edit:
        return Edit(caller=caller, editing=self._editing, kind=kind, **more)

    async def _shown(self, node: Node, edit: Edit) -> S:
        resource, view = self._resource, self._resource.view
        row = await self._write(node, replace(edit, returning=view.fields if self._is_whole else (ID,)))
        if self._is_whole:
            return view.of(node, row)
        return await resource.shown(node, edit.caller, is_(ID, row[ID]))

    async def _write(self, node: Node, edit: Edit) -> Row:
        with self._named_outside():
            return await node.store.write(edit)

    @contextmanager
    def _named_outside(self) -> Iterator[None]:
        """What is wrong with a column is told of the member that shows it."""
        try:
            yield
        except (Conflict, Invalid) as error:
            fields = {self._outside.get(name, name): what for name, what in error.fields.items()}
            if isinstance(error, Conflict) and fields:
                raise Conflict(f"{self._resource.name} exists already", fields) from None
            error.fields = fields
            raise

    def _route(self, method: str, rule: str, handler: Any, summary: str, **more: Any) -> Route:
        resource = self._resource
        said = {"query": resource.scope, "answers": resource.shape, "permission": resource.permission, **more}
        return Route(method, rule, handler, summary=summary, **said)


def only_one(variables: Mapping[str, Any]) -> Any:
    """The value of the only variable of a rule."""
    (value,) = variables.values()
    return value
