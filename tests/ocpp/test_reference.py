"""The reference page says what the tables and the tests say, and leaves no message without a proof."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tools.reference import messages
from tools.reference.proofs import Key, Proof, claims, keys, proofs
from tools.reference.texts import FROM_STATION, TO_STATION, behaviour


@pytest.fixture(scope="module")
def proved() -> dict[Key, list[Proof]]:
    return proofs()


def test_every_message_of_every_version_is_proved(proved: dict[Key, list[Proof]]) -> None:
    assert [key for key in keys() if not proved.get(key)] == [], "no test says @pytest.mark.proves for these"


def test_every_message_is_on_the_page_once() -> None:
    rows = messages.rows()
    told = [Key(version, row.direction.split(",")[0], row.action) for row in rows for version in row.versions]
    assert sorted(told) == sorted(keys())


def test_behaviour_is_a_sentence_for_people() -> None:
    for key in keys():
        text = behaviour(*key)
        assert re.fullmatch(r"[A-Z][^|\n]{15,}\.", text), text
        assert not re.search(r"\b[A-S]\d\d\b|FR\.\d|§", text), f"a requirement's number says nothing: {text}"


def test_no_behaviour_is_of_nothing() -> None:
    known = {
        direction: {name for key in keys() if key.direction == direction for name in names(key)}
        for direction in ("in", "out")
    }
    assert FROM_STATION.keys() <= known["in"]
    assert TO_STATION.keys() <= known["out"]


def names(key: Key) -> tuple[str, str]:
    """Under which the texts may have a message."""
    return key.action, f"{'1.6' if key.version == '1.6' else '2.x'} {key.action}"


@cache
def functions(path: Path) -> dict[str, ast.AST]:
    """The functions of a module; those without a name are the module itself."""
    module = ast.parse(path.read_text("utf-8"))
    found: dict[str, ast.AST] = {
        node.name: node for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    return {"": module, **found}


def test_what_proves_something_asserts_something(proved: dict[Key, list[Proof]]) -> None:
    for proof in {proof for told in proved.values() for proof in told}:
        nodes = list(ast.walk(functions(proof.path)[proof.test]))
        assert any(isinstance(node, ast.Assert) or "pytest.raises" in ast.unparse(node) for node in nodes), (
            proof
        )


def test_claims_name_messages_that_exist() -> None:
    assert claims("2.x", "TransactionEvent") == {
        Key("2.0.1", "in", "TransactionEvent"),
        Key("2.1", "in", "TransactionEvent"),
    }
    assert claims("1.6", "DataTransfer", way="out") == {Key("1.6", "out", "DataTransfer")}
    with pytest.raises(ValueError, match="either way"):
        claims("1.6", "DataTransfer")
    with pytest.raises(ValueError, match="no such message"):
        claims("1.6", "TransactionEvent")


def test_markers_are_read_from_functions_and_modules(tmp_path: Path) -> None:
    text = (
        "import pytest\n"
        'pytestmark = pytest.mark.proves("1.6", "Heartbeat")\n'
        '@pytest.mark.proves("1.6", "Reset")\n'
        "def test_a() -> None: ...\n"
        "def test_b() -> None: ...\n"
    )
    path = tmp_path / "test_it.py"
    path.write_text(text)
    assert proofs(tmp_path) == {
        Key("1.6", "in", "Heartbeat"): [Proof(path, "")],
        Key("1.6", "out", "Reset"): [Proof(path, "test_a")],
    }
