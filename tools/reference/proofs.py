"""Which tests say that they prove a message: read from their sources, without running them.

A test says so by `@pytest.mark.proves("2.x", "TransactionEvent")`, a module that is about some messages by
`pytestmark`. That it does is watched while it runs (`tests/proving.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from engine.ocpp.versions import PROTOCOLS

TESTS: Final = Path(__file__).resolve().parents[2] / "tests"
VERSIONS: Final = {
    **{name.removeprefix("ocpp"): (name,) for name in PROTOCOLS},
    "2.x": ("ocpp2.0.1", "ocpp2.1"),
    "all": tuple(PROTOCOLS),
}


class Key(NamedTuple):
    """A message of a version, in one direction."""

    version: str  # "2.0.1"
    direction: str  # "in" from the station, "out" to it
    action: str


class Proof(NamedTuple):
    """A test, or a whole module where `test` is empty."""

    path: Path
    test: str


def keys() -> Iterator[Key]:
    """All messages of all versions."""
    for protocol in PROTOCOLS.values():
        version = protocol.name.removeprefix("ocpp")
        yield from (Key(version, "in", action) for action in (*protocol.inbound, *protocol.sent))
        yield from (Key(version, "out", action) for action in protocol.outbound)


def claims(version: str, *actions: str, way: str | None = None) -> frozenset[Key]:
    """The messages that `proves(…)` names.

    `way` ("in", "out") is for those that go both ways. ValueError for a message that does not exist, or whose
    direction is not plain.
    """
    named = set()
    for action in actions:
        for name in VERSIONS[version]:
            protocol, short = PROTOCOLS[name], name.removeprefix("ocpp")
            known = {
                "in": action in protocol.inbound or action in protocol.sent,
                "out": action in protocol.outbound,
            }
            ways = [one for one, there in known.items() if there and way in {None, one}]
            if len(ways) != 1:
                raise ValueError(f"{action} of {short}: {'either way?' if ways else 'no such message'}")
            named.add(Key(short, ways[0], action))
    return frozenset(named)


def proofs(tests: Path = TESTS) -> dict[Key, list[Proof]]:
    """Who proves which message, in the order of files and lines."""
    found: dict[Key, list[Proof]] = {}
    for path in sorted(tests.rglob("test_*.py")):
        text = path.read_text("utf-8")
        if "mark.proves" not in text:
            continue
        for proof, key in _of_module(path, ast.parse(text)):
            if proof not in found.setdefault(key, []):
                found[key].append(proof)
    return found


def _of_module(path: Path, module: ast.Module) -> Iterator[tuple[Proof, Key]]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            proof, marks = Proof(path, node.name), node.decorator_list
        elif isinstance(node, ast.Assign) and [ast.unparse(one) for one in node.targets] == ["pytestmark"]:
            proof = Proof(path, "")
            marks = node.value.elts if isinstance(node.value, ast.List) else [node.value]
        else:
            continue
        for mark in marks:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.proves":
                words = [ast.literal_eval(one) for one in mark.args]
                named = {one.arg: ast.literal_eval(one.value) for one in mark.keywords if one.arg}
                yield from ((proof, key) for key in sorted(claims(*words, **named)))
