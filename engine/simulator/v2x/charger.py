"""A simulated charger that speaks OCPP 2.0.1 or 2.1: boot, authorization, transactions, statuses. Commands
are in `commands`.

Payloads are written as plain documents and made into the version's types when they are sent, so that a fault
against the schema is found at once. Connector n of the charger is connector 1 of EVSE n.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from types import ModuleType
from typing import Any, ClassVar, Final, Literal

import msgspec
import trio

from engine.ocpp.messages import decode_hook, v21, v201
from engine.ocpp.step import Message
from engine.simulator.charger import Charger, World
from engine.simulator.connector import Claim, Connector
from engine.simulator.ledger import Entry, Sample
from engine.simulator.limits import Profile
from engine.simulator.link import Address, Answer, LinkLost, NoAnswer, Refusal, Rejected
from engine.simulator.outbox import Pending
from engine.simulator.physics import Hardware
from engine.simulator.v2x import commands
from engine.simulator.v2x.sampling import CHARGING_STATES, ENERGY, meter_value
from engine.simulator.v2x.variables import DeviceModel
from engine.simulator.v16.certificates import Store

FALLBACK_RETRY: Final = 60.0  # boot again after so long if the server names no interval, seconds (B01)
NOTICES: Final = 64  # messages outside transactions that may wait; the oldest is dropped
CACHE_SIZE: Final = 500  # tokens; the one unused for longest goes first
FIRMWARE: Final = "3.0.1"
ID_TYPE: Final = "ISO14443"
QUEUED: Final[Mapping[str, Literal["start", "sample", "stop"]]] = {
    "Started": "start",
    "Updated": "sample",
    "Ended": "stop",
}
# How a transaction ends, in the words of the versionless charger → stoppedReason, triggerReason (E06).
ENDINGS: Final[Mapping[str, tuple[str, str]]] = {
    "Local": ("Local", "StopAuthorized"),
    "Remote": ("Remote", "RemoteStop"),
    "EVDisconnected": ("EVDisconnected", "EVCommunicationLost"),
    "PowerLoss": ("PowerLoss", "AbnormalCondition"),
    "DeAuthorized": ("DeAuthorized", "Deauthorized"),
    "UnlockCommand": ("Other", "UnlockCommand"),
    "HardReset": ("ImmediateReset", "ResetCommand"),
    "SoftReset": ("ImmediateReset", "ResetCommand"),
    "Reboot": ("Reboot", "AbnormalCondition"),
    "Other": ("Other", "AbnormalCondition"),
}


class Running:
    """What a station keeps of a transaction beside its ledger entry."""

    def __init__(self) -> None:
        self.seq_no = 0
        self.state = ""


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
        self.certificates = Store(self.dice("keys"))
        self.accepted = False
        self.firmware = FIRMWARE
        self.list_version = 0
        self.activities: dict[str, str] = {}  # last status of "firmware", "log"
        self.remote_starts: dict[int, int] = {}  # connector → remoteStartId of who was invited
        self._cache: dict[str, Mapping[str, Any]] = {}  # token → idTokenInfo
        self._running: dict[str, Running] = {}  # transaction → its state
        self._transactions = self.dice("transaction-id")
        self._shown: dict[int, str] = {c.number: "Available" for c in self.connectors}
        self._notices: deque[Message] = deque(maxlen=NOTICES)
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
        while not self.accepted:
            try:
                answer = await self.boot()
            except (NoAnswer, Rejected):
                await self.time.sleep(FALLBACK_RETRY)
                continue
            if not self.accepted:
                await self.time.sleep(answer.interval or FALLBACK_RETRY)

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
            self.clock.set(answer.current_time)
            if answer.interval > 0:
                self.variables.put("OCPPCommCtrlr", "HeartbeatInterval", str(answer.interval))
        return answer

    async def attend(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._heartbeats)
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
            self.remote_starts.pop(connector.number, None)
        if reservation is not None and reservation.expires <= self.clock.now():
            connector.reservation = None
            self.notify(
                "ReservationStatusUpdate", reservationId=reservation.id, reservationUpdateStatus="Expired"
            )
        status = self._status_of(connector)
        if status != self._shown[connector.number]:
            self._shown[connector.number] = status
            self.tell_status(connector)
        entry = connector.entry
        if entry is not None and self._state_of(connector) != self._run(entry).state:
            self._event(connector, entry, "Updated", "ChargingStateChanged")

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

    async def authorize(self, id_tag: str) -> Mapping[str, Any]:
        """Ask the server, or the cache where there is no connection (C01, C10, C15)."""
        known = self._cache.get(id_tag) if self.variables.flag("AuthCacheCtrlr", "Enabled") else None
        accepted = known is not None and known["status"] == "Accepted"
        if known and accepted and self.variables.flag("AuthCtrlr", "LocalPreAuthorize"):
            return known
        if self.online:
            with suppress(LinkLost, NoAnswer, Rejected):
                answer = await self.call(self.say("Authorize", idToken=token(id_tag)))
                return self.learn(id_tag, answer.id_token_info)
        if known is not None and self.variables.flag("AuthCtrlr", "LocalAuthorizeOffline"):
            return known
        unknown_may = known is None and self.variables.flag("AuthCtrlr", "OfflineTxForUnknownIdEnabled")
        return {"status": "Accepted" if unknown_may else "Invalid"}

    def learn(self, id_tag: str, info: Any) -> Mapping[str, Any]:
        """The server has said something about a token."""
        group = info.group_id_token.id_token if info.group_id_token else None
        told = {"status": info.status, "group": group}
        self._cache.pop(id_tag, None)
        self._cache[id_tag] = told
        if len(self._cache) > CACHE_SIZE:
            del self._cache[next(iter(self._cache))]
        return told

    def forget(self) -> None:
        """C11"""
        self._cache.clear()

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
            self._start(connector, connector.claim)
        return True

    def plugged_in(self, connector: Connector) -> None:
        if connector.claim is not None and connector.usable:
            self._start(connector, connector.claim)

    def unplugging(self, connector: Connector) -> None:
        if connector.entry is not None:
            self.stop(connector, "EVDisconnected")

    # Transactions.

    def _run(self, entry: Entry) -> Running:
        return self._running[str(entry.transaction_id)]

    def _state_of(self, connector: Connector) -> str:
        return CHARGING_STATES[connector.outlet.flow(self.time.elapsed())]

    def _start(self, connector: Connector, claim: Claim) -> None:
        """E01, E02"""
        connector.outlet.advance(self.time.elapsed())
        entry = Entry(
            identity=self.identity,
            connector=connector.number,
            id_tag=claim.id_tag,
            started=self.clock.now(),
            meter_start=connector.outlet.meter.register,
            transaction_id=f"{self._transactions.getrandbits(128):032x}",
            samples=[],
        )
        self._running[str(entry.transaction_id)] = Running()
        reservation, connector.reservation = connector.reservation, None
        self.ledger.append(entry)
        connector.begin(entry, claim.parent)
        if claim.profile is not None:
            self.profiles.install(connector.number, claim.profile)
        remote = self.remote_starts.pop(connector.number, None)
        more: dict[str, Any] = {"idToken": token(claim.id_tag)}
        if reservation is not None:
            more["reservationId"] = reservation.id
        self._event(
            connector,
            entry,
            "Started",
            "Authorized" if remote is None else "RemoteStart",
            sample=("Transaction.Begin", [ENERGY]),
            info={} if remote is None else {"remoteStartId": remote},
            acknowledge=lambda answers: self._started(connector, entry, answers),
            **more,
        )
        self.observe(connector)
        self.spawn(lambda: self._periodic_samples(connector, entry))

    def _started(self, connector: Connector, entry: Entry, answers: list[Any]) -> None:
        """E05, C12: a token that is refused now ends what it began."""
        entry.start_acknowledged = True
        info = answers[-1].id_token_info
        if not info:
            self.complain("token-not-answered", f"Started of {entry.transaction_id} had a token", "")
            return
        told = self.learn(entry.id_tag, info)
        if connector.entry is entry:
            connector.parent = told["group"] or connector.parent
            if told["status"] != "Accepted" and self.variables.flag("TxCtrlr", "StopTxOnInvalidId"):
                self.stop(connector, "DeAuthorized")

    def stop(self, connector: Connector, reason: str, id_tag: str | None = None) -> None:
        """End the transaction on a connector; nothing happens if there is none. E06, E07"""
        entry = connector.entry
        if entry is None:
            return
        connector.outlet.advance(self.time.elapsed())
        entry.stopped, entry.meter_stop = self.clock.now(), connector.outlet.meter.register
        entry.reason = reason
        stopped, trigger = ENDINGS[reason]

        def acknowledge(answers: list[Any]) -> None:
            entry.stop_acknowledged = True
            if id_tag is not None and answers[-1].id_token_info:
                self.learn(id_tag, answers[-1].id_token_info)

        self._event(
            connector,
            entry,
            "Ended",
            trigger,
            sample=("Transaction.End", self.variables.names("SampledDataCtrlr", "TxUpdatedMeasurands")),
            info={"stoppedReason": stopped},
            acknowledge=acknowledge,
            **({"idToken": token(id_tag)} if id_tag is not None else {}),
        )
        connector.end()
        self.profiles.clear(connector=connector.number, purpose="transaction")
        self.observe(connector)

    def _event(
        self,
        connector: Connector,
        entry: Entry,
        kind: str,
        trigger: str,
        *,
        sample: tuple[str, list[str]] | None = None,
        info: Mapping[str, Any] | None = None,
        acknowledge: Callable[[list[Any]], None] | None = None,
        **more: Any,
    ) -> None:
        """Queue one event; what it says is fixed now, whenever it is delivered."""
        run = self._run(entry)
        at: datetime = entry.stopped if kind == "Ended" and entry.stopped else self.clock.now()
        run.state = "Idle" if kind == "Ended" else self._state_of(connector)
        taken: list[Sample] = []
        if sample is not None:
            context, names = sample
            reading = connector.outlet.read(self.time.elapsed())
            more["meterValue"] = [meter_value(self.hardware, reading, names, at, context)]
            taken.append(Sample(timestamp=at, context=context, energy_wh=reading.energy_wh))
            entry.samples += taken
        message = self.say(
            "TransactionEvent",
            eventType=kind,
            timestamp=at,
            triggerReason=trigger,
            seqNo=run.seq_no,
            offline=not self.online,
            evse={"id": connector.number, "connectorId": 1},
            transactionInfo={
                "transactionId": entry.transaction_id,
                "chargingState": run.state,
                **(info or {}),
            },
            **more,
        )
        run.seq_no += 1

        def acknowledged(answers: list[Any]) -> None:
            for one in taken:
                one.acknowledged = True
            if acknowledge is not None:
                acknowledge(answers)

        # What may be dropped when memory is short are updates, every second one (E04.FR.07).
        self.outbox.put(
            Pending(kind=QUEUED[kind], entry=entry, build=lambda: message, acknowledge=acknowledged)
        )

    async def _periodic_samples(self, connector: Connector, entry: Entry) -> None:
        while True:
            interval = self.variables.number("SampledDataCtrlr", "TxUpdatedInterval")
            await self.time.sleep(interval or 60)
            if connector.entry is not entry:
                return
            if interval and self.powered:
                self.sample(connector, "Sample.Periodic", "MeterValuePeriodic")

    def sample(self, connector: Connector, context: str, trigger: str) -> None:
        """Read the meter now. In a transaction it is queued, outside of one it is sent once (J01, J02)."""
        connector.outlet.advance(self.time.elapsed())
        names = self.variables.names("SampledDataCtrlr", "TxUpdatedMeasurands")
        if connector.entry is not None:
            self._event(connector, connector.entry, "Updated", trigger, sample=(context, names))
            return
        reading = connector.outlet.read(self.time.elapsed())
        value = meter_value(self.hardware, reading, names, self.clock.now(), context)
        self.notify("MeterValues", evseId=connector.number, meterValue=[value])

    def tell_transactions(self, number: int) -> None:
        """F06: what a triggered TransactionEvent says."""
        for connector in self.connectors:
            if connector.entry is not None and number in (0, connector.number):
                self.sample(connector, "Trigger", "Trigger")

    def waiting(self, transaction_id: str | None) -> bool:
        """E14: whether messages of this transaction, or any, still wait."""
        return any(transaction_id in (None, entry.transaction_id) for entry in self.outbox.entries())

    # Calls from the server.

    def serve(self, action: str, payload: bytes) -> Answer | Refusal:
        return commands.answer(self, action, payload)


def token(id_tag: str) -> dict[str, str]:
    return {"idToken": id_tag, "type": ID_TYPE}


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
