"""A simulated charger that speaks OCPP 1.6: how it introduces itself, its statuses, whom it admits. Its
transactions are in `transactions`, its meter readings in `readings`, what it does when the server calls in
`commands`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from engine.ocpp.messages import v16
from engine.ocpp.step import Message
from engine.simulator.address import Address
from engine.simulator.charger import Charger
from engine.simulator.connector import Claim, Connector, Permit
from engine.simulator.limits import Profile
from engine.simulator.link import Answer, LinkLost, NoAnswer, Refusal, Rejected
from engine.simulator.physics import Hardware
from engine.simulator.v16 import commands
from engine.simulator.v16.authorization import Knowledge
from engine.simulator.v16.certificates import CertificateStore
from engine.simulator.v16.configuration import Configuration
from engine.simulator.v16.readings import Readings
from engine.simulator.v16.status import Status, status_of, steps
from engine.simulator.v16.transactions import Transactions
from engine.simulator.world import World

FIRMWARE: Final = "1.4.2"


class Charger16(Charger):
    """State beyond the versionless: its configuration, and what it knows of tags and certificates."""

    subprotocol: ClassVar[str] = "ocpp1.6"
    messages: ClassVar[Mapping[str, tuple[type[Message], type[Message]]]] = v16.ACTIONS

    def __init__(
        self,
        world: World,
        identity: str,
        hardware: Hardware,
        reach: Callable[[str | None], Address],
        password: str | None = None,
    ) -> None:
        super().__init__(world, identity, hardware, reach, password)
        self.configuration = Configuration(self.hardware)
        self.knowledge = Knowledge(self.configuration)
        self.certificates = CertificateStore(self.dice("keys"))
        self.transactions = Transactions(self)
        self.readings = Readings(self)
        self.firmware = FIRMWARE
        self.activities: dict[str, str] = {}  # last status of "firmware", "diagnostics", "log"
        self._shown: dict[int, Status] = {c.number: "Available" for c in self.connectors}
        self._boots_always = (
            self.dice("habits").random() < 0.5
        )  # after any reconnect, not only after a reboot

    @property
    def retry_rule(self) -> tuple[int, float]:
        number = self.configuration.number
        return max(1, number("TransactionMessageAttempts")), float(number("TransactionMessageRetryInterval"))

    # Connection.

    async def introduce(self) -> None:
        booted = self.needs_boot
        if booted or self._boots_always:
            await self.registration.complete()
        if booted:
            self.notify(v16.SecurityEventNotification(type="StartupOfTheDevice", timestamp=self.clock.now()))
            self.profiles.clear(purpose="transaction")
        self.needs_boot = False
        self.notify(self.status_notification(0))
        for connector in self.connectors:
            self._shown[connector.number] = status_of(connector, self.time.elapsed())
            self.notify(self.status_notification(connector.number))

    def boot_notification(self) -> v16.BootNotification:
        return v16.BootNotification(
            charge_point_vendor=self.hardware.vendor,
            charge_point_model=self.hardware.model,
            charge_point_serial_number=self.identity[-25:],
            firmware_version=self.firmware,
            meter_type="SIM-1",
            meter_serial_number=f"M-{self.identity}"[-25:],
        )

    @property
    def heartbeat_interval(self) -> int:
        return self.configuration.number("HeartbeatInterval")

    @heartbeat_interval.setter
    def heartbeat_interval(self, seconds: int) -> None:
        self.configuration.change("HeartbeatInterval", str(seconds))

    async def attend(self) -> None:
        await self.readings.aligned()

    def notify(self, message: Message) -> None:
        """Send a message that belongs to no transaction: in order, once, only if there is a connection."""
        self.notices.put(message)

    # Statuses.

    def observe(self, connector: Connector) -> None:
        now = self.time.elapsed()
        claim, reservation = connector.claim, connector.reservation
        if claim is not None and claim.expires <= now:
            connector.claim = None  # nobody came within ConnectionTimeOut
        if reservation is not None and reservation.expires <= self.clock.now():
            connector.reservation = None
        after = status_of(connector, now)
        for status in steps(self._shown[connector.number], after):
            self._shown[connector.number] = status
            self.notify(self.status_notification(connector.number))

    def status(self, connector: Connector) -> str:
        return self._shown[connector.number]

    def status_notification(self, number: int) -> v16.StatusNotification:
        """The status as it stands; number 0 is the charger as a whole (§4.9)."""
        connector = self.connectors[number - 1] if number else None
        fault = connector.fault if connector else None
        out_of_service = not any(c.operative for c in self.connectors)
        status: Status = "Unavailable" if out_of_service else "Available"
        return v16.StatusNotification(
            connector_id=number,
            error_code=fault or "NoError",  # type: ignore[arg-type]  # faults come from the table in `trouble`
            status=self._shown[number] if number else status,
            timestamp=self.clock.now(),
        )

    # Authorization.

    async def authorize(self, id_tag: str) -> Permit:
        info = await self._information(id_tag)
        return Permit(info.status, info.parent_id_tag or None)

    async def _information(self, id_tag: str) -> v16.IdTagInfo:
        """Ask list, cache and server, in the order that the configuration gives (§3.5)."""
        known = self.knowledge.known(id_tag, self.clock.now())
        if known and known.status == "Accepted" and self.configuration.flag("LocalPreAuthorize"):
            return known
        if self.online:
            try:
                answer = await self.call(v16.Authorize(id_tag=id_tag))
            except (LinkLost, NoAnswer, Rejected):
                return self._offline(known)
            info: v16.IdTagInfo = answer.id_tag_info
            self.knowledge.learn(id_tag, info)
            return info
        return self._offline(known)

    def _offline(self, known: v16.IdTagInfo | None) -> v16.IdTagInfo:
        """§3.5.1, §3.5.4"""
        if known is not None and self.configuration.flag("LocalAuthorizeOffline"):
            return known
        unknown_may = known is None and self.configuration.flag("AllowOfflineTxForUnknownId")
        return v16.IdTagInfo(status="Accepted" if unknown_may else "Invalid")

    def admit(
        self, connector: Connector, id_tag: str, parent: str | None, profile: Profile | None = None
    ) -> bool:
        reserved = connector.reservation
        if not connector.usable or not self.powered or (reserved and not reserved.admits(id_tag, parent)):
            return False
        expires = self.time.elapsed() + self.configuration.number("ConnectionTimeOut")
        connector.claim = Claim(id_tag, parent, expires, profile)
        self.observe(connector)
        if connector.plugged and connector.claim is not None:  # over already if that time is 0
            self.transactions.start(connector, connector.claim)
        return True

    def plugged_in(self, connector: Connector) -> None:
        self.observe(connector)  # a claim whose time is over ends here
        if connector.claim is not None and connector.usable:
            self.transactions.start(connector, connector.claim)

    def stop(self, connector: Connector, reason: str, id_tag: str | None = None) -> None:
        self.transactions.stop(connector, reason, id_tag)

    # Calls from the server.

    def serve(self, action: str, payload: bytes) -> Answer | Refusal:
        return commands.answer(self, action, payload)
