"""How a module of `engine.ocpp.blocks` declares what it holds; `engine.ocpp.catalogue` finds it there. Pure.

- `OPERATION = define(...)`: an operation and its encoding for each version that has it,
- `COMMANDS = (command(...), ...)`: the messages that go to a station, their rules, what answers change,
- `HANDLERS = (handler(...), ...)`: the messages that come from a station, with their steps.

A message of 2.0.1 stands for that of the same name in 2.1 too; one of 2.1 is 2.1's alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

from engine.domain.state import Frozen
from engine.ocpp.encoding import Encoding
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation
from engine.ocpp.step import Command, Handler, Message

MESSAGES: Final[Mapping[str, ModuleType]] = {"ocpp1.6": v16, "ocpp2.0.1": v201, "ocpp2.1": v21}
_RESPONSES: Final[Mapping[type[Message], type[Message]]] = {
    request: response for module in MESSAGES.values() for request, response in module.ACTIONS.values()
}


class Definition(Frozen, frozen=True):
    """An operation and, by version, its encodings. A version without one does not have the operation."""

    operation: type[Operation]
    encodings: Mapping[str, Encoding]


def define(
    operation: type[Operation],
    *,
    v16: Encoding | None = None,
    v2x: Encoding | None = None,
    v21: Encoding | None = None,
) -> Definition:
    """`v2x` is the encoding for 2.0.1 and 2.1, `v21` the one for 2.1 alone."""
    encodings = {"ocpp1.6": v16, "ocpp2.0.1": v2x, "ocpp2.1": v21 or v2x}
    there = {version: encoding for version, encoding in encodings.items() if encoding is not None}
    return Definition(operation=operation, encodings=there)


def command(request: type[Message], **rules: Any) -> Command:
    """A message to a station: `check` and `answered` as in `Command`."""
    return Command(request=request, response=_RESPONSES[request], **rules)


def handler(request: type[Message], step: Any, **more: Any) -> Handler:
    """A message from a station: its step; `needs` and `before_boot` as in `Handler`."""
    return Handler(request=request, response=_RESPONSES[request], step=step, **more)
