"""The transactions of an OCPP 1.6 charger: how they start and stop, and what the server's answers change.

What a message says is fixed when it happens, whenever it is delivered; only the transaction's id comes later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.ocpp.messages import v16
from engine.simulator.connector import Claim, Connector
from engine.simulator.ledger import Entry
from engine.simulator.outbox import Pending

if TYPE_CHECKING:
    from engine.simulator.v16.charger import Charger16

NO_TRANSACTION: Final = -1  # for a transaction whose start was never answered


class Transactions:
    """Starts and stops the transactions of one charger."""

    def __init__(self, charger: Charger16) -> None:
        self._charger = charger

    def start(self, connector: Connector, claim: Claim) -> None:
        """OCPP 1.6 §4.8"""
        charger = self._charger
        connector.outlet.advance(charger.time.elapsed())
        entry = Entry(
            identity=charger.identity,
            connector=connector.number,
            id_tag=claim.id_tag,
            started=charger.clock.now(),
            meter_start=connector.outlet.meter.register,
            samples=[],
        )
        reservation, connector.reservation = connector.reservation, None
        charger.ledger.append(entry)
        connector.begin(entry, claim.parent)
        if claim.profile is not None:
            charger.profiles.install(connector.number, claim.profile)
        request = v16.StartTransaction(
            connector_id=connector.number,
            id_tag=entry.id_tag,
            meter_start=entry.meter_start,
            timestamp=entry.started,
            **({"reservation_id": reservation.id} if reservation else {}),
        )
        charger.outbox.put(
            Pending(
                kind="start",
                entry=entry,
                build=lambda: request,
                acknowledge=lambda answers: self._started(connector, entry, answers),
            )
        )
        charger.observe(connector)
        charger.spawn(lambda: charger.readings.periodic(connector, entry))

    def _started(
        self, connector: Connector, entry: Entry, answers: list[v16.StartTransactionResponse]
    ) -> None:
        """§4.8"""
        charger, last = self._charger, answers[-1]
        accepted = last.id_tag_info.status == "Accepted"
        self._check_ids(entry, answers, accepted)
        entry.transaction_id = last.transaction_id
        entry.start_acknowledged = True
        charger.knowledge.learn(entry.id_tag, last.id_tag_info)
        connector.parent = last.id_tag_info.parent_id_tag or connector.parent
        if not accepted and connector.entry is entry:
            if charger.configuration.flag("StopTransactionOnInvalidId"):
                self.stop(connector, "DeAuthorized")
            else:
                connector.outlet.advance(charger.time.elapsed())
                connector.outlet.closed = False
                charger.observe(connector)

    def _check_ids(self, entry: Entry, answers: list[v16.StartTransactionResponse], accepted: bool) -> None:
        """One start is one transaction, and no other start has its id."""
        ids, last = {answer.transaction_id for answer in answers}, answers[-1].transaction_id
        if len(ids) > 1:
            self._charger.complain("start-counted-twice", f"one start, transactions {sorted(ids)}", "")
        others = (other.transaction_id for other in self._charger.ledger if other is not entry)
        if accepted and last in others:
            self._charger.complain("transaction-id-used-twice", str(last), "")

    def stop(self, connector: Connector, reason: str, id_tag: str | None = None) -> None:
        """End the transaction on a connector; nothing happens if there is none. §4.10"""
        charger, entry = self._charger, connector.entry
        if entry is None:
            return
        connector.outlet.advance(charger.time.elapsed())
        stopped, meter_stop = charger.clock.now(), connector.outlet.meter.register
        entry.stopped, entry.meter_stop, entry.reason = stopped, meter_stop, reason
        carried = charger.readings.closing(connector, entry, stopped)
        more: dict[str, Any] = {"id_tag": id_tag} if id_tag else {}
        if reason != "Local":  # Local is what an absent reason means
            more["reason"] = reason
        if carried:
            more["transaction_data"] = [value for value, _ in carried]

        def build() -> v16.StopTransaction:
            return v16.StopTransaction(
                meter_stop=meter_stop, timestamp=stopped, transaction_id=transaction_id(entry), **more
            )

        def acknowledge(answers: list[v16.StopTransactionResponse]) -> None:
            entry.stop_acknowledged = True
            for _, sample in carried:
                sample.acknowledged = True
            if id_tag is not None and answers[-1].id_tag_info:
                charger.knowledge.learn(id_tag, answers[-1].id_tag_info)

        connector.end()
        charger.profiles.clear(connector=connector.number, purpose="transaction")
        charger.outbox.put(Pending(kind="stop", entry=entry, build=build, acknowledge=acknowledge))
        charger.observe(connector)


def transaction_id(entry: Entry) -> int:
    """The id that the server has given by now."""
    return entry.transaction_id if isinstance(entry.transaction_id, int) else NO_TRANSACTION
