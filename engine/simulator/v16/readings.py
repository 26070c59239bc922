"""When an OCPP 1.6 charger reads its meters, and in which message the reading travels (§3.16, §4.7)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from engine.ocpp.messages import v16
from engine.simulator.connector import Connector
from engine.simulator.ledger import Entry, Sample
from engine.simulator.outbox import Pending
from engine.simulator.physics import Reading
from engine.simulator.v16.sampling import ENERGY, Context, meter_value
from engine.simulator.v16.transactions import transaction_id

if TYPE_CHECKING:
    from engine.simulator.v16.charger import Charger16


class Readings:
    """Takes the readings of one charger as its configuration asks."""

    def __init__(self, charger: Charger16) -> None:
        self._charger = charger

    async def periodic(self, connector: Connector, entry: Entry) -> None:
        charger = self._charger
        while True:
            interval = charger.configuration.number("MeterValueSampleInterval")
            await charger.time.sleep(interval or 60)
            if connector.entry is not entry:
                return
            if interval and charger.powered:
                self.sample(connector, "Sample.Periodic", "MeterValuesSampledData")

    async def aligned(self) -> None:
        """At full multiples of ClockAlignedDataInterval since midnight, while connected."""
        charger = self._charger
        while True:
            interval = charger.configuration.number("ClockAlignedDataInterval")
            if not interval:
                await charger.time.sleep(60)
                continue
            now = charger.clock.now()
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
            since = (now - midnight).total_seconds()
            await charger.time.sleep(interval - since % interval)
            for connector in charger.connectors:
                self.sample(connector, "Sample.Clock", "MeterValuesAlignedData")

    def sample(self, connector: Connector, context: Context, measurands_key: str) -> None:
        """Read the meter now. In a transaction the reading is queued, outside of one it is sent once. §4.7"""
        charger, entry = self._charger, connector.entry
        connector.outlet.advance(charger.time.elapsed())
        reading, at = connector.outlet.read(charger.time.elapsed()), charger.clock.now()
        names = charger.configuration.names(measurands_key)
        value = meter_value(charger.hardware, reading, names, at, context)
        if entry is None:
            charger.notify(v16.MeterValues(connector_id=connector.number, meter_value=[value]))
            return
        taken = Sample(timestamp=at, context=context, energy_wh=reading.energy_wh)
        entry.samples.append(taken)

        def build() -> v16.MeterValues:
            return v16.MeterValues(
                connector_id=connector.number, transaction_id=transaction_id(entry), meter_value=[value]
            )

        def acknowledge(_answers: list[Any]) -> None:
            taken.acknowledged = True

        charger.outbox.put(Pending(kind="sample", entry=entry, build=build, acknowledge=acknowledge))

    def closing(
        self, connector: Connector, entry: Entry, stopped: datetime
    ) -> list[tuple[v16.MeterValue, Sample]]:
        """The begin and end readings that go with the stop, if the configuration asks for them."""
        charger = self._charger
        measurands = charger.configuration.names("StopTxnSampledData")
        if not measurands:
            return []
        end = connector.outlet.read(charger.time.elapsed())
        begin = end._replace(energy_wh=entry.meter_start)
        readings: list[tuple[Reading, list[str], datetime, Context]] = [
            (begin, [ENERGY], entry.started, "Transaction.Begin"),
            (end, measurands, stopped, "Transaction.End"),
        ]
        carried = []
        for reading, names, at, context in readings:
            sample = Sample(timestamp=at, context=context, energy_wh=reading.energy_wh)
            entry.samples.append(sample)
            carried.append((meter_value(charger.hardware, reading, names, at, context), sample))
        return carried
