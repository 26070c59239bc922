"""A simulated charger that speaks OCPP 2.0.1 or 2.1: boot, statuses, authorization, what it notices. Its
transactions are in `transactions`, what it does when the server calls in `commands`.

Payloads are written as plain documents and made into the version's types when they are sent, so that a fault
against the schema is found at once. Connector n of the charger is connector 1 of EVSE n.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from types import ModuleType
from typing import Any, ClassVar, Final

import msgspec
import trio

from engine.ocpp.messages import decode_hook, v21, v201
from engine.ocpp.step import Message
from engine.simulator.charger import LOOK_EVERY, Charger, World
from engine.simulator.connector import Claim, Connector
from engine.simulator.limits import Profile
from engine.simulator.link import Address, Answer, LinkLost, NoAnswer, Refusal, Rejected
from engine.simulator.physics import Hardware
from engine.simulator.v2x import commands
from engine.simulator.v2x.authorization import Knowledge, token
from engine.simulator.v2x.display import Display
from engine.simulator.v2x.monitors import Monitors
from engine.simulator.v2x.tariffs import Tariffs
from engine.simulator.v2x.transactions import Transactions
from engine.simulator.v2x.variables import DeviceModel
from engine.simulator.v16.certificates import Store

FALLBACK_RETRY: Final = 60.0  # boot again after so long if the server names no interval, seconds (B01)
NOTICES: Final = 64  # messages outside transactions that may wait; the oldest is dropped
FIRMWARE: Final = "3.0.1"
PROBLEM_SEVERITY: Final = 2  # a hardware failure (N04)


class Charger2x(Charger):
    """State beyond the versionless: the device model, and what the server has told."""

    words: ClassVar[ModuleType]

    def __init__(
        self,
        world: World,
        identity: str,
        hardware: Hardware,
        reach: Callable[[str | None], Address],
        password: str | None = None,
    ) -> None:
        super().__init__(world, identity, hardware, reach, password)
        self.variables = DeviceModel(hardware)
        self.knowledge = Knowledge(self.variables)
        self.transactions = Transactions(self)
        self.monitors = Monitors(self.variables)
        self.display = Display()
        self.tariffs = Tariffs(hardware.connectors)
        self.certificates = Store(self.dice("keys"))
        self.accepted = False
        self.firmware = FIRMWARE
        self.list_version = 0
        self.activities: dict[str, str] = {}  # last status of "firmware", "log"
        self._shown: dict[int, str] = {c.number: "Available" for c in self.connectors}
        self._events = 0  # the last eventId
        self._notices: deque[Message] = deque(maxlen=NOTICES)
        self._admitted = trio.Event()
        self._noticed = trio.Event()

    @property
    def retry_rule(self) -> tuple[int, float]:
        number = self.variables.number
        attempts = number("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent")
        return max(1, attempts), float(number("OCPPCommCtrlr", "MessageAttemptInterval", "TransactionEvent"))

    # Messages.

    def say(self, action: str, **members: Any) -> Message:
        """A request of this version; a document that is none is a fault of the simulation."""
        return msgspec.convert(members, self.messages[action][0], dec_hook=decode_hook)

    def notify(self, action: str, **members: Any) -> None:
        """Send a message that belongs to no transaction: in order, once, only if there is a connection."""
        if self.connected:
            self._notices.append(self.say(action, **members))
            self._noticed.set()

    # Connection.

    async def introduce(self) -> None:
        booted = self.needs_boot
        self._notices.clear()
        if booted:
            await self._boot()
            self.notify("SecurityEventNotification", type="StartupOfTheDevice", timestamp=self.clock.now())
            self.profiles.clear(purpose="transaction")
        self.needs_boot = False
        for connector in self.connectors:
            self._shown[connector.number] = self._status_of(connector)
            self.tell_status(connector)

    async def _boot(self) -> None:
        self.accepted = False
        self._admitted = trio.Event()
        while not self.accepted:
            try:
                answer = await self.boot()
            except (NoAnswer, Rejected):
                await self.time.sleep(FALLBACK_RETRY)
                continue
            if not self.accepted:
                with self.time.limit(answer.interval or FALLBACK_RETRY):
                    await self._admitted.wait()  # for a boot that the server triggered

    async def boot(self, reason: str = "PowerUp") -> Any:
        """B01"""
        station = {
            "vendorName": self.hardware.vendor,
            "model": self.hardware.model,
            "serialNumber": self.identity[-25:],
            "firmwareVersion": self.firmware,
        }
        answer = await self.call(self.say("BootNotification", reason=reason, chargingStation=station))
        self.accepted = answer.status == "Accepted"
        if self.accepted:
            self._admitted.set()
            self.clock.set(answer.current_time)
            if answer.interval > 0:
                self.variables.put("OCPPCommCtrlr", "HeartbeatInterval", str(answer.interval))
        return answer

    async def attend(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._heartbeats)
            nursery.start_soon(self._watch_variables)
            while True:
                while self._notices:
                    with suppress(NoAnswer, Rejected):  # counted where it happened; it is not repeated
                        await self.call(self._notices.popleft())
                self._noticed = trio.Event()
                await self._noticed.wait()

    async def _heartbeats(self) -> None:
        while True:
            await self.time.sleep(max(1, self.variables.number("OCPPCommCtrlr", "HeartbeatInterval")))
            await self.heartbeat()

    async def heartbeat(self) -> None:
        """G02"""
        with suppress(NoAnswer, Rejected):  # counted where it happened; the next one comes anyway
            answer = await self.call(self.say("Heartbeat"))
            self.clock.set(answer.current_time)

    # Statuses.

    def _status_of(self, connector: Connector) -> str:
        if connector.fault is not None:
            return "Faulted"
        if not connector.operative and connector.entry is None:
            return "Unavailable"
        if connector.plugged or connector.entry is not None:
            return "Occupied"
        return "Available" if connector.reservation is None else "Reserved"

    def observe(self, connector: Connector) -> None:
        now = self.time.elapsed()
        claim, reservation = connector.claim, connector.reservation
        if claim is not None and claim.expires <= now:
            connector.claim = None  # nobody came within EVConnectionTimeOut
            self.transactions.remote_starts.pop(connector.number, None)
        if reservation is not None and reservation.expires <= self.clock.now():
            connector.reservation = None
            self.notify(
                "ReservationStatusUpdate", reservationId=reservation.id, reservationUpdateStatus="Expired"
            )
        status = self._status_of(connector)
        before = self._shown[connector.number]
        if status != before:
            self._shown[connector.number] = status
            self.tell_status(connector)
            if "Faulted" in {status, before}:
                self.tell_events([problem(connector, self.clock.now())])
        self.transactions.observe(connector)

    def status(self, connector: Connector) -> str:
        return self._shown[connector.number]

    def tell_status(self, connector: Connector) -> None:
        """G01"""
        self.notify(
            "StatusNotification",
            timestamp=self.clock.now(),
            connectorStatus=self._shown[connector.number],
            evseId=connector.number,
            connectorId=1,
        )

    # Events.

    async def _watch_variables(self) -> None:
        while True:
            self.refresh()
            alerts = self.monitors.check(self.time.elapsed(), self.clock.now(), self._transaction_at)
            self.tell_events([alert.document() for alert in alerts])
            await self.time.sleep(LOOK_EVERY)

    def refresh(self) -> None:
        """Bring the variables that change by themselves up to now."""
        now = self.time.elapsed()
        for connector in self.connectors:
            connector.outlet.advance(now)
            self.variables.measure(
                connector.number,
                power=connector.outlet.read(now).power_w,
                availability=self._shown[connector.number],
                problem=connector.fault is not None,
            )

    def _transaction_at(self, evse: int) -> str | None:
        entry = self.connectors[evse - 1].entry if evse else None
        return None if entry is None else str(entry.transaction_id)

    def tell_events(self, events: list[dict[str, Any]]) -> None:
        """N07: number them and send them together."""
        if not events:
            return
        for event in events:
            self._events += 1
            event["eventId"] = self._events
            if self.words is v201:
                event.pop("severity", None)  # a member of 2.1
        self.notify("NotifyEvent", generatedAt=self.clock.now(), seqNo=0, eventData=events)

    # Authorization.

    async def authorize(self, id_tag: str) -> Mapping[str, Any]:
        """Ask the server, or the cache where there is no connection (C01, C10, C15)."""
        known = self.knowledge.known(id_tag)
        accepted = known is not None and known["status"] == "Accepted"
        if known and accepted and self.variables.flag("AuthCtrlr", "LocalPreAuthorize"):
            return known
        if self.online:
            with suppress(LinkLost, NoAnswer, Rejected):
                answer = await self.call(self.say("Authorize", idToken=token(id_tag)))
                return self.knowledge.learn(id_tag, answer.id_token_info)
        return self.knowledge.alone(known)

    async def present(self, connector: Connector, id_tag: str) -> bool:
        entry = connector.entry
        if not self.powered:
            return False
        if entry is not None and id_tag == entry.id_tag:
            self.stop(connector, "Local", id_tag)
            return True
        info = await self.authorize(id_tag)
        if connector.entry is not entry or info["status"] != "Accepted":
            return False
        if entry is not None:
            if info.get("group") is None or info["group"] != connector.parent:
                return False
            self.stop(connector, "Local", id_tag)
            return True
        return self.admit(connector, id_tag, info.get("group"))

    def admit(
        self, connector: Connector, id_tag: str, parent: str | None, profile: Profile | None = None
    ) -> bool:
        """An identified driver: start at once if the cable is in, else wait for it."""
        reserved = connector.reservation
        if not connector.usable or not self.powered or (reserved and not reserved.admits(id_tag, parent)):
            return False
        expires = self.time.elapsed() + self.variables.number("TxCtrlr", "EVConnectionTimeOut")
        connector.claim = Claim(id_tag, parent, expires, profile)
        if connector.plugged:
            self.transactions.start(connector, connector.claim)
        return True

    def plugged_in(self, connector: Connector) -> None:
        if connector.claim is not None and connector.usable:
            self.transactions.start(connector, connector.claim)

    def unplugging(self, connector: Connector) -> None:
        if connector.entry is not None:
            self.stop(connector, "EVDisconnected")

    def stop(self, connector: Connector, reason: str, id_tag: str | None = None) -> None:
        self.transactions.stop(connector, reason, id_tag)

    # Calls from the server.

    def serve(self, action: str, payload: bytes) -> Answer | Refusal:
        return commands.answer(self, action, payload)


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


class Charger201(Charger2x):
    """OCPP 2.0.1."""

    subprotocol: ClassVar[str] = "ocpp2.0.1"
    words: ClassVar[ModuleType] = v201
    messages: ClassVar[Mapping[str, tuple[type[Message], type[Message]]]] = v201.ACTIONS


class Charger21(Charger2x):
    """OCPP 2.1."""

    subprotocol: ClassVar[str] = "ocpp2.1"
    words: ClassVar[ModuleType] = v21
    messages: ClassVar[Mapping[str, tuple[type[Message], type[Message]]]] = v21.ACTIONS
