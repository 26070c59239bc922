"""What all charge points of a node have in common: settings, store, timers, counters, tables.

Clock and ids come from here, so that tests give their own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import structlog
import trio
from msgspec.structs import replace

from engine.domain.access import StationRecord
from engine.domain.changes import Change
from engine.domain.events import Event
from engine.domain.lookups import Lookup
from engine.domain.outside import Answer, Question
from engine.domain.starting import Pending
from engine.domain.state import ChargePoint, Taken
from engine.errors import Invalid, StoreError, Superseded
from engine.metrics import Metrics
from engine.ocpp import step
from engine.points.admission import RETURNS, Allowance, Bucket, Conduct, Rate
from engine.points.poller import Poller
from engine.points.timers import Timers
from engine.points.transport import Carrier
from engine.settings import Settings
from engine.supervision import survived

log = structlog.get_logger(__name__)

BOOT: Final = "BootNotification"
BOOT_PATIENCE: Final = 15.0  # seconds that a boot may wait for its turn


class Journal(Protocol):
    """The part of the store that actors write to."""

    async def commit(self, changes: Sequence[Change], owner: int = 0, generation: int = 0) -> None: ...
    def commit_then(
        self,
        changes: Sequence[Change],
        done: Callable[[StoreError | None], None],
        owner: int = 0,
        generation: int = 0,
    ) -> None: ...
    def append(self, changes: Sequence[Change]) -> None: ...
    def has_room(self, charge_point_id: int) -> bool: ...
    def drop(self, kind: type[Change]) -> None: ...
    async def flush(self) -> None: ...


class Reader(Protocol):
    """The part of the store that actors ask."""

    async def resolve(self, charge_point: ChargePoint, lookups: Sequence[Lookup[Any]]) -> step.Facts: ...
    async def station(self, identity: str) -> StationRecord | None: ...
    def remembered(self, identity: str) -> StationRecord | None: ...
    async def look_up(self, identity: str) -> StationRecord | None: ...
    async def load(self, record: StationRecord, version: str) -> ChargePoint: ...  # "": the one spoken last
    async def take(self, record: StationRecord, version: str) -> Taken: ...
    def forget(self, identity: str) -> None: ...


class LastPresence(Protocol):
    """The last network status written of a charge point, and the generation that may change it now."""

    @property
    def id(self) -> int: ...
    @property
    def generation(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def at(self) -> datetime: ...


class Stations(Protocol):
    """The part of the store that knows who exists."""

    async def create_pending(self, identity: str) -> None: ...


class Nodes(Protocol):
    """The part of the store that knows of other nodes."""

    def subscribe(self, lost: Callable[[Mapping[int, int]], None]) -> None: ...
    async def adopt(self) -> Sequence[LastPresence]: ...
    async def changed(self) -> None: ...


class Sessions(Protocol):
    """The part of the store that knows who waits for a session to begin."""

    async def overdue(self, at: datetime, *, limit: int) -> Sequence[Pending]: ...


class ClientCertificates(Protocol):
    """The part of the store that keeps uploaded certificates, as PEM; `get` raises NotFound."""

    async def get(self, sha256: bytes) -> str: ...


class Follower(Protocol):
    """The part of the store that hears of what people change."""

    def subscribe(self, apply: Callable[[Sequence[Event]], Awaitable[None]]) -> None: ...


class Store(Protocol):
    """What this package uses of `engine.store.Store`."""

    @property
    def journal(self) -> Journal: ...
    @property
    def reader(self) -> Reader: ...
    @property
    def follower(self) -> Follower: ...
    @property
    def nodes(self) -> Nodes: ...
    @property
    def stations(self) -> Stations: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def certificates(self) -> ClientCertificates: ...


class Outside(Protocol):
    """Who answers questions of the world outside, one after the other and each in bounded time."""

    async def ask(
        self, charge_point: ChargePoint, questions: Sequence[Question]
    ) -> Sequence[Answer | None]: ...


class NobodyOutside:
    """A node that is connected to nothing: no question is answered."""

    async def ask(self, charge_point: ChargePoint, questions: Sequence[Question]) -> Sequence[Answer | None]:
        return [None] * len(questions)


class Route:
    """One inbound action, prepared once for all connections."""

    __slots__ = ("action", "boot", "early", "failed", "handled", "logged", "needs", "request", "step")

    def __init__(self, action: str, handler: step.Handler | step.SendHandler, logged: bool) -> None:
        self.action = action
        self.request = handler.request
        self.step = handler.step
        self.needs = handler.needs if isinstance(handler, step.Handler) else None
        self.early = handler.before_boot if isinstance(handler, step.Handler) else False
        self.boot = action == BOOT
        self.logged = logged
        self.handled = ("in", action, "ok")  # keys of metrics.messages
        self.failed = ("in", action, "error")


class Dialect:
    """One OCPP version as the actors use it: the protocol's tables, prepared."""

    __slots__ = ("greeting", "has_sends", "outbound", "routes", "sends", "version")

    def __init__(self, protocol: step.Protocol, unlogged: frozenset[str]) -> None:
        self.version = protocol.name
        self.routes: Mapping[str, Route] = {
            action: Route(action, handler, action not in unlogged)
            for action, handler in protocol.inbound.items()
        }
        self.outbound = protocol.outbound
        self.greeting = protocol.greeting
        self.sends: Mapping[str, Route] = {
            action: Route(action, listener, action not in unlogged)
            for action, listener in protocol.sent.items()
        }
        self.has_sends = bool(self.sends)  # the version knows message types 5 and 6

    def command(self, request: step.Message) -> step.Command:
        """The command that a request of ours is, whatever it says. Raises Invalid where there is none."""
        action = type(request).__name__
        command = self.outbound.get(action)
        if command is None or not isinstance(request, command.request):
            raise Invalid(f"{self.version} has no request {action} to a charge point")
        return command

    def checked(self, request: step.Message, cp: ChargePoint, now: datetime) -> step.Command:
        """The command that a request of ours is. Raises Invalid where it breaks a rule of the protocol."""
        command = self.command(request)
        reasons = command.check(request, cp, now) if command.check is not None else ()
        if reasons:
            raise Invalid("; ".join(reasons))
        return command


