"""A simulated charger that speaks OCPP 1.6: boot, authorization, transactions, statuses. Commands are in
`commands`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar, Final

import trio

from engine.ocpp.messages import v16
from engine.ocpp.step import Message
from engine.simulator.charger import Charger, World
from engine.simulator.connector import Claim, Connector
from engine.simulator.ledger import Entry, Sample
from engine.simulator.limits import Profile
from engine.simulator.link import Address, Answer, LinkLost, NoAnswer, Refusal, Rejected
from engine.simulator.outbox import Pending
from engine.simulator.physics import Hardware, Reading
from engine.simulator.v16 import commands
from engine.simulator.v16.authorization import Knowledge
from engine.simulator.v16.certificates import Store
from engine.simulator.v16.configuration import Configuration
from engine.simulator.v16.sampling import ENERGY, Context, meter_value
from engine.simulator.v16.status import Status, status_of, steps

FALLBACK_RETRY: Final = 60.0  # boot again after so long if the server names no interval, seconds (§4.2)
NOTICES: Final = 64  # messages outside transactions that may wait; the oldest is dropped
NO_TRANSACTION: Final = -1  # for a transaction whose start was never answered
FIRMWARE: Final = "1.4.2"


class Charger16(Charger):
    """State beyond the versionless: what the server configured, and what it has been told."""

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
        self.certificates = Store(self.dice("keys"))
        self.accepted = False
        self._admitted = trio.Event()
        self.firmware = FIRMWARE
        self.activities: dict[str, str] = {}  # last status of "firmware", "diagnostics", "log"
        self._shown: dict[int, Status] = {c.number: "Available" for c in self.connectors}
        self._notices: deque[Message] = deque(maxlen=NOTICES)
        self._noticed = trio.Event()
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
        self._notices.clear()
        if booted or self._boots_always:
            await self._boot()
        if booted:
            self.notify(v16.SecurityEventNotification(type="StartupOfTheDevice", timestamp=self.clock.now()))
            self.profiles.clear(purpose="transaction")
        self.needs_boot = False
        self.notify(self.status_notification(0))
        for connector in self.connectors:
            self._shown[connector.number] = status_of(connector, self.time.elapsed())
            self.notify(self.status_notification(connector.number))

    async def _boot(self) -> None:
        self.accepted = False
        self._admitted = trio.Event()
        while not self.accepted:
            try:
                answer = await self.call(self.boot_notification())
            except (NoAnswer, Rejected):
                await self.time.sleep(FALLBACK_RETRY)
                continue
            self.take_boot_answer(answer)
            if not self.accepted:
                with self.time.limit(answer.interval or FALLBACK_RETRY):
                    await self._admitted.wait()  # for a boot that the server triggered

    def boot_notification(self) -> v16.BootNotification:
        return v16.BootNotification(
            charge_point_vendor=self.hardware.vendor,
            charge_point_model=self.hardware.model,
            charge_point_serial_number=self.identity[-25:],
            firmware_version=self.firmware,
            meter_type="SIM-1",
            meter_serial_number=f"M-{self.identity}"[-25:],
        )

    def take_boot_answer(self, answer: v16.BootNotificationResponse) -> None:
        """OCPP 1.6 §4.2"""
        self.accepted = answer.status == "Accepted"
        if self.accepted:
            self._admitted.set()
            self.clock.set(answer.current_time)
            if answer.interval > 0:
                self.configuration.change("HeartbeatInterval", str(answer.interval))

    async def attend(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._heartbeats)
            nursery.start_soon(self._aligned_samples)
            while True:
                while self._notices:
                    await self._tell(self._notices.popleft())
                self._noticed = trio.Event()
                await self._noticed.wait()

    async def _heartbeats(self) -> None:
        while True:
            await self.time.sleep(max(1, self.configuration.number("HeartbeatInterval")))
            await self.heartbeat()

    async def heartbeat(self) -> None:
        """OCPP 1.6 §4.6"""
        with suppress(NoAnswer, Rejected):  # counted where it happened; the next one comes anyway
            answer = await self.call(v16.Heartbeat())
            self.clock.set(answer.current_time)

    def notify(self, message: Message) -> None:
        """Send a message that belongs to no transaction: in order, once, only if there is a connection."""
        if self.connected:
            self._notices.append(message)
            self._noticed.set()

    async def _tell(self, message: Message) -> None:
        with suppress(NoAnswer, Rejected):  # counted where it happened; such a message is not repeated (§3.7)
            await self.call(message)

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

    async def authorize(self, id_tag: str) -> v16.IdTagInfo:
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

    async def present(self, connector: Connector, id_tag: str) -> bool:
        entry = connector.entry
        if not self.powered:
            return False
        if entry is not None and id_tag == entry.id_tag:
            self.stop(connector, "Local", id_tag)
            return True
        info = await self.authorize(id_tag)
        parent = info.parent_id_tag or None
        if connector.entry is not entry or info.status != "Accepted":
            return False
        if entry is not None:
            if parent is None or parent != connector.parent:
                return False
            self.stop(connector, "Local", id_tag)
            return True
        return self.admit(connector, id_tag, parent)

    def admit(
        self, connector: Connector, id_tag: str, parent: str | None, profile: Profile | None = None
    ) -> bool:
        """An identified driver: start at once if the cable is in, else wait for it."""
        reserved = connector.reservation
        if not connector.usable or not self.powered or (reserved and not reserved.admits(id_tag, parent)):
            return False
        expires = self.time.elapsed() + self.configuration.number("ConnectionTimeOut")
        connector.claim = Claim(id_tag, parent, expires, profile)
        self.observe(connector)
        if connector.plugged and connector.claim is not None:  # over already if that time is 0
            self._start(connector, connector.claim)
        return True

    def plugged_in(self, connector: Connector) -> None:
        self.observe(connector)  # a claim whose time is over ends here
        if connector.claim is not None and connector.usable:
            self._start(connector, connector.claim)

    def unplugging(self, connector: Connector) -> None:
        if connector.entry is not None:
            self.stop(connector, "EVDisconnected")

    # Transactions.

    def _start(self, connector: Connector, claim: Claim) -> None:
        now = self.time.elapsed()
        connector.outlet.advance(now)
        entry = Entry(
            identity=self.identity,
            connector=connector.number,
            id_tag=claim.id_tag,
            started=self.clock.now(),
            meter_start=connector.outlet.meter.register,
            samples=[],
        )
        reservation, connector.reservation = connector.reservation, None
        self.ledger.append(entry)
        connector.begin(entry, claim.parent)
        if claim.profile is not None:
            self.profiles.install(connector.number, claim.profile)
        request = v16.StartTransaction(
            connector_id=connector.number,
            id_tag=entry.id_tag,
            meter_start=entry.meter_start,
            timestamp=entry.started,
            **({"reservation_id": reservation.id} if reservation else {}),
        )
        self.outbox.put(
            Pending(
                kind="start",
                entry=entry,
                build=lambda: request,
                acknowledge=lambda answers: self._started(connector, entry, answers),
            )
        )
        self.observe(connector)
        self.spawn(lambda: self._periodic_samples(connector, entry))

    def _started(
        self, connector: Connector, entry: Entry, answers: list[v16.StartTransactionResponse]
    ) -> None:
        """§4.8"""
        ids = {answer.transaction_id for answer in answers}
        last = answers[-1]
        if len(ids) > 1:
            self.complain("start-counted-twice", f"one start, transactions {sorted(ids)}", "")
        accepted = last.id_tag_info.status == "Accepted"
        if accepted and any(
            other.transaction_id == last.transaction_id for other in self.ledger if other is not entry
        ):
            self.complain("transaction-id-used-twice", str(last.transaction_id), "")
        entry.transaction_id = last.transaction_id
        entry.start_acknowledged = True
        self.knowledge.learn(entry.id_tag, last.id_tag_info)
        connector.parent = last.id_tag_info.parent_id_tag or connector.parent
        if not accepted and connector.entry is entry:
            if self.configuration.flag("StopTransactionOnInvalidId"):
                self.stop(connector, "DeAuthorized")
            else:
                connector.outlet.advance(self.time.elapsed())
                connector.outlet.closed = False
                self.observe(connector)

    def stop(self, connector: Connector, reason: str, id_tag: str | None = None) -> None:
        """End the transaction on a connector; nothing happens if there is none. §4.10"""
        entry = connector.entry
        if entry is None:
            return
        connector.outlet.advance(self.time.elapsed())
        stopped, meter_stop = self.clock.now(), connector.outlet.meter.register
        entry.stopped, entry.meter_stop, entry.reason = stopped, meter_stop, reason
        carried = self._closing_data(connector, entry, stopped)
        more: dict[str, Any] = {"id_tag": id_tag} if id_tag else {}
        if reason != "Local":  # Local is what an absent reason means
            more["reason"] = reason
        if carried:
            more["transaction_data"] = [value for value, _ in carried]

        def build() -> v16.StopTransaction:
            id_ = entry.transaction_id if isinstance(entry.transaction_id, int) else NO_TRANSACTION
            return v16.StopTransaction(meter_stop=meter_stop, timestamp=stopped, transaction_id=id_, **more)

        def acknowledge(answers: list[v16.StopTransactionResponse]) -> None:
            entry.stop_acknowledged = True
            for _, sample in carried:
                sample.acknowledged = True
            if id_tag is not None and answers[-1].id_tag_info:
                self.knowledge.learn(id_tag, answers[-1].id_tag_info)

        connector.end()
        self.profiles.clear(connector=connector.number, purpose="transaction")
        self.outbox.put(Pending(kind="stop", entry=entry, build=build, acknowledge=acknowledge))
        self.observe(connector)

    def _closing_data(
        self, connector: Connector, entry: Entry, stopped: datetime
    ) -> list[tuple[v16.MeterValue, Sample]]:
        """The begin and end readings that go with the stop, if the configuration asks for them."""
        measurands = self.configuration.names("StopTxnSampledData")
        if not measurands:
            return []
        end = connector.outlet.read(self.time.elapsed())
        begin = end._replace(energy_wh=entry.meter_start)
        readings: list[tuple[Reading, list[str], datetime, Context]] = [
            (begin, [ENERGY], entry.started, "Transaction.Begin"),
            (end, measurands, stopped, "Transaction.End"),
        ]
        carried = []
        for reading, names, at, context in readings:
            sample = Sample(timestamp=at, context=context, energy_wh=reading.energy_wh)
            entry.samples.append(sample)
            carried.append((meter_value(self.hardware, reading, names, at, context), sample))
        return carried

    # Meter values.

    async def _periodic_samples(self, connector: Connector, entry: Entry) -> None:
        while True:
            interval = self.configuration.number("MeterValueSampleInterval")
            await self.time.sleep(interval or 60)
            if connector.entry is not entry:
                return
            if interval and self.powered:
                self.sample(connector, "Sample.Periodic", "MeterValuesSampledData")

    async def _aligned_samples(self) -> None:
        """At full multiples of ClockAlignedDataInterval since midnight, while connected."""
        while True:
            interval = self.configuration.number("ClockAlignedDataInterval")
            if not interval:
                await self.time.sleep(60)
                continue
            now = self.clock.now()
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
            since = (now - midnight).total_seconds()
            await self.time.sleep(interval - since % interval)
            for connector in self.connectors:
                self.sample(connector, "Sample.Clock", "MeterValuesAlignedData")

    def sample(self, connector: Connector, context: Context, measurands_key: str) -> None:
        """Read the meter now. In a transaction the reading is queued, outside of one it is sent once. §4.7"""
        connector.outlet.advance(self.time.elapsed())
        reading = connector.outlet.read(self.time.elapsed())
        at = self.clock.now()
        value = meter_value(self.hardware, reading, self.configuration.names(measurands_key), at, context)
        entry = connector.entry
        if entry is None:
            self.notify(v16.MeterValues(connector_id=connector.number, meter_value=[value]))
            return
        taken = Sample(timestamp=at, context=context, energy_wh=reading.energy_wh)
        entry.samples.append(taken)

        def build() -> v16.MeterValues:
            id_ = entry.transaction_id if isinstance(entry.transaction_id, int) else NO_TRANSACTION
            return v16.MeterValues(connector_id=connector.number, transaction_id=id_, meter_value=[value])

        def acknowledge(_answers: list[Any]) -> None:
            taken.acknowledged = True

        self.outbox.put(Pending(kind="sample", entry=entry, build=build, acknowledge=acknowledge))

    # Calls from the server.

    def serve(self, action: str, payload: bytes) -> Answer | Refusal:
        return commands.answer(self, action, payload)
