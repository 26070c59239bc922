"""What tests prove of the messages, and whether they do: `@pytest.mark.proves("2.x", "TransactionEvent")`.

The marker names versions and actions; `tools.reference.proofs` reads it for the reference page. While a
marked test runs, this module watches which messages really went through their handler, rule or answer, and
`tests/test_proofs.py` fails where a claim was not made good. A command without any rule of its own is
proved by its answer's way back to the caller.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any, Final

import pytest

from engine.ocpp.step import Command, Handler, SendHandler
from engine.ocpp.versions import PROTOCOLS
from engine.points.calls import Call
from tools.reference.proofs import Key, claims

SETTLED: Final = Call.settle.__code__


class Claimed:
    """A marked test or module: what it claims, and what of that was seen in the runs of this session."""

    def __init__(self, keys: frozenset[Key]) -> None:
        self.keys = keys
        self.seen: set[Key] = set()
        self.collected = 0
        self.passed = 0


CLAIMED: Final[dict[str, Claimed]] = {}  # by node id, without parameters


def _codes(function: Callable[..., Any] | None) -> Iterator[CodeType]:
    while function is not None:
        yield function.__code__  # type: ignore[attr-defined]  # handlers are plain functions
        function = getattr(function, "__wrapped__", None)


def _watched() -> Iterator[tuple[tuple[CodeType, type], Key]]:
    for protocol in PROTOCOLS.values():
        version = protocol.name.removeprefix("ocpp")
        told: list[tuple[str, Handler | SendHandler]] = [*protocol.inbound.items(), *protocol.sent.items()]
        for action, entry in told:
            yield from (((code, entry.request), Key(version, "in", action)) for code in _codes(entry.step))
        for action, command in protocol.outbound.items():
            for code in _rules(command):
                yield (code, command.request), Key(version, "out", action)


def _rules(command: Command) -> list[CodeType]:
    return [*_codes(command.check), *_codes(command.answered)] or [SETTLED]


WATCHED: Final = dict(_watched())
CODES: Final = frozenset(code for code, _ in WATCHED)


def _watcher(seen: set[Key]) -> Callable[[FrameType, str, Any], None]:
    def watch(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event != "call" or code not in CODES:
            return
        if code is SETTLED:
            values = [frame.f_locals["self"].request]
        else:
            values = [frame.f_locals.get(name) for name in code.co_varnames[: code.co_argcount]]
        seen.update(key for value in values if (key := WATCHED.get((code, type(value)))) is not None)

    return watch


def _owner(node: pytest.Item | pytest.Collector) -> str:
    return node.nodeid.partition("[")[0]


def _claimed(item: pytest.Item) -> list[Claimed]:
    """Of the test, and of its module."""
    return [CLAIMED[name] for node in item.listchain() if (name := _owner(node)) in CLAIMED]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        keys: dict[str, frozenset[Key]] = {}
        for node, marker in item.iter_markers_with_node("proves"):
            name = _owner(node)
            keys[name] = keys.get(name, frozenset()) | claims(*marker.args, **marker.kwargs)
        for name, claimed in keys.items():
            CLAIMED.setdefault(name, Claimed(claimed)).collected += 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    claimed = _claimed(item)
    if not claimed:
        return (yield)
    seen: set[Key] = set()
    sys.setprofile(_watcher(seen))
    try:
        result = yield
    finally:
        sys.setprofile(None)
    for one in claimed:
        one.seen |= seen
        one.passed += 1
    return result
