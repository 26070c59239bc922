"""Which operation a path leads to. A rule is a path whose segments may be variables.

`<name>` stands for one segment, `<number:name>` for one that is the number of a row, `<text:name>` for the
rest of the path, slashes included: base64 may begin with one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

VARIABLE: Final = re.compile(r"<(?:(number|text):)?(\w+)>")
HIGHEST: Final = 2**63 - 1
DIGITS: Final = re.compile(r"[0-9]{1,19}")

Variables = dict[str, Any]


class Router(Generic[T]):
    """What stands at each rule. A segment that is spelled out goes before a variable."""

    def __init__(self) -> None:
        self._root = Node[T]()

    def add(self, rule: str, value: T) -> None:
        """Raises ValueError where something stands already."""
        node = self._root
        for segment in rule.split("/"):
            node = node.child(segment)
        if node.value is not None:
            raise ValueError(f"two things at {rule}")
        node.value = value

    def find(self, path: str) -> tuple[T, Variables] | None:
        """What stands at the path, and what its variables are."""
        return next(self._root.find(path.split("/"), {}), None)


class Node(Generic[T]):
    """What the path so far leads to, and how it may go on."""

    __slots__ = ("_fixed", "_variables", "value")

    def __init__(self) -> None:
        self.value: T | None = None
        self._fixed: dict[str, Node[T]] = {}
        self._variables: dict[tuple[str, str], Node[T]] = {}  # kind and name

    def child(self, segment: str) -> Node[T]:
        """The node behind this segment of a rule, made if need be."""
        if found := VARIABLE.fullmatch(segment):
            kind, name = found.groups(default="")
            return self._variables.setdefault((kind, name), Node())
        return self._fixed.setdefault(segment, Node())

    def find(self, segments: Sequence[str], variables: Variables) -> Iterator[tuple[T, Variables]]:
        if not segments:
            if self.value is not None:
                yield self.value, variables
            return
        head, *rest = segments
        if head in self._fixed:
            yield from self._fixed[head].find(rest, variables)
        for (kind, name), node in self._variables.items():
            if kind == "text":
                if head or rest:
                    yield from node.find((), variables | {name: "/".join(segments)})
            elif kind == "number":
                if DIGITS.fullmatch(head) and int(head) <= HIGHEST:
                    yield from node.find(rest, variables | {name: int(head)})
            elif head:
                yield from node.find(rest, variables | {name: head})


def template(rule: str) -> str:
    """The rule as OpenAPI writes it."""
    return VARIABLE.sub(r"{\2}", rule)


def variables(rule: str) -> Mapping[str, type]:
    """The variables of a rule, in their order, and what they are."""
    return {name: int if kind == "number" else str for kind, name in VARIABLE.findall(rule)}
