"""What the commands of a 2.x station share: the shape of a reply, and which connectors are meant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.simulator.connector import Connector

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x

Job = Callable[[], Awaitable[None]]


class Reply(NamedTuple):
    """The members of a response, and a job that starts once it is sent."""

    members: Mapping[str, Any]
    then: Job | None = None


def status(word: str, then: Job | None = None, **more: Any) -> Reply:
    return Reply({"status": word, **more}, then)


def connector_of(charger: Charger2x, evse: int) -> Connector | None:
    return charger.connectors[evse - 1] if 1 <= evse <= len(charger.connectors) else None


def among(charger: Charger2x, evse: int) -> list[Connector]:
    """The connectors meant by an EVSE, where 0 means all."""
    one = connector_of(charger, evse)
    return list(charger.connectors) if evse == 0 else [one] if one else []


def running(charger: Charger2x, transaction_id: str) -> Connector | None:
    """Where this transaction goes on."""
    for connector in charger.connectors:
        if connector.entry is not None and connector.entry.transaction_id == transaction_id:
            return connector
    return None


async def look(charger: Charger2x) -> None:
    for connector in charger.connectors:
        charger.observe(connector)


def parts(items: list[Any], size: int) -> list[tuple[int, list[Any], bool]]:
    """Number, items and "to be continued" of each message of a report."""
    cut = [items[first : first + size] for first in range(0, len(items), size)]
    return [(number, part, number < len(cut) - 1) for number, part in enumerate(cut)]
