"""What every simulated charger is, whatever version it speaks: power, network, clock, dice, the queue of
transaction messages and how they are delivered. A dialect (`engine.simulator.v16`) derives from it and gives
the messages.

All randomness comes from `dice(name)`: one generator per purpose, seeded by simulation, identity and purpose,
so that no order of tasks can change what happens.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any, ClassVar, Final

import msgspec
import trio

from engine.ocpp.rpc import encode
from engine.ocpp.step import Message
from engine.simulator.clock import ChargerClock, Time
from engine.simulator.connector import Connector
from engine.simulator.ledger import Entry
from engine.simulator.limits import Profiles
from engine.simulator.link import (
    Address,
    Answer,
    Link,
    LinkLost,
    NoAnswer,
    Refusal,
    Refused,
    Rejected,
    converse,
)
from engine.simulator.outbox import Outbox, Pending
from engine.simulator.physics import Battery, Ceiling, Hardware, Meter, Outlet
from engine.simulator.settings import Counts, Mix, ProtocolError

LOOK_EVERY: Final = 5.0  # simulated seconds between two looks at the connectors
BACK_OFF: Final = (1.0, 60.0)  # first and greatest wait before a reconnect, simulated seconds
POLITE_REFUSALS: Final = frozenset({429, 503})  # the server asks to come again later


class World(msgspec.Struct, frozen=True):
    """What all chargers of one simulation share."""

    time: Time
    mix: Mix
    seed: int
    tags: tuple[str, ...]
    call_timeout: float
    counts: Counts
    errors: list[ProtocolError]


class Charger(ABC):
    """One simulated charging station. `run` lives until cancelled."""

    subprotocol: ClassVar[str]
    messages: ClassVar[Mapping[str, tuple[type[Message], type[Message]]]]  # action → request, response

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
        self.given_up = 0  # transaction messages dropped after the last attempt
        self.needs_boot = True
        self.password = password
        self.next_password: str | None = None  # told by the server, tried at the next connection
        self._reach = reach
        self._blocked: set[str] = set()  # reasons why there is no connection
        self._unblocked = trio.Event()
        self._link: Link | None = None
        self._turned_away_with: int | None = None
        self._links = self.dice("link")
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

    # What a dialect gives.

    @abstractmethod
    async def introduce(self) -> None:
        """Everything that comes first on a connection; returns when ordinary messages may be sent."""

    @abstractmethod
    async def attend(self) -> None:
        """What goes on while connected and accepted, besides the delivery of transaction messages."""

    @abstractmethod
    def serve(self, action: str, payload: bytes) -> Answer | Refusal:
        """Answer a call of the server."""

    @abstractmethod
    async def present(self, connector: Connector, id_tag: str) -> bool:
        """A driver holds a tag to the reader: start, or stop. False if the tag was refused."""

    @abstractmethod
    def plugged_in(self, connector: Connector) -> None:
        """A cable has just been connected."""

    @abstractmethod
    def unplugging(self, connector: Connector) -> None:
        """A cable is about to be pulled."""

    @abstractmethod
    def stop(self, connector: Connector, reason: str, id_tag: str | None = None) -> None:
        """End the transaction on a connector; nothing happens if there is none."""

    @abstractmethod
    def status(self, connector: Connector) -> str:
        """The connector's status in the words of the protocol."""

    @abstractmethod
    def observe(self, connector: Connector) -> None:
        """Look at a connector: time-outs, and the status if it has changed."""

    @property
    @abstractmethod
    def retry_rule(self) -> tuple[int, float]:
        """How often a transaction message that is not processed is sent, and the wait between, seconds."""

    # Life.

    async def run(self) -> None:
        """Live: stay connected, watch the connectors. Never returns."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._stay_connected)
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

    # The network.

    @property
    def online(self) -> bool:
        """Connected, and accepted by the server."""
        return self._link is not None and not self.needs_boot

    @property
    def powered(self) -> bool:
        return self._blocked.isdisjoint({"power", "restart"})

    @property
    def connected(self) -> bool:
        return self._link is not None

    @asynccontextmanager
    async def without(self, what: str) -> AsyncIterator[None]:
        """No network (`what` = "network") or no power ("power") while the block runs."""
        self._blocked.add(what)
        if self._link is not None:
            await self._link.cut()
        try:
            yield
        finally:
            self._blocked.discard(what)
            if not self._blocked:
                self._unblocked.set()

    async def _stay_connected(self) -> None:
        failures = 0
        while True:
            while self._blocked:
                self._unblocked = trio.Event()
                await self._unblocked.wait()
            greeted = False

            async def online(link: Link) -> None:
                nonlocal greeted
                greeted = True
                await self._online(link)

            trial = self.next_password or self.password
            try:
                await converse(self._reach(trial), self.subprotocol, self, self.world.call_timeout, online)
            except LinkLost as lost:
                if not greeted:
                    self._failed(lost)
            except Refused as refused:
                self._turned_away(refused)
            finally:
                self._link = None
            failures = 0 if greeted else min(failures + 1, 10)
            first, greatest = BACK_OFF
            wait = min(first * 2**failures, greatest)
            await self.time.sleep(self._links.uniform(0.5, 1.0) * wait)

    def _turned_away(self, refused: Refused) -> None:
        self._failed(refused)
        if refused.status == 401 and self.next_password is not None:
            self.next_password = None  # the old one still has to work
        elif refused.status not in POLITE_REFUSALS | {self._turned_away_with}:
            self._turned_away_with = refused.status  # told once, however often it is tried again
            self.complain("upgrade-refused", str(refused), "")

    def _failed(self, why: Exception) -> None:
        self.world.counts.failures += 1
        self.world.counts.last_failure = str(why)

    async def _online(self, link: Link) -> None:
        self.world.counts.connects += 1
        self._turned_away_with = None
        if self.next_password is not None:
            self.password, self.next_password = self.next_password, None
        self._link = link
        try:
            await self.introduce()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._deliver)
                await self.attend()
        finally:
            self._link = None

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
        async with self.without("power"):
            await self.time.sleep(seconds)
            self.stop_all("PowerLoss")

    async def restart(self, reason: str, patience: float, seconds: float) -> None:
        """Reboot on request: end the transactions, give the queue a little time, go down and come back."""
        self.stop_all(reason)
        with self.time.limit(patience):
            await self.outbox.empty()
        self.needs_boot = True
        async with self.without("restart"):
            self.stop_all(reason)  # what began meanwhile
            await self.time.sleep(seconds)

    # Messages.

    async def call(self, request: Message, message_id: str | None = None) -> Any:
        """Send a request and return the typed answer. Raises LinkLost, NoAnswer, Rejected."""
        if self._link is None:
            raise LinkLost("offline")
        action = type(request).__name__
        self.world.counts.sent[action] += 1
        try:
            raw = await self._link.call(message_id or self.new_id(), action, encode(request))
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

    async def _deliver(self) -> None:
        """Send the transaction messages in order, each until it is answered or its attempts are used up."""
        while True:
            pending = await self.outbox.head()
            if not pending.message_id:
                pending.message_id = self.new_id()
            try:
                pending.answers.append(await self.call(pending.build(), pending.message_id))
            except (NoAnswer, Rejected):
                await self._again(pending)
                continue
            if self._links.random() < self.world.mix.lost_answers:
                # The server has acted and the charger does not know: it will say the same again.
                self.world.counts.lost += 1
                await self._pause(pending, 1)
                continue
            self.outbox.remove_head()
            pending.acknowledge(pending.answers)

    async def _again(self, pending: Pending) -> None:
        attempts, _ = self.retry_rule
        pending.attempts += 1
        if pending.attempts >= attempts:
            self.outbox.remove_head()
            self.given_up += 1
        else:
            await self._pause(pending, pending.attempts)

    async def _pause(self, pending: Pending, times: int) -> None:
        if self._links.random() < 0.5:  # some chargers repeat the frame, some make a new one
            pending.message_id = ""
        await self.time.sleep(self.retry_rule[1] * times)

    # The driver's hands.

    def plug(self, connector: Connector, battery: Battery) -> None:
        connector.outlet.advance(self.time.elapsed())
        connector.connect(battery)
        if self.powered:
            self.plugged_in(connector)
        self.observe(connector)

    def unplug(self, connector: Connector) -> None:
        connector.outlet.advance(self.time.elapsed())
        if self.powered:
            self.unplugging(connector)
        connector.disconnect()
        self.observe(connector)

    def break_down(self, connector: Connector, fault: str | None) -> None:
        """A fault appears on a connector, or (None) is gone."""
        connector.outlet.advance(self.time.elapsed())
        connector.fault = fault
        self.observe(connector)
        if fault is not None and self.powered:
            self.stop(connector, "Other")
