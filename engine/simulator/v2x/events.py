"""What a 2.x station notices by itself and reports: monitored variables, and faults (N02, N04, N07)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from engine.ocpp.messages import v201
from engine.simulator.charger import LOOK_EVERY
from engine.simulator.connector import Connector

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x

PROBLEM_SEVERITY: Final = 2  # a hardware failure (N04)


class Events:
    """Watches the variables of one station and numbers its events."""

    def __init__(self, charger: Charger2x) -> None:
        self._charger = charger
        self._last = 0  # the last eventId

    async def watch(self) -> None:
        charger = self._charger
        while True:
            self.refresh()
            alerts = charger.monitors.check(charger.time.elapsed(), charger.clock.now(), self._transaction_at)
            self.send([alert.document() for alert in alerts])
            await charger.time.sleep(LOOK_EVERY)

    def refresh(self) -> None:
        """Bring the variables that change by themselves up to now."""
        charger = self._charger
        now = charger.time.elapsed()
        for connector in charger.connectors:
            connector.outlet.advance(now)
            charger.variables.measure(
                connector.number,
                power=connector.outlet.read(now).power_w,
                availability=charger.status(connector),
                problem=connector.fault is not None,
            )

    def _transaction_at(self, evse: int) -> str | None:
        charger = self._charger
        entry = charger.connectors[evse - 1].entry if evse else None
        return None if entry is None else str(entry.transaction_id)

    def send(self, events: list[dict[str, Any]]) -> None:
        """N07: number them and send them together."""
        charger = self._charger
        if not events:
            return
        for event in events:
            self._last += 1
            event["eventId"] = self._last
            if charger.words is v201:
                event.pop("severity", None)  # a member of 2.1
        charger.notify("NotifyEvent", generatedAt=charger.clock.now(), seqNo=0, eventData=events)


def problem(connector: Connector, at: datetime) -> dict[str, Any]:
    """A fault that has come or gone, noticed by what is built in."""
    fault = connector.fault
    return {
        "timestamp": at,
        "trigger": "Alerting",
        "actualValue": "false" if fault is None else "true",
        **({"cleared": True} if fault is None else {"techCode": fault}),
        "component": {"name": "Connector", "evse": {"id": connector.number, "connectorId": 1}},
        "variable": {"name": "Problem"},
        "eventNotificationType": "HardWiredNotification",
        "severity": PROBLEM_SEVERITY,
    }
