"""Which charge point is connected here, and the way to it from anywhere else in the node.

One connection per identity: the newest wins. Whoever comes in claims the identity first, which closes the
older connection; whoever holds an older claim can neither attach nor change anything any more. What the
older connection had handed to the journal is written before the newer one loads its state (`reader.load`
waits for it), so nothing is lost in between.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

import structlog
import trio

from engine.domain.access import StationRecord
from engine.domain.changes import Change, SecurityEventReported
from engine.domain.state import ChargePoint
from engine.errors import StoreError, Superseded
from engine.metrics import Metrics
from engine.ocpp.step import Protocol
from engine.ocpp.versions import PROTOCOLS
from engine.points.actor import Actor
from engine.points.admission import Conduct, Conducts
from engine.points.performer import POLICY
from engine.points.presence import Presence
from engine.points.shared import Outside, Shared, Store
from engine.settings import Settings
from engine.supervision import Task

log = structlog.get_logger(__name__)

NORMAL: Final = 1000  # RFC 6455 §7.4.1
CONFLICT: Final = "IdentityConflict"  # a security event of ours: OCPP has no name for it


class Claim:
    """A connection's claim to its identity, and the generation that it was given."""

    __slots__ = ("generation",)

    def __init__(self) -> None:
        self.generation = 0  # until the database has given one


