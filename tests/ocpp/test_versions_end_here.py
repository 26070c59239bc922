"""Nothing above the protocol layer asks which OCPP version a station speaks, nor uses its messages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import engine

ROOT = Path(engine.__file__).parent.parent
ABOVE = ("engine/store", "engine/points", "engine/security", "engine/operations", "api")
EXEMPT = {
    # The command line also has a fleet of simulated chargers, whose versions people choose.
    *(f"api/cli/{name}.py" for name in ("simulate", "storm", "demo")),
    # Who gave a session its transaction id is read from the column of its protocol.
    "engine/store/loading_sessions.py",
}
WORD = re.compile(
    r"(?<![a-z0-9])v(16|201|21|2x)(?![a-z0-9])|^(ocpp)?(1\.6|2\.0\.1|2\.1)$|^ocpp[12]", re.IGNORECASE
)


def modules() -> Iterator[Path]:
    for place in ABOVE:
        yield from (ROOT / place).rglob("*.py")
    yield from (ROOT / "engine").glob("*.py")


def words(tree: ast.AST) -> Iterator[str]:
    """Names and texts of the code, with those of its imports; a docstring is no single word."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                yield name
            case ast.ImportFrom(module=str(name)):
                yield name
            case ast.Constant(value=str(text)):
                yield text


def named(source: str) -> list[str]:
    return [word for word in words(ast.parse(source)) if " " not in word and WORD.search(word)]


def test_no_module_above_the_protocol_names_a_version() -> None:
    found = {str(path.relative_to(ROOT)): named(path.read_text("utf-8")) for path in modules()}
    assert len(found) > 100
    assert {path: names for path, names in found.items() if names and path not in EXEMPT} == {}


def test_names_of_versions_are_found() -> None:
    assert named("from engine.ocpp.messages import v16") == ["v16"]
    assert named("if version == 'ocpp2.0.1': encode_v2x()") == ["ocpp2.0.1", "encode_v2x"]
    assert named("'''As in OCPP 1.6.'''\nuuid.uuid4()") == []
