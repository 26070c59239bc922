"""All that the modules of the blocks declare: the operations, and the messages of each version. Pure.

Every module of every package in `engine.ocpp.blocks` is looked at, so a new operation is one new module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Final

from engine.ocpp import blocks
from engine.ocpp.declaration import MESSAGES, Definition
from engine.ocpp.encoding import Encoding
from engine.ocpp.operation import Operation
from engine.ocpp.step import Command, Handler


def modules() -> Iterator[ModuleType]:
    """Those of the blocks, by name."""
    for block in iter_modules(blocks.__path__, f"{blocks.__name__}."):
        if block.ispkg:
            package = import_module(block.name)
            for one in iter_modules(package.__path__, f"{package.__name__}."):
                yield import_module(one.name)


_MODULES: Final = tuple(modules())
_DEFINITIONS: Final[tuple[Definition, ...]] = tuple(
    module.OPERATION for module in _MODULES if hasattr(module, "OPERATION")
)
# All that can be asked of a station of some version, by name.
OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    one.operation.__name__: one.operation
    for one in sorted(_DEFINITIONS, key=lambda one: one.operation.__name__)
}
# By version what it has words for, and which.
ENCODINGS: Final[Mapping[str, Mapping[type[Operation], Encoding]]] = {
    version: {one.operation: one.encodings[version] for one in _DEFINITIONS if version in one.encodings}
    for version in MESSAGES
}


def commands(version: str) -> Mapping[str, Command]:
    """The messages to a station that are declared with the types of this version, by action."""
    return _of(version, "COMMANDS")


def handlers(version: str) -> Mapping[str, Handler]:
    """The messages from a station that are declared with the types of this version, by action."""
    return _of(version, "HANDLERS")


def _of(version: str, name: str) -> Mapping[str, Any]:
    declared: Iterable[Any] = (one for module in _MODULES for one in getattr(module, name, ()))
    types = MESSAGES[version].__name__
    found = [one for one in declared if one.request.__module__ == types]
    return {one.request.__name__: one for one in sorted(found, key=lambda one: one.request.__name__)}
