"""What all changes share, and the types of columns that Python's types leave open."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypeVar

from engine.domain.state import Frozen

# Types of columns, where the Python type leaves a choice.
Integer: TypeAlias = Annotated[int, "integer"]
SmallInt: TypeAlias = Annotated[int, "smallint"]


class Json(bytes):
    """A document as it was received or encoded. A row has at most one, which travels beside it."""

    __slots__ = ()


C = TypeVar("C", bound="Change")


class Change(Frozen, frozen=True):
    """Base of every row change. Subclasses say in their docstring which table and what identifies the row."""


def change_of(kind: type[C], source: Frozen, **more: Any) -> C:
    """A change with the members of `source` that are named as its own are, and with those in `more`."""
    own = (name for name in kind.__struct_fields__ if name not in more)
    return kind(**{name: getattr(source, name) for name in own}, **more)
