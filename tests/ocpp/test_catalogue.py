"""Every module of the blocks is looked at: nothing there is left out, and nothing is declared twice."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from engine.ocpp import blocks, catalogue
from engine.ocpp.declaration import MESSAGES
from engine.ocpp.operation import Operation
from engine.ocpp.versions import PROTOCOLS

FOLDER = Path(blocks.__file__).parent
MODULES = [
    import_module(f"{blocks.__name__}.{path.parent.name}.{path.stem}")
    for path in sorted(FOLDER.glob("*/*.py"))
    if path.stem != "__init__"
]


def test_every_module_of_every_block_is_looked_at():
    assert {module.__name__ for module in catalogue.modules()} == {module.__name__ for module in MODULES}
    assert len(MODULES) > 60


def test_each_operation_is_declared_once_and_where_it_is_defined():
    declared = [module for module in MODULES if hasattr(module, "OPERATION")]
    kinds = [module.OPERATION.operation for module in declared]
    assert len(kinds) == len(set(kinds)) == len({kind.__name__ for kind in kinds})
    assert set(kinds) == set(Operation.__subclasses__()) == set(catalogue.OPERATIONS.values())
    assert all(kind.__module__.startswith(f"{blocks.__name__}.") for kind in kinds)


def test_each_message_is_declared_once():
    for name in ("COMMANDS", "HANDLERS"):
        requests = [one.request for module in MODULES for one in getattr(module, name, ())]
        assert len(requests) == len(set(requests))


def test_a_version_has_what_is_declared_with_its_types():
    for version, types in MESSAGES.items():
        there = catalogue.commands(version)
        assert there.keys() <= PROTOCOLS[version].outbound.keys()
        assert all(one.request.__module__ == types.__name__ for one in there.values())
        assert catalogue.handlers(version).keys() <= PROTOCOLS[version].inbound.keys()
