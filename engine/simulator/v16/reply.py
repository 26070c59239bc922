"""What the commands of a 1.6 charger share: the shape of a reply, and which connectors are meant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from engine.ocpp.step import Message
from engine.simulator.connector import Connector

if TYPE_CHECKING:
    from engine.simulator.v16.charger import Charger16

Job = Callable[[], Awaitable[None]]


class Reply(NamedTuple):
    """A response, and a job that starts once it is sent."""

    response: Message
    then: Job | None = None


def connector_of(charger: Charger16, number: int) -> Connector | None:
    return charger.connectors[number - 1] if 1 <= number <= len(charger.connectors) else None


def among(charger: Charger16, number: int) -> list[Connector]:
    """The connectors meant by a number, where 0 means all."""
    one = connector_of(charger, number)
    return list(charger.connectors) if number == 0 else [one] if one else []
