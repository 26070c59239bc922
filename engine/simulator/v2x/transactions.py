"""The transactions of a 2.x station: their events, numbered and queued, and the samples in them (E, J).

What an event says is fixed when it happens, whenever it is delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from engine.simulator.connector import Claim, Connector
from engine.simulator.ledger import Entry, Sample
from engine.simulator.outbox import Pending
from engine.simulator.v2x.authorization import token
from engine.simulator.v2x.sampling import CHARGING_STATES, ENERGY, meter_value

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x

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


class RemoteStart(NamedTuple):
    """What a start from afar has to be told with (F01)."""

    number: int
    token_type: str


class Running:
    """What a station keeps of a transaction beside its ledger entry."""

    def __init__(self) -> None:
        self.seq_no = 0
        self.state = ""


class Transactions:
    """All transactions of one station that still run or wait to be told."""

    def __init__(self, charger: Charger2x) -> None:
        self._charger = charger
        self._running: dict[str, Running] = {}  # transaction → its state
        self._ids = charger.dice("transaction-id")
        self.remote_starts: dict[int, RemoteStart] = {}  # connector → who was invited

    def start(self, connector: Connector, claim: Claim) -> None:
        """E01, E02"""
        charger = self._charger
        connector.outlet.advance(charger.time.elapsed())
        entry = Entry(
            identity=charger.identity,
            connector=connector.number,
            id_tag=claim.id_tag,
            started=charger.clock.now(),
            meter_start=connector.outlet.meter.register,
            transaction_id=f"{self._ids.getrandbits(128):032x}",
            samples=[],
        )
        self._running[str(entry.transaction_id)] = Running()
        reservation, connector.reservation = connector.reservation, None
        charger.ledger.append(entry)
        connector.begin(entry, claim.parent)
        if claim.profile is not None:
            charger.profiles.install(connector.number, claim.profile)
        remote = self.remote_starts.pop(connector.number, None)
        id_token = token(claim.id_tag) if remote is None else token(claim.id_tag, remote.token_type)
        more: dict[str, Any] = {"idToken": id_token}
        if reservation is not None:
            more["reservationId"] = reservation.id
        self._event(
            connector,
            entry,
            "Started",
            "Authorized" if remote is None else "RemoteStart",
            sample=("Transaction.Begin", [ENERGY]),
            info={} if remote is None else {"remoteStartId": remote.number},
            acknowledge=lambda answers: self._started(connector, entry, answers),
            **more,
        )
        charger.observe(connector)
        charger.spawn(lambda: self._periodic_samples(connector, entry))

    def _started(self, connector: Connector, entry: Entry, answers: list[Any]) -> None:
        """E05, C12: a token that is refused now ends what it began."""
        charger = self._charger
        entry.start_acknowledged = True
        info = answers[-1].id_token_info
        if not info:
            charger.complain("token-not-answered", f"Started of {entry.transaction_id} had a token", "")
            return
        permit = charger.knowledge.learn(entry.id_tag, info)
        if connector.entry is entry:
            connector.parent = permit.group or connector.parent
            if permit.status != "Accepted" and charger.variables.flag("TxCtrlr", "StopTxOnInvalidId"):
                self.stop(connector, "DeAuthorized")

    def stop(self, connector: Connector, reason: str, id_tag: str | None = None) -> None:
        """End the transaction on a connector; nothing happens if there is none. E06, E07"""
        charger, entry = self._charger, connector.entry
        if entry is None:
            return
        connector.outlet.advance(charger.time.elapsed())
        entry.stopped, entry.meter_stop = charger.clock.now(), connector.outlet.meter.register
        entry.reason = reason
        stopped, trigger = ENDINGS[reason]

        def acknowledge(answers: list[Any]) -> None:
            entry.stop_acknowledged = True
            if id_tag is not None and answers[-1].id_token_info:
                charger.knowledge.learn(id_tag, answers[-1].id_token_info)

        self._event(
            connector,
            entry,
            "Ended",
            trigger,
            sample=("Transaction.End", charger.variables.names("SampledDataCtrlr", "TxUpdatedMeasurands")),
            info={"stoppedReason": stopped},
            acknowledge=acknowledge,
            **({"idToken": token(id_tag)} if id_tag is not None else {}),
        )
        del self._running[str(entry.transaction_id)]
        connector.end()
        charger.profiles.clear(connector=connector.number, purpose="transaction")
        charger.observe(connector)

    def observe(self, connector: Connector) -> None:
        """Tell a charging state that has changed."""
        entry = connector.entry
        if entry is not None and self._state_of(connector) != self._run(entry).state:
            self._event(connector, entry, "Updated", "ChargingStateChanged")

    def sample(self, connector: Connector, context: str, trigger: str) -> None:
        """Read the meter now. In a transaction it is queued, outside of one it is sent once (J01, J02)."""
        charger = self._charger
        connector.outlet.advance(charger.time.elapsed())
        names = charger.variables.names("SampledDataCtrlr", "TxUpdatedMeasurands")
        if connector.entry is not None:
            self._event(connector, connector.entry, "Updated", trigger, sample=(context, names))
            return
        reading = connector.outlet.read(charger.time.elapsed())
        value = meter_value(charger.hardware, reading, names, charger.clock.now(), context)
        charger.notify("MeterValues", evseId=connector.number, meterValue=[value])

    def waiting(self, transaction_id: str | None) -> bool:
        """E14: whether messages of this transaction, or any, still wait."""
        waiting = self._charger.outbox.entries()
        return any(transaction_id in (None, entry.transaction_id) for entry in waiting)

    async def _periodic_samples(self, connector: Connector, entry: Entry) -> None:
        charger = self._charger
        while True:
            interval = charger.variables.number("SampledDataCtrlr", "TxUpdatedInterval")
            await charger.time.sleep(interval or 60)
            if connector.entry is not entry:
                return
            if interval and charger.powered:
                self.sample(connector, "Sample.Periodic", "MeterValuePeriodic")

    def _run(self, entry: Entry) -> Running:
        return self._running[str(entry.transaction_id)]

    def _state_of(self, connector: Connector) -> str:
        return CHARGING_STATES[connector.outlet.flow(self._charger.time.elapsed())]

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
        """Queue one event."""
        charger, run = self._charger, self._run(entry)
        at: datetime = entry.stopped if kind == "Ended" and entry.stopped else charger.clock.now()
        run.state = "Idle" if kind == "Ended" else self._state_of(connector)
        taken: list[Sample] = []
        if sample is not None:
            value, one = self._reading(connector, sample, at)
            more["meterValue"] = [value]
            taken.append(one)
            entry.samples.append(one)
        state = {"transactionId": entry.transaction_id, "chargingState": run.state}
        message = charger.say(
            "TransactionEvent",
            eventType=kind,
            timestamp=at,
            triggerReason=trigger,
            seqNo=run.seq_no,
            offline=not charger.online,
            evse={"id": connector.number, "connectorId": 1},
            transactionInfo={**state, **(info or {})},
            **more,
        )
        run.seq_no += 1

        def acknowledged(answers: list[Any]) -> None:
            for one in taken:
                one.acknowledged = True
            if acknowledge is not None:
                acknowledge(answers)

        # What may be dropped when memory is short are updates, every second one (E04.FR.07).
        pending = Pending(kind=QUEUED[kind], entry=entry, build=lambda: message, acknowledge=acknowledged)
        charger.outbox.put(pending)

    def _reading(
        self, connector: Connector, sample: tuple[str, list[str]], at: datetime
    ) -> tuple[dict[str, Any], Sample]:
        """The meter now, as a meter value and as the ledger keeps it."""
        context, names = sample
        reading = connector.outlet.read(self._charger.time.elapsed())
        value = meter_value(self._charger.hardware, reading, names, at, context)
        return value, Sample(timestamp=at, context=context, energy_wh=reading.energy_wh)
