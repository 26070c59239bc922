"""A bare charger that reconnects by itself and repeats its transaction messages until they are answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import trio

from engine.simulator.ledger import Entry, Sample
from engine.simulator.load.bare import LoadCharger, Lost, now, stamp

RECONNECT_AFTER: Final = (0.2, 2.0)  # seconds, drawn evenly


class Reliable:
    """A charger that reconnects by itself and repeats transaction messages until they are answered."""

    def __init__(self, charger: LoadCharger, call_timeout: float = 30.0) -> None:
        self.charger = charger
        self.ledger: list[Entry] = []
        self.losses = 0
        self._ready = trio.Event()  # booted on this connection
        self._timeout = call_timeout

    async def ready(self) -> None:
        """Wait until the charger is connected and booted."""
        await self._ready.wait()

    async def keep_connected(self) -> None:
        """Connect, boot, tell the status, stay; again after every loss. Never returns."""
        while True:
            try:
                await self.charger.connect()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.charger.read)
                    await self.charger.boot()
                    await self.charger.status("Available")
                    self._ready.set()
            except* Lost:
                self.charger.close()
            self.losses += 1
            self._ready = trio.Event()
            await trio.sleep(self.charger.dice.uniform(*RECONNECT_AFTER))

    async def deliver(self, action: str, payload: bytes) -> bytes:
        """Send until it is answered, over as many connections as that takes, and time the whole."""
        began = trio.current_time()
        while True:
            await self.ready()
            try:
                answer = await self.charger.call(action, payload, self._timeout)
            except Lost:
                await trio.sleep(self.charger.dice.uniform(*RECONNECT_AFTER))
            else:
                self.charger.latencies.add(f"{action} delivered", trio.current_time() - began)
                return answer

    async def transaction(self, id_tag: str, samples: int, interval: float, connector: int = 1) -> Entry:
        """Start, report `samples` readings `interval` seconds apart, stop; all acknowledged."""
        charger = self.charger
        entry = Entry(
            identity=charger.identity,
            connector=connector,
            id_tag=id_tag,
            started=now(),
            meter_start=charger.meter,
            samples=[],
        )
        self.ledger.append(entry)
        start = {"connectorId": connector, "idTag": id_tag, "meterStart": entry.meter_start}
        answer = await self._say("StartTransaction", start | {"timestamp": stamp(entry.started)})
        entry.transaction_id, entry.start_acknowledged = answer["transactionId"], True
        for _ in range(samples):
            await trio.sleep(interval)
            charger.meter += charger.dice.randrange(1, 200)
            sample = Sample(timestamp=now(), context="Sample.Periodic", energy_wh=charger.meter)
            entry.samples.append(sample)
            value = {"timestamp": stamp(sample.timestamp), "sampledValue": sampled(charger.meter)}
            ids = {"connectorId": connector, "transactionId": entry.transaction_id}
            await self._say("MeterValues", ids | {"meterValue": [value]})
            sample.acknowledged = True
        entry.stopped, entry.meter_stop, entry.reason = now(), charger.meter, "Local"
        stop = {"transactionId": entry.transaction_id, "meterStop": entry.meter_stop, "idTag": id_tag}
        await self._say("StopTransaction", stop | {"timestamp": stamp(entry.stopped)})
        entry.stop_acknowledged = True
        return entry

    async def _say(self, action: str, payload: Mapping[str, Any]) -> Any:
        return msgspec.json.decode(await self.deliver(action, msgspec.json.encode(payload)))


def sampled(meter_wh: int) -> list[dict[str, str]]:
    """The five samples of one reading."""
    return [
        {"value": str(meter_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        {"value": "11040.0", "measurand": "Power.Active.Import", "unit": "W"},
        {"value": "16.00", "measurand": "Current.Import", "phase": "L1", "unit": "A"},
        {"value": "230.1", "measurand": "Voltage", "phase": "L1-N", "unit": "V"},
        {"value": "57.5", "measurand": "SoC", "location": "EV", "unit": "Percent"},
    ]
