"""Who asks for something: made once, where a request comes in, and handed to every operation and listing."""

from __future__ import annotations

from enum import StrEnum

from msgspec.structs import replace

from engine.domain.state import Frozen


class CallerKind(StrEnum):
    API_TOKEN = "api_token"  # noqa: S105 - whoever has one
    PROGRAM = "program"  # a program at the management API
    COMMAND_LINE = "command_line"  # a command that works on the database itself
    NODE = "node"  # the node, by its own schedule
    ANYBODY = "anybody"  # nobody was asked who he is


class Caller(Frozen, frozen=True):
    """`actor` is the name that the audit trail gets.

    `operators` are the ids of those whose rows it may see and change, `permissions` the names of what it may
    do; None stands for all.
    """

    actor: str
    kind: CallerKind
    operators: frozenset[int] | None = None
    permissions: frozenset[str] | None = None

    def within(self, operator: int | None) -> Caller:
        """It, but for the rows of this operator only, if it may see them at all; None: as it is."""
        if operator is None:
            return self
        return replace(self, operators=frozenset({operator} if self.sees(operator) else ()))

    def sees(self, operator: int) -> bool:
        """Whether it may see the rows of this operator."""
        return self.operators is None or operator in self.operators

    def may(self, permission: str) -> bool:
        """Whether it has this permission."""
        return self.permissions is None or permission in self.permissions
