"""No test proves anything by time: what that looks like in code is looked for in all of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PATIENT = 30.0  # seconds: no deadline of a test that runs in real time is shorter
CLOCKS = {"time.sleep", "time.monotonic", "time.perf_counter", "time.time"}
# Where time itself is the input: the waits that all others use, and loads that last.
TIMED = {"patience.py", "e2e/test_soak.py", "fuzz/long.py"}
# Tests on a clock that is given: their seconds pass at once.
VIRTUAL = {"autojump_clock", "mock_clock", "charger", "newer"}
WAITS = {"fail_after", "move_on_after", "recv", "receive", "result", "join", "communicate"}


def name_of(node: ast.expr) -> str:
    return ast.unparse(node)


def short(call: ast.Call, *, bytes_read: bool) -> bool:
    """Whether it is given fewer seconds than a slow machine may need. `bytes_read`: `recv` takes a size."""
    kind = name_of(call.func).rpartition(".")[2]
    values = [word.value for word in call.keywords if word.arg == "timeout"]
    if kind in WAITS and call.args and not (bytes_read and kind == "recv"):
        values.append(call.args[0])
    numbers = (one.value for one in values if isinstance(one, ast.Constant))
    return any(isinstance(number, int | float) and 0 < number < PATIENT for number in numbers)


def faults(source: str) -> Iterator[str]:
    """What depends on how fast the machine is."""
    tree = ast.parse(source)
    virtual: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = {one.arg for one in (*node.args.args, *node.args.kwonlyargs)}
            if arguments & VIRTUAL:
                virtual |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or id(node) in virtual:
            continue
        if name_of(node.func) in CLOCKS:
            yield f"line {node.lineno}: {ast.unparse(node)} (wait for what is to happen: tests.patience)"
        elif short(node, bytes_read="websockets" not in source):
            yield f"line {node.lineno}: {ast.unparse(node)} (a slow machine needs longer: PATIENCE)"


@pytest.mark.parametrize(
    "file",
    [path for path in sorted(TESTS.rglob("*.py")) if str(path.relative_to(TESTS)) not in TIMED],
    ids=lambda path: str(path.relative_to(TESTS)),
)
def test_no_test_depends_on_the_speed_of_the_machine(file: Path) -> None:
    assert list(faults(file.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "time.sleep(1)",
        "end = time.monotonic() + 5",
        "from websockets.sync.client import connect\nsocket.recv(5)",
        "socket.recv(timeout=5)",
        "with trio.fail_after(5):\n    pass",
        "with trio.move_on_after(0.01) as early:\n    pass",
        "def test(charger_of):\n    thread.join(20)",
    ],
)
def test_what_is_looked_for_is_found(source: str) -> None:
    assert len(list(faults(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "socket.recv(PATIENCE)",
        "socket.recv(timeout=60)",
        "data = socket.recv(1)",
        "with trio.move_on_after(0):\n    pass",
        "async def test(autojump_clock):\n    with trio.fail_after(5):\n        pass",
    ],
)
def test_what_is_harmless_is_left_alone(source: str) -> None:
    assert list(faults(source)) == []
