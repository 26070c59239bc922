"""How the reading of a payload ends: a message with the repairs it took, or a violation, and where."""

from __future__ import annotations

from typing import TypeAlias

from engine.domain.state import Frozen
from engine.ocpp.step import Message


class ViolationError(Exception):
    """Internal: a value breaks a keyword of its schema, beyond repair."""

    def __init__(self, keyword: str, path: Path) -> None:
        super().__init__(keyword, path)
        self.keyword = keyword
        self.path = path


Path: TypeAlias = "tuple[Path, str | int] | None"  # linked, because it is rarely written out; None is `$`


def written(path: Path) -> str:
    """`$.meterValue[0].timestamp`"""
    if path is None:
        return "$"
    parent, step = path
    return f"{written(parent)}[{step}]" if isinstance(step, int) else f"{written(parent)}.{step}"


class Decoded(Frozen, frozen=True):
    """A message that can be worked with. `repairs` names the rules applied, `places` where, one each."""

    message: Message
    repairs: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
