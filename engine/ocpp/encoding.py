"""What the encoding of an operation for one version is, and what the encodings share. Pure.

Payloads are written as plain documents in OCPP's spelling; `engine.ocpp.encoded` makes the typed request of
the station's version from them, so that what breaks its schema is found before it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from engine.domain.state import ChargePoint, Frozen
from engine.errors import NotSupported
from engine.ocpp.operation import Result
from engine.ocpp.results import read_status
from engine.ocpp.step import Message

T = TypeVar("T")
Call: TypeAlias = tuple[str, Mapping[str, Any]]  # action, payload
V16: Final = "ocpp1.6"
V201: Final = "ocpp2.0.1"


class Encoding(Frozen, frozen=True):
    """How one version asks for one operation and how its answers are read, in the order of the requests.

    `encode` raises NotSupported for what the version has no words for, Invalid for what makes no sense.
    `split` makes several requests of one that is too large for the station; each is sent only if the one
    before it was accepted, so there may be fewer answers.
    """

    encode: Callable[[Any, ChargePoint], Sequence[Call]]
    read: Callable[[Any, Sequence[Any]], Result] = read_status
    split: Callable[[Any, ChargePoint], Sequence[Message]] | None = None


def given(**members: Any) -> dict[str, Any]:
    """The members that are not None."""
    return {name: value for name, value in members.items() if value is not None}


def once(items: Iterable[T]) -> list[T]:
    """Each once, in the order in which they came first."""
    return list(dict.fromkeys(items))


def unsupported_v16(what: str) -> NotSupported:
    """The error for what OCPP 1.6 has no words for."""
    return NotSupported(f"OCPP 1.6 has no {what}")


def since_v21(cp: ChargePoint, wanted: object, what: str) -> None:
    """NotSupported where something is wanted of a station that speaks 2.0.1."""
    if wanted and cp.version == V201:
        raise NotSupported(f"OCPP 2.0.1 has no {what}")


def one_connector_v16(connector: int | None) -> None:
    """An EVSE is a connector in OCPP 1.6, and has one connector only."""
    if connector not in (None, 0, 1):
        raise unsupported_v16("connectors within an EVSE")


def evse_document(number: int | None, connector: int | None = None) -> Mapping[str, int] | None:
    """EVSEType of 2.x; None for the station as a whole."""
    return given(id=number, connectorId=connector) if number else None
