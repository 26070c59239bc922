"""The reference page of messages, made from the protocols' tables.

What a message leads to stands in `texts`; which tests prove it is what the tests say (`proofs`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from engine.ocpp.catalogue import ENCODINGS, OPERATIONS
from engine.ocpp.versions import PROTOCOLS
from tools.reference.notice import NOTICE
from tools.reference.proofs import TESTS, Key, Proof, keys, proofs
from tools.reference.texts import behaviour

HEAD: Final = f"""# OCPP messages

{NOTICE}
Every message of every version that a station may send or be sent. *In* comes from the station, *out* goes to
it. All are decoded, validated and answered or checked under the station's policy; what becomes of one that
breaks its schema, `tests/ocpp/test_violations.py` proves for each of them. The last column names the tests of
what it leads to; a file without names is about that message as a whole. They say so themselves
(`@pytest.mark.proves`), and it counts only if the message goes through its handler, its rule or its answer
while they run. A test fails for a message that nothing proves.

| message | versions | direction | what happens | proved by |
|---|---|---|---|---|"""


class Row(NamedTuple):
    """One line: a message, and the versions that treat it alike and are proved by the same tests."""

    action: str
    versions: tuple[str, ...]
    direction: str
    behaviour: str
    proofs: tuple[Proof, ...]


def rows() -> list[Row]:
    """All messages by name."""
    found: dict[tuple[str, str, str, tuple[Proof, ...]], list[str]] = {}
    for key in keys():
        shared = (key.action, _direction(key), behaviour(*key), tuple(_proofs().get(key, ())))
        found.setdefault(shared, []).append(key.version)
    made = [
        Row(action, tuple(versions), direction, text, proved)
        for (action, direction, text, proved), versions in found.items()
    ]
    return sorted(made, key=lambda row: (row.action.casefold(), row.direction, row.versions))


def page() -> str:
    """The page as Markdown."""
    return "\n".join([HEAD, *map(_line, rows()), "", *_operations(), ""])


def _line(row: Row) -> str:
    proved = "<br>".join(_named(path, tests) for path, tests in groupby(row.proofs, lambda one: one.path))
    return f"| {row.action} | {', '.join(row.versions)} | {row.direction} | {row.behaviour} | {proved} |"


def _named(path: Path, tests: Iterator[Proof]) -> str:
    """A file, linked, with the tests in it that count; none is named where all of them do."""
    names = ", ".join(f"`{one.test}`" for one in tests if one.test)
    link = f"[{path.name}](../../{path.relative_to(TESTS.parent).as_posix()})"
    return f"{link}: {names}" if names else link


def _direction(key: Key) -> str:
    unanswered = key.direction == "in" and key.action in PROTOCOLS[f"ocpp{key.version}"].sent
    return "in, unanswered" if unanswered else key.direction


def _operations() -> Iterator[str]:
    yield "## Operations, whatever the version"
    yield ""
    yield "| operation | " + " | ".join(name.removeprefix("ocpp") for name in ENCODINGS) + " |"
    yield "|---|" + "---|" * len(ENCODINGS)
    for name, kind in OPERATIONS.items():
        has = ["yes" if kind in known else "no" for known in ENCODINGS.values()]
        yield f"| {name} | {' | '.join(has)} |"


@cache
def _proofs() -> dict[Key, list[Proof]]:
    return proofs()
