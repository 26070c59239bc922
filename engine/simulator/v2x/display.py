"""The display of a 2.x station: which messages it keeps, and the commands for them (O)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from engine.simulator.v2x.reply import Reply, parts, running, status
from engine.simulator.v2x.variables import FORMATS

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x

MOST_MESSAGES: Final = 10
REPORT_PART: Final = 4  # messages in one NotifyDisplayMessages


class Display:
    """Messages by id, as the server gave them; they survive reboots."""

    def __init__(self) -> None:
        self._messages: dict[int, Any] = {}

    def show(self, message: Any) -> bool:
        """Keep it in place of one with its id; AlwaysFront is one at most. False if there is no room."""
        if message.id not in self._messages and len(self._messages) >= MOST_MESSAGES:
            return False
        if message.priority == "AlwaysFront":
            self._messages = {k: v for k, v in self._messages.items() if v.priority != "AlwaysFront"}
        self._messages[message.id] = message
        return True

    def clear(self, number: int) -> bool:
        return self._messages.pop(number, None) is not None

    def kept(self, now: datetime, transactions: set[str]) -> list[Any]:
        """What is not over: neither its time nor its transaction (O01, O02)."""
        self._messages = {
            number: message
            for number, message in self._messages.items()
            if not (message.end_date_time and message.end_date_time <= now)
            and (not message.transaction_id or message.transaction_id in transactions)
        }
        return list(self._messages.values())


def _kept(charger: Charger2x) -> list[Any]:
    transactions = {str(c.entry.transaction_id) for c in charger.connectors if c.entry is not None}
    return charger.display.kept(charger.clock.now(), transactions)


def set_display_message(charger: Charger2x, request: Any) -> Reply:
    """O01, O02, O06"""
    message = request.message
    if message.message.format not in FORMATS:
        return status("NotSupportedMessageFormat")
    if message.transaction_id and running(charger, message.transaction_id) is None:
        return status("UnknownTransaction")
    _kept(charger)
    return status("Accepted" if charger.display.show(message) else "Rejected")


def get_display_messages(charger: Charger2x, request: Any) -> Reply:
    """O03, O04"""
    found = [
        message
        for message in _kept(charger)
        if (not request.id or message.id in request.id)
        and (not request.priority or message.priority == request.priority)
        and (not request.state or message.state == request.state)
    ]
    if not found:
        return status("Unknown")

    async def report() -> None:
        for _, part, more in parts(found, REPORT_PART):
            charger.notify("NotifyDisplayMessages", requestId=request.request_id, tbc=more, messageInfo=part)

    return status("Accepted", report)


def clear_display_message(charger: Charger2x, request: Any) -> Reply:
    """O05"""
    return status("Accepted" if charger.display.clear(request.id) else "Unknown")
