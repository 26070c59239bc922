"""What every simulated charger is, whatever version it speaks: its clock, dice, connectors, memory and power,
and what a driver does with it. A charger of one version derives from it and gives what `dialect` asks for.

All randomness comes from `dice(name)`: one generator per purpose, seeded by simulation, identity and purpose,
so that no order of tasks can change what happens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Final

import msgspec
import trio

from engine.ocpp.rpc import encode
from engine.ocpp.step import Message
from engine.simulator.address import Address
from engine.simulator.clock import ChargerClock
from engine.simulator.connector import Connector
from engine.simulator.delivery import Delivery, Notices
from engine.simulator.dialect import Dialect
from engine.simulator.ledger import Entry
from engine.simulator.limits import Profiles
from engine.simulator.link import LinkLost, NoAnswer, Rejected
from engine.simulator.outbox import Outbox
from engine.simulator.physics import Battery, Ceiling, Hardware, Meter, Outlet
from engine.simulator.registration import Registration
from engine.simulator.settings import ProtocolError
from engine.simulator.uplink import Uplink
from engine.simulator.world import World

LOOK_EVERY: Final = 5.0  # simulated seconds between two looks at the connectors


class Charger(Dialect):
    """One simulated charging station. `run` lives until cancelled."""

    def __init__(
        self,
        world: World,
        identity: str,
        hardware: Hardware,
        reach: Callable[[str | None], Address],
        password: str | None = None,
    ) -> None:
        self.world = world
        self.time = world.time
        self.identity = identity
        self.hardware = hardware
        self.outbox = Outbox()
        self.ledger: list[Entry] = []
        self.profiles = Profiles(hardware)
        luck = self.dice("build")
        self.clock = ChargerClock(
            world.time,
            luck.uniform(-3.0, 3.0) * (world.mix.drift > 0),
            luck.uniform(-1.0, 1.0) * world.mix.drift,
        )
        self.connectors = [self._connector(number, luck) for number in range(1, hardware.connectors + 1)]
        self.needs_boot = True
        self.uplink = Uplink(self, reach, password)
        self.delivery = Delivery(self, self.uplink.dice)
        self.notices = Notices(self)
        self.registration = Registration(self)
        self._ids = self.dice("message-id")
        self._thinking = self.dice("thinking")
        self._nursery: trio.Nursery | None = None

    def dice(self, name: str) -> Random:
        """The generator for one purpose."""
        return Random(f"{self.world.seed}/{self.identity}/{name}")

    def _connector(self, number: int, luck: Random) -> Connector:
        meter = Meter(luck.uniform(1e3, 5e6))
        outlet = Outlet(
            self.hardware, meter, self.dice(f"mains-{number}"), lambda at: self._ceiling(number, at)
        )
        return Connector(number, outlet)

    def _ceiling(self, number: int, elapsed: float) -> Ceiling:
        if not len(self.profiles):
            return Ceiling()
        sharing = sum(1 for c in self.connectors if c.outlet.closed and c.plugged)
        began = self.connectors[number - 1].began
        return self.profiles.ceiling(number, self.clock.at(elapsed), began, sharing)

    # Life.

    async def run(self) -> None:
        """Live: stay connected, watch the connectors. Never returns."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self.uplink.run, self._converse)
            nursery.start_soon(self._watch)

    def spawn(self, job: Callable[[], Awaitable[None]]) -> None:
        """Do something beside; its end by a lost connection or a missing answer is of no consequence."""
        if self._nursery is None:
            raise RuntimeError("the charger is not running")
        self._nursery.start_soon(self._unheard, job)

    async def _unheard(self, job: Callable[[], Awaitable[None]]) -> None:
        try:
            await job()
        except (LinkLost, NoAnswer, Rejected) as lost:
            # What is not a transaction message is not repeated (OCPP 1.6 §3.7).
            self.world.counts.unheard[type(lost).__name__] += 1

    async def _watch(self) -> None:
        await self.time.sleep(self.dice("watch").uniform(0.0, LOOK_EVERY))
        while True:
            now = self.time.elapsed()
            for connector in self.connectors:
                connector.outlet.advance(now)
                if self.powered:
                    self.observe(connector)
            await self.time.sleep(LOOK_EVERY)

    @property
    def online(self) -> bool:
        """Connected, and accepted by the server."""
        return self.uplink.connected and not self.needs_boot

    @property
    def powered(self) -> bool:
        return self.uplink.powered

    async def _converse(self) -> None:
        """All that goes on over one connection."""
        self.notices.clear()
        await self.introduce()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.delivery.run)
            nursery.start_soon(self.registration.heartbeats)
            nursery.start_soon(self.attend)
            await self.notices.run()

    def stop_all(self, reason: str) -> None:
        """End all transactions, and send away who has not begun."""
        for connector in self.connectors:
            connector.claim = None
            self.stop(connector, reason)

    # Losing and finding power.

    async def power_cut(self, seconds: float) -> None:
        """Everything goes dark in the middle of whatever it was; the memory survives."""
        now = self.time.elapsed()
        for connector in self.connectors:
            connector.outlet.advance(now)
            connector.outlet.closed = False
            connector.claim = None
        self.needs_boot = True
        async with self.uplink.without("power"):
            await self.time.sleep(seconds)
            self.stop_all("PowerLoss")

    async def restart(self, reason: str, patience: float, seconds: float) -> None:
        """Reboot on request: end the transactions, give the queue a little time, go down and come back."""
        self.stop_all(reason)
        with self.time.limit(patience):
            await self.outbox.empty()
        self.needs_boot = True
        async with self.uplink.without("restart"):
            self.stop_all(reason)  # what began meanwhile
            await self.time.sleep(seconds)

    # Messages.

    async def call(self, request: Message, message_id: str | None = None) -> Any:
        """Send a request and return the typed answer. Raises LinkLost, NoAnswer, Rejected."""
        link = self.uplink.link
        if link is None:
            raise LinkLost("offline")
        action = type(request).__name__
        self.world.counts.sent[action] += 1
        try:
            raw = await link.call(message_id or self.new_id(), action, encode(request))
        except NoAnswer:
            self.world.counts.timeouts += 1
            raise
        try:
            return msgspec.json.decode(raw, type=self.messages[action][1])
        except msgspec.DecodeError as error:
            self.complain("bad-answer", f"{action}: {error}", raw.decode(errors="replace"))
            raise NoAnswer(action) from error

    def new_id(self) -> str:
        return f"{self._ids.getrandbits(64):016x}"

    def complain(self, rule: str, detail: str, frame: str) -> None:
        """Note that the server broke the protocol."""
        self.world.errors.append(
            ProtocolError(identity=self.identity, at=self.time.now(), rule=rule, detail=detail, frame=frame)
        )

    async def think(self) -> None:
        """A charger takes some ten milliseconds to answer."""
        await self.time.sleep(self._thinking.uniform(0.01, 0.1))

    # The driver's hands.

    async def present(self, connector: Connector, id_tag: str) -> bool:
        """A driver holds a tag to the reader: start, or stop. False if the tag was refused."""
        entry = connector.entry
        if not self.powered:
            return False
        if entry is None or id_tag != entry.id_tag:
            permit = await self.authorize(id_tag)
            if connector.entry is not entry or permit.status != "Accepted":
                return False
            if entry is None:
                return self.admit(connector, id_tag, permit.group)
            if permit.group is None or permit.group != connector.parent:
                return False
        self.stop(connector, "Local", id_tag)
        return True

    def plug(self, connector: Connector, battery: Battery) -> None:
        connector.outlet.advance(self.time.elapsed())
        connector.connect(battery)
        if self.powered:
            self.plugged_in(connector)
        self.observe(connector)

    def unplug(self, connector: Connector) -> None:
        connector.outlet.advance(self.time.elapsed())
        if self.powered:
            self.stop(connector, "EVDisconnected")
        connector.disconnect()
        self.observe(connector)

    def break_down(self, connector: Connector, fault: str | None) -> None:
        """A fault appears on a connector, or (None) is gone."""
        connector.outlet.advance(self.time.elapsed())
        connector.fault = fault
        self.observe(connector)
        if fault is not None and self.powered:
            self.stop(connector, "Other")
