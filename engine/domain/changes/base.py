"""What all changes share, and the types of columns that Python's types leave open."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from engine.domain.state import Frozen

# Types of columns, where the Python type leaves a choice.
Integer: TypeAlias = Annotated[int, "integer"]
SmallInt: TypeAlias = Annotated[int, "smallint"]
Json: TypeAlias = Annotated[str, "json"]  # as received; what we encode ourselves is bytes


class Change(Frozen, frozen=True):
    """Base of every row change. Subclasses say in their docstring which table and what identifies the row."""