class Shared:
    """One per node. `nursery` is set while the listeners run."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        metrics: Metrics,
        *,
        protocols: Mapping[str, step.Protocol],
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        outside: Outside | None = None,
    ) -> None:
        unlogged = frozenset(settings.message_log_exclude)
        self.settings = settings
        self.store = store
        self.journal = store.journal
        self.reader = store.reader
        self.metrics = metrics
        self.outside: Outside = outside or NobodyOutside()
        self.unlogged = unlogged
        self.dialects = {name: Dialect(protocol, unlogged) for name, protocol in protocols.items()}
        self.now = now
        self.steady: Callable[[], float] = trio.lowlevel.current_clock().current_time
        self.new_id = new_id
        self.timers = Timers()
        self.poller = Poller()
        self.boots = Bucket(settings.boot_rate)
        self.returns = Rate(1 / settings.reconnect_interval, RETURNS)
        self.allowance = Allowance(settings.message_rate, settings.data_rate, settings.rate_burst)
        self.carrier = Carrier(self.spawn, self.timers, settings.max_out_buffer, metrics.slow_consumers.add)
        self.nursery: trio.Nursery | None = None

    def boot_turn(self, conduct: Conduct) -> float | None:
        """Take a turn to boot, its own and one of all: the seconds to wait; None: that is too long."""
        now = self.steady()
        own = conduct.boot(self.returns, now, BOOT_PATIENCE)
        among_all = self.boots.take(now, BOOT_PATIENCE) if own is not None else None
        return None if own is None or among_all is None else max(own, among_all)

    async def facts(self, charge_point: ChargePoint, needs: step.Needs) -> step.Facts:
        """What a handler needs of the database, then of the world outside."""
        lookups = [one for one in needs if isinstance(one, Lookup)]
        questions = [one for one in needs if isinstance(one, Question)]
        facts = await self.reader.resolve(charge_point, lookups) if lookups else step.Facts()
        if questions:
            facts = replace(facts, outside=await self.outside.ask(charge_point, questions))
        return facts

    async def write(self, changes: Sequence[Change], owner: int = 0, generation: int = 0) -> None:
        """Commit what belongs to no message of a charge point; a refusal is logged."""
        try:
            if changes:
                await self.journal.commit(changes, owner, generation)
        except StoreError as error:
            _refused(error)

    def write_soon(self, changes: Sequence[Change], owner: int, generation: int) -> None:
        """The same without waiting."""
        try:
            self.journal.commit_then(changes, _refused, owner, generation)
        except StoreError as error:
            _refused(error)

    def spawn(self, task: Callable[[], Any]) -> None:
        """Run a task that belongs to the node, not to its starter, and that ends nothing but itself."""
        if self.nursery is None:
            raise RuntimeError("the listeners are not running")
        self.nursery.start_soon(survived, "connection", task, self.metrics.task_failures)


def _refused(error: StoreError | None) -> None:
    if error is not None and not isinstance(error, Superseded):
        log.error("change refused", error=str(error))
