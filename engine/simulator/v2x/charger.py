"""A simulated charger that speaks OCPP 2.0.1 or 2.1: how it introduces itself, its statuses, whom it
admits. Its transactions are in `transactions`, what it notices in `events`, what it does when the server
calls in `commands`.

Payloads are written as plain documents and made into the version's types when they are sent, so that a fault
against the schema is found at once. Connector n of the charger is connector 1 of EVSE n.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any, ClassVar, Final

import msgspec

from engine.ocpp.messages import decode_hook, v21, v201
from engine.ocpp.step import Message
from engine.simulator.address import Address
from engine.simulator.charger import Charger
from engine.simulator.connector import Claim, Connector, Permit
from engine.simulator.limits import Profile
from engine.simulator.link import Answer, LinkLost, NoAnswer, Refusal, Rejected
from engine.simulator.physics import Hardware
from engine.simulator.v2x import commands
from engine.simulator.v2x.authorization import Knowledge, token
from engine.simulator.v2x.display import Display
from engine.simulator.v2x.events import Events, problem
from engine.simulator.v2x.monitors import Monitors
from engine.simulator.v2x.tariffs import Tariffs
from engine.simulator.v2x.transactions import Transactions
from engine.simulator.v2x.variables import DeviceModel
from engine.simulator.v16.certificates import CertificateStore
from engine.simulator.world import World

FIRMWARE: Final = "3.0.1"


class Charger2x(Charger):
    """State beyond the versionless: the device model, and what it knows of tags, tariffs and displays."""

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
        self.certificates = CertificateStore(self.dice("keys"))
        self.events = Events(self)
        self.firmware = FIRMWARE
        self.list_version = 0
        self.activities: dict[str, str] = {}  # last status of "firmware", "log"
        self._shown: dict[int, str] = {c.number: "Available" for c in self.connectors}

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
        self.notices.put(self.say(action, **members))

    # Connection.

    async def introduce(self) -> None:
        booted = self.needs_boot
        if booted:
            await self.registration.complete()
            self.notify("SecurityEventNotification", type="StartupOfTheDevice", timestamp=self.clock.now())
            self.profiles.clear(purpose="transaction")
        self.needs_boot = False
        for connector in self.connectors:
            self._shown[connector.number] = self._status_of(connector)
            self.tell_status(connector)

    def boot_notification(self, reason: str = "PowerUp") -> Message:
        """B01"""
        station = {
            "vendorName": self.hardware.vendor,
            "model": self.hardware.model,
            "serialNumber": self.identity[-25:],
            "firmwareVersion": self.firmware,
        }
        return self.say("BootNotification", reason=reason, chargingStation=station)

    @property
    def heartbeat_interval(self) -> int:
        return self.variables.number("OCPPCommCtrlr", "HeartbeatInterval")

    @heartbeat_interval.setter
    def heartbeat_interval(self, seconds: int) -> None:
        self.variables.put("OCPPCommCtrlr", "HeartbeatInterval", str(seconds))

    async def attend(self) -> None:
        await self.events.watch()

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
                self.events.send([problem(connector, self.clock.now())])
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

    # Authorization.

    async def authorize(self, id_tag: str) -> Permit:
        """Ask the server, or the cache where there is no connection (C01, C10, C15)."""
        known = self.knowledge.known(id_tag)
        accepted = known is not None and known.status == "Accepted"
        if known and accepted and self.variables.flag("AuthCtrlr", "LocalPreAuthorize"):
            return known
        if self.online:
            with suppress(LinkLost, NoAnswer, Rejected):
                answer = await self.call(self.say("Authorize", idToken=token(id_tag)))
                return self.knowledge.learn(id_tag, answer.id_token_info)
        return self.knowledge.alone(known)

    def admit(
        self, connector: Connector, id_tag: str, parent: str | None, profile: Profile | None = None
    ) -> bool:
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

    def stop(self, connector: Connector, reason: str, id_tag: str | None = None) -> None:
        self.transactions.stop(connector, reason, id_tag)

    # Calls from the server.

    def serve(self, action: str, payload: bytes) -> Answer | Refusal:
        return commands.answer(self, action, payload)


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
