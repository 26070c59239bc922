"""The reference page of messages, made from the protocols' tables: `python -m engine.ocpp.reference`.

What a message leads to is its handler's own first sentence; its proofs are the tests of blocks that name it.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.ocpp.step import Command, Handler, Listener, Protocol
from engine.ocpp.translation import TABLE
from engine.ocpp.versions import PROTOCOLS

PAGE: Final = Path("docs/reference/ocpp.md")
TESTS: Final = Path("tests/ocpp/blocks")
EVERYWHERE: Final = "`test_tables.py`, `test_violations.py`"  # they walk the tables
HEAD: Final = """# OCPP messages

Every message of every version that a station may send or be sent. *In* comes from the station, *out* goes to
it; what is *kept* is stored and published as an event, because nothing here acts on it yet. All are decoded,
validated and answered under the station's policy. The last column names the tests of what they lead to, next
to those that walk the tables. Made by `python -m engine.ocpp.reference`; a test holds it to the tables.
"""


class Row(NamedTuple):
    """One line: a message, the versions that treat it alike, and what they do."""

    action: str
    direction: str
    versions: tuple[str, ...]
    behaviour: str
    test: str


def rows(protocols: Mapping[str, Protocol] = PROTOCOLS) -> list[Row]:
    """All messages by name; versions with the same behaviour share a row."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for protocol in protocols.values():
        for action, direction, behaviour, test in _entries(protocol):
            key = (action, direction, behaviour, test)
            found.setdefault(key, []).append(protocol.name.removeprefix("ocpp"))
    made = [
        Row(action, direction, tuple(versions), behaviour, test)
        for (action, direction, behaviour, test), versions in found.items()
    ]
    return sorted(made, key=lambda row: (row.action.casefold(), row.direction, row.versions))


def page() -> str:
    """The page as Markdown."""
    lines = [HEAD, "| message | direction | versions | what happens | proved in |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.action} | {row.direction} | {', '.join(row.versions)} | {row.behaviour} | {row.test} |"
        for row in rows()
    ]
    return "\n".join([*lines, "", *_intents(), ""])


def _intents() -> Iterator[str]:
    kinds = sorted({kind.__name__: kind for phrases in TABLE.values() for kind in phrases}.items())
    yield "## What can be wanted, whatever the version"
    yield ""
    yield "| intent | " + " | ".join(name.removeprefix("ocpp") for name in TABLE) + " |"
    yield "|---|" + "---|" * len(TABLE)
    for name, kind in kinds:
        known = ["yes" if kind in phrases else "no" for phrases in TABLE.values()]
        yield f"| {name} | {' | '.join(known)} |"


def _entries(protocol: Protocol) -> Iterator[tuple[str, str, str, str]]:
    for action, handler in protocol.inbound.items():
        yield action, "in", *_told(handler)
    for action, listener in protocol.sent.items():
        yield action, "in, unanswered", *_told(listener)
    for action, command in protocol.outbound.items():
        yield action, "out", *_asked(command)


def _told(entry: Handler | Listener) -> tuple[str, str]:
    return _sentence(entry.step), _proof(entry.request.__name__)


def _asked(command: Command) -> tuple[str, str]:
    rule = command.answered or command.check
    said = "Sent as asked; the answer goes to the caller." if rule is None else _sentence(rule)
    return said, _proof(command.request.__name__)


def _sentence(function: Callable[..., Any]) -> str:
    """The first paragraph of its docstring, on one line."""
    text = inspect.getdoc(function) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|")


def _proof(action: str) -> str:
    """The tests of the blocks that name the message."""
    word = re.compile(rf"\b{action}\b")
    naming = [path.name for path, text in _texts() if word.search(text)]
    return ", ".join(f"`{name}`" for name in naming) or EVERYWHERE


@cache
def _texts() -> list[tuple[Path, str]]:
    return [(path, path.read_text()) for path in sorted(TESTS.glob("test_*.py"))]


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE} written\n")