class Registry:
    """The charge points of one node. To be made inside Trio; `serve_chargers` brings it to life."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        metrics: Metrics,
        *,
        protocols: Mapping[str, Protocol] = PROTOCOLS,
        now: Callable[[], datetime] | None = None,
        new_id: Callable[[], str] | None = None,
        outside: Outside | None = None,
    ) -> None:
        self.shared = Shared(
            settings,
            store,
            metrics,
            protocols=protocols,
            now=now or partial(datetime.now, UTC),
            new_id=new_id or (lambda: str(uuid.uuid4())),
            outside=outside,
        )
        self.door = trio.CancelScope()  # around the accept loops
        self.draining = False
        self._actors: dict[str, Actor] = {}
        self._claims: dict[str, Claim] = {}  # of the newest connection, until it ends
        self._conducts = Conducts()
        self._presence = Presence(self.shared)
        self._living = 0  # connections whose end is not written yet
        self._silence = trio.Event()  # set when the last one ends
        metrics.gauges |= {
            "voltrio_ocpp_connected": ("Charge points connected", lambda: len(self._actors)),
            "voltrio_ocpp_chargers_throttled": (
                "Charge points that have used up what they may send",
                lambda: sum(actor.connection.throttled for actor in self._actors.values()),
            ),
            "voltrio_ocpp_calls_waiting": (
                "Commands that wait for charge points",
                lambda: sum(actor.waiting_calls for actor in self._actors.values()),
            ),
            "voltrio_timers": ("Timers set", lambda: len(self.shared.timers)),
        }

    # --- for everybody -------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Connections, those that are ending included."""
        return self._living

    def is_connected(self, identity: str) -> bool:
        return identity in self._actors

    def connected(self) -> list[str]:
        """Identities, in the order in which they connected."""
        return list(self._actors)

    def state(self, identity: str) -> ChargePoint | None:
        """The present state, None if it is not connected here."""
        actor = self._actors.get(identity)
        return actor.state if actor is not None else None

    def actor(self, identity: str) -> Actor | None:
        """Its actor, None if it is not connected here."""
        return self._actors.get(identity)

    def disconnect(self, identity: str, reason: str) -> bool:
        """Close its connection with `reason` in the close frame; whether there was one."""
        actor = self._actors.get(identity)
        if actor is not None:
            self._dismiss(actor, NORMAL, reason, "requested")
        return actor is not None

    async def refresh(self, identity: str) -> None:
        """Take over a record and settings that were changed in the database.

        A charge point that was deleted or disabled is disconnected. New credentials count from its next
        connection on: it has to learn them over this one first (2.0.1 A01).
        """
        self.shared.reader.forget(identity)
        actor = self._actors.get(identity)
        if actor is None:
            return
        record = await self.shared.reader.station(identity)
        if record is None or not record.enabled:
            self._dismiss(actor, POLICY, "no longer allowed", "disabled")
            return
        fresh = await self.shared.reader.load(record, actor.state.version)
        actor.configure(record, fresh.settings, fresh.registration)

    async def drain(self) -> None:
        """Let nobody in, let work in flight end, say 1012 to everybody, write the journal out.

        Bounded by settings.drain_timeout; connections that are still open then are cut.
        """
        self.draining = True
        self.door.cancel()
        with trio.move_on_after(self.shared.settings.drain_timeout) as patience:
            for actor in list(self._actors.values()):
                actor.connection.drain()
            self._silence = trio.Event()
            if self._living:
                await self._silence.wait()
            await self.shared.journal.flush()
        if patience.cancelled_caught:
            log.warning("drain timed out", connections=self._living)

    # --- for the listener ----------------------------------------------------------------------------------

    def knock(self, record: StationRecord, address: str) -> float:
        """0 if an authenticated charge point may connect, which counts; else the seconds until it may.

        A charger that reconnects in a loop and two devices with one identity are slowed down, not thrown out.
        Where it would have replaced a connection, that one has to show that it is alive.
        """
        holder = self._actors.get(record.identity)
        conduct, now = self.conduct(record.identity), self.shared.steady()
        wait = conduct.arrive(self.shared.returns, now, replaces=holder is not None)
        if wait > 0 and holder is not None:
            holder.connection.prove()
            if conduct.report_conflict(now):
                self._report_conflict(record, holder.connection.remote, address)
        return wait

    def conduct(self, identity: str) -> Conduct:
        """What is remembered of its earlier connections."""
        return self._conducts.of(identity, self.shared.steady())

    def claim(self, identity: str) -> Claim:
        """Win the identity: an older connection is closed at once."""
        claim = self._claims[identity] = Claim()
        actor = self._actors.pop(identity, None)
        if actor is not None:
            actor.supersede()
        return claim

    def holds(self, identity: str, claim: Claim) -> bool:
        return self._claims.get(identity) is claim

    async def take(self, record: StationRecord, claim: Claim, version: str) -> ChargePoint:
        """The state to go on from; the charge point is this node's now. Raises NotFound, StoreError."""
        taken = await self.shared.reader.take(record, version)
        claim.generation = taken.generation
        if taken.status is not None:
            self._presence.took(record.id, taken.status)
        return taken.state

    async def release(self, identity: str, claim: Claim, charge_point_id: int) -> None:
        """Its connection ended, or a claim led to none."""
        if self.holds(identity, claim):
            del self._claims[identity]
            changes = self._presence.disconnected(charge_point_id, claim.generation)
            await self.shared.write(changes, charge_point_id, claim.generation)

    def attach(self, actor: Actor, claim: Claim, leftover: bytes) -> None:
        """Bring an actor to life that holds the claim to its identity."""
        self._actors[actor.record.identity] = actor
        actor.connection.serve(actor)
        self._living += 1
        self.shared.spawn(partial(self._live, actor, claim, leftover))
        if self.draining:
            actor.connection.drain()

    def tasks(self) -> Mapping[str, Task]:
        """What runs for all connections together, by name."""
        return {
            "timers": self.shared.timers.run,
            "poller": self.shared.poller.run,
            "absent charge points": self._look_after,
        }

    def lose(self, taken: Mapping[int, int]) -> None:
        """Drop charge points that have connected to another node, given the generations there."""
        kept = set()
        for identity, actor in list(self._actors.items()):
            generation = taken.get(actor.record.id)
            if generation is None:
                continue
            if actor.generation < generation:
                del self._actors[identity]
                actor.supersede()
            else:  # it has come back since
                kept.add(actor.record.id)
        for charge_point_id in taken.keys() - kept:
            self._presence.forget(charge_point_id)

    async def restore(self) -> None:
        """Look after the charge points of nodes that are gone. To be done before anybody is let in."""
        for last in await self.shared.store.nodes.adopt():
            changes = self._presence.restore(last)
            if changes:
                self.shared.write_soon(changes, last.id, last.generation)
        await self.shared.journal.flush()

    async def _look_after(self) -> None:
        while True:
            await self.restore()
            await self.shared.store.nodes.changed()

    async def _live(self, actor: Actor, claim: Claim, leftover: bytes) -> None:
        identity, number = actor.record.identity, actor.record.id
        try:
            await self._greet(actor, [actor.connected(), *self._presence.connected(number)])
            await actor.connection.run(leftover)
        finally:
            actor.connection.cut()  # it may never have run
            why = actor.connection.closed_for
            self.shared.metrics.closes.add(why or "lost")
            log.debug("disconnected", identity=identity, why=why)
            if self._actors.get(identity) is actor:
                del self._actors[identity]
            self._living -= 1
            if not self._living:
                self._silence.set()
            await self.release(identity, claim, number)

    async def _greet(self, actor: Actor, changes: Sequence[Change]) -> None:
        """Write that it is here, unless it is elsewhere by now."""
        try:
            await self.shared.journal.commit(changes, actor.record.id, actor.generation)
        except Superseded:
            actor.supersede()
        except StoreError as error:
            log.error("change refused", error=str(error))

    def _report_conflict(self, record: StationRecord, held: str, wanted: str) -> None:
        self.shared.metrics.conflicts.add()
        at = self.shared.now()
        row = SecurityEventReported(
            charge_point_id=record.id,
            operator_id=record.operator_id,
            type=CONFLICT,
            timestamp=at,
            tech_info=f"Connections of {record.identity!r} replace each other, from {held} and {wanted}: "
            "two devices use this identity, or one opens connections without closing those it has.",
            critical=False,
            received_at=at,
        )
        self.shared.journal.append((row,))
        log.warning("identity used twice", identity=record.identity, addresses=[held, wanted])

    def _dismiss(self, actor: Actor, code: int, reason: str, why: str) -> None:
        """Close it and forget it: to everybody else it is gone, although its socket lingers."""
        if self._actors.get(actor.record.identity) is actor:
            del self._actors[actor.record.identity]
        actor.connection.close(code, reason, why)
