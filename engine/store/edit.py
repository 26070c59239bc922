"""From who asks and what for to one statement that writes: the row, and its entry in the audit trail.

Nothing is written without a caller: a new row belongs to an operator of the caller's, and only rows of the
caller's operators are found. The event of a change is recorded by the database, in the same transaction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Table

from engine.domain.caller import Caller
from engine.domain.state import Frozen
from engine.errors import Conflict, Invalid, NotFound
from engine.masking import masked_members
from engine.store import compiling_edits
from engine.store.compiling_edits import Shape
from engine.store.database import Database
from engine.store.editing import Editing, Kind, uniques
from engine.store.filters import Condition
from engine.store.plan import Row, operators_of, scope_of

WHOSE: Final = "say which of your operators it belongs to"
TAKEN: Final = "is taken"


class Edit(Frozen, frozen=True):
    """One change as it is asked for.

    `where` finds the row that is changed. `new` are values that only a new row gets, such as its key.
    """

    caller: Caller
    editing: Editing
    kind: Kind
    values: Mapping[str, Any] = {}
    new: Mapping[str, Any] = {}
    where: Sequence[Condition] = ()
    returning: Sequence[str] = ("id",)


async def carry_out(database: Database, edit: Edit) -> Row:
    """The row as it is now; of one that was deleted, as it was. Raises Conflict, Invalid, NotFound."""
    if edit.editing.rule is not None:
        edit.editing.rule(edit.values)
    made = compiling_edits.statement(_shape(edit))
    try:
        rows = await database.fetch(made.sql, *made.arguments(_given(edit)))
    except Conflict as conflict:
        raise _explained(edit.editing.table, conflict) from conflict
    if rows:
        return dict(rows[0])
    if edit.kind in {Kind.UPDATE, Kind.DELETE}:
        raise NotFound(f"no such {edit.editing.name}")
    raise Invalid("it would belong to nobody", {"operator_id": [WHOSE]})


def _shape(edit: Edit) -> Shape:
    return Shape(
        editing=edit.editing,
        kind=edit.kind,
        values=tuple(edit.values),
        new=tuple(edit.new),
        conditions=tuple((one.field, one.operator, one.variant) for one in edit.where),
        operators=scope_of(edit.caller),
        returning=tuple(edit.returning),
    )


def _given(edit: Edit) -> dict[str, Any]:
    """The values of the statement's arguments, by their names."""
    editing = edit.editing
    return {
        **{f"filter_{number}": one.argument for number, one in enumerate(edit.where)},
        **{f"value_{name}": value for name, value in {**edit.values, **edit.new}.items()},
        **operators_of(edit.caller),
        "actor": edit.caller.actor,
        "action": f"{editing.name}.{edit.kind}",
        "subject": f"{editing.subject}:",
        "details": masked_members(edit.values),
    }


def _explained(table: Table, conflict: Conflict) -> Conflict:
    """It, with the columns whose values there are already, where the database names them."""
    error = conflict.__cause__
    parts = uniques(table).get(getattr(error, "constraint_name", None) or "", ())
    named = {word for part in parts for word in re.findall(r"\w+", str(part))}
    columns = (column.name for column in table.columns)
    return Conflict(
        str(conflict),
        {name: [TAKEN] for name in columns if name in named and name != table.info["tenant"]},
    )
