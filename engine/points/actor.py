"""One charge point's connection: a task that reads, lets the protocol decide, writes the journal and answers.

The actor owns the socket and the state. What a message means is the handler's to say (`engine.ocpp.step`);
this file performs the outcome in its order: commit, adopt, answer, then call. One message is worked on at a
time; what arrives meanwhile waits in the `Intake`, and in the kernel.

The way of a message that needs no look-up has no `await` in it and wakes no task: `on_text` and what it
calls return None then, and otherwise what is left to be awaited. What has to be committed is handed to the
journal, which calls back.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import structlog
import trio
from msgspec.structs import replace

from engine.domain.access import StationRecord
from engine.domain.changes import ChargePointConnected
from engine.domain.state import ChargePoint, Policy, Registration, StationSettings
from engine.errors import StoreError
from engine.ocpp import policy, rpc
from engine.ocpp.step import Facts, Message, Needs, Outcome, Raw, Refusal
from engine.points.admission import Conduct
from engine.points.commands import Commands
from engine.points.intake import Intake, Work
from engine.points.peer import MAX_ACTION, Peer
from engine.points.shared import Dialect, Route, Shared
from engine.points.timers import Timer
from engine.points.transport import Transport
from ext import envelope, websocket

log = structlog.get_logger(__name__)

CALL_PATIENCE: Final = 3.0  # seconds that draining waits for the answer to a request of ours
LINGER: Final = 3.0  # seconds for the peer to answer our close frame
PROOF: Final = 10.0  # seconds for a peer to show that it is alive, where another connection wants its place
BOOT_PATIENCE: Final = 15.0  # seconds that a boot may wait for its turn
ROWS_INCLUDED: Final = 10  # that a message may come to; what is more costs as much as
ROWS_A_MESSAGE: Final = 4  # … one message for so many
LOOK_UP: Final = 4  # messages that it costs besides to look something up for one
EVENTS_A_MESSAGE: Final = 3  # … and another one for so many stored events that are folded anew
EARLY_SIZE: Final = 65_536  # bytes of a message, until its boot was accepted

NO_FACTS: Final = Facts()
NO_NEEDS: Final = Needs()
TOO_MANY_BOOTS: Final = Refusal(code=rpc.Code.GENERIC_ERROR, description="Too many boots; try again.")
FAILED: Final = Refusal(code=rpc.Code.INTERNAL_ERROR, description="The message could not be processed.")


class Actor:
    """One connection. `run` is its task; the other public methods may be called by any task."""

    __slots__ = (
        "_commands", "_committing", "_conduct", "_draining", "_greeted", "_intake", "_override", "_parked",
        "_pinged_at", "_remembered", "_routes", "_shared", "_task", "_transport", "_watch", "_work",
        "closed_for", "dialect", "generation", "is_open", "peer", "profile", "record", "remote", "state",
    )  # fmt: skip

    def __init__(
        self,
        shared: Shared,
        transport: Transport,
        *,
        dialect: Dialect,
        record: StationRecord,
        state: ChargePoint,
        generation: int,
        conduct: Conduct,
        deflate: websocket.Deflate | None = None,
        profile: int = 0,
        remote: str = "",
    ) -> None:
        self.dialect = dialect
        self.record = record
        self.state = state
        self.generation = generation
        self.profile = profile  # security profile in effect
        self.remote = remote  # the peer's address
        self.closed_for: str | None = None  # why it is closing or closed, one word
        self.is_open = _is_open(state)  # may send everything
        self.peer = Peer(
            shared,
            transport,
            dialect,
            identity=record.identity,
            number=record.id,
            generation=generation,
            conduct=conduct,
            deflate=deflate,
        )
        self._shared = shared
        self._routes = dialect.routes
        self._transport = transport
        self._conduct = conduct
        reader = websocket.FrameReader(self._largest(), deflate=deflate)
        self._intake = Intake(shared, transport, reader, self, conduct)
        self._commands: Commands | None = None
        self._watch: Timer | None = None
        self._pinged_at: float | None = None
        self._work: Work | None = None  # what the message being worked on still needs
        self._committing = False  # the journal has the message being worked on, and will call back
        self._task: trio.lowlevel.Task | None = None
        self._parked = False  # the task sleeps
        self._draining = False
        self._greeted = False
        self._override: tuple[StationRecord, StationSettings, Registration] | None = None
        self._remembered: tuple[str, int, bytes] | None = None  # last durable call: id, hash of text, answer

    # --- the task ------------------------------------------------------------------------------------------

    async def run(self, leftover: bytes = b"") -> None:
        """Serve the connection until it ends. `leftover` was received behind the HTTP request."""
        shared, transport = self._shared, self._transport
        self._task = trio.lowlevel.current_task()
        self._watch = shared.timers.after(shared.settings.ping_interval, self._look_after)
        transport.on_close = self._on_closed
        try:
            self._intake.start(leftover)
            while self._intake.held or not transport.closed:
                if self._work is None:
                    await self._park()
                else:
                    await self._attend(self._work)
        except Exception:
            # A bug ends this connection, not the node.
            log.exception("connection failed", identity=self.record.identity)
            self.closed_for = self.closed_for or "failed"
        finally:
            # Nothing but a transport that is full closes without a word.
            self.closed_for = self.closed_for or "slow_consumer"
            transport.close()
            if self._work is not None:
                self._work.close()
            self._watch_until(None)
            self._drop_calls("the connection ended")
            # Both know us, and the collector of such cycles runs rarely.
            self._commands = None
            self._intake.end()

    def begin(self, work: Work) -> None:
        """Have this task await what a message needs."""
        self._work = work
        self._wake()

    async def _attend(self, work: Work) -> None:
        """Await what a message needs."""
        try:
            await work
        finally:
            self._work = None
        if not self._committing:
            self._resume()

    def _resume(self) -> None:
        """A message is done; what waited for that has its turn."""
        self._intake.resume()
        if self._override is not None:
            changed, self._override = self._override, None
            self.configure(*changed)
        if self._transport.closed:
            self._wake()
        if self._draining:
            self.drain()

    async def _park(self) -> None:
        """Sleep until `_wake`."""
        self._parked = True
        await trio.lowlevel.wait_task_rescheduled(self._unpark)

    def _unpark(self, _: object) -> trio.lowlevel.Abort:
        self._parked = False
        return trio.lowlevel.Abort.SUCCEEDED

    def _wake(self) -> None:
        if self._parked and self._task is not None:
            self._parked = False
            trio.lowlevel.reschedule(self._task)

    def _on_closed(self) -> None:
        self._intake.stop()
        self._wake()

    # --- what was received ---------------------------------------------------------------------------------

    def on_lost(self) -> None:
        """As `Consumer.on_lost`."""
        self.closed_for = self.closed_for or "lost"
        self._transport.close()

    def on_throttled(self) -> None:
        """As `Consumer.on_throttled`."""
        log.warning("charger sends more than it may", identity=self.record.identity)

    def on_control(self, opcode: int, payload: bytes) -> None:
        """As `Consumer.on_control`."""
        if opcode == websocket.PING:
            self._transport.send(websocket.frame(websocket.PONG, payload))
        elif opcode == websocket.BINARY:
            self.peer.malformed(rpc.Malformed.BINARY, None, payload)
        elif opcode == websocket.VIOLATION:
            self._close(payload, "violation")
        elif opcode == websocket.CLOSE:
            self._close(payload[:2], "peer")  # RFC 6455 §5.5.1: the answer echoes the code
            self._transport.finish(close=True)  # §7.1.1: the server closes the TCP connection first

    def on_text(self, text: bytes) -> Work | None:
        """As `Consumer.on_text`."""
        if self.closed_for is not None:
            return None
        try:
            kind, message_id, action, rest = envelope.split(text)
        except envelope.EnvelopeError as error:
            mended = self._mended(error, text)
            if mended is None:
                return None
            kind, message_id, action, rest = mended
        if kind != envelope.CALL:
            return self._on_answer(kind, message_id, action, rest)
        if len(message_id) > rpc.MAX_MESSAGE_ID:
            if len(message_id) > rpc.MAX_ECHOED_ID or not self._mends:
                self.peer.malformed(rpc.Malformed.ID_TOO_LONG, message_id, text)
                return None
            if type(message_id) is str:
                message_id = rpc.LongId(message_id)
        route = self._routes.get(action)
        if route is None:
            self.peer.unknown(action, message_id, rest)
            return None
        # The answer got lost and the same text came again. Another text under an old id is a new message:
        # some chargers start counting anew, or never count.
        kept = self._remembered
        if kept is not None and message_id == kept[0] and hash(text) == kept[1]:
            self._shared.metrics.messages.add("in", action, "repeated")
            self._transport.send(kept[2])
            return None
        if not (self.is_open or self._may_early(route)):
            # OCPP 1.6 §4.2: it SHALL NOT send this; what to answer is said by 2.0.1 B02.FR.09.
            self.peer.refuse(route, message_id, rest, rpc.NOT_BOOTED)
            return None
        if route.boot:
            return self._on_boot(route, message_id, rest, text)
        return self._on_call(route, message_id, rest, text)

    @property
    def _mends(self) -> bool:
        return self.state.settings.policy is not Policy.STRICT

    def _mended(self, error: envelope.EnvelopeError, text: bytes) -> tuple[int, str, str, bytes] | None:
        """A request whose id is a number, where the policy mends that; all else gets its answer here."""
        asks = error.message_type in (envelope.CALL, envelope.SEND)
        if asks and error.message_id is None and self._mends:
            try:
                return envelope.split(text, numeric_id=True)
            except envelope.EnvelopeError as again:
                error = again
        self.peer.bad_envelope(error, text)
        if error.message_type in (envelope.CALLRESULT, envelope.CALLERROR) and error.message_id is not None:
            self._made_commands().misanswered(error.message_type, error.message_id, error.reason)
        return None

    def _may_early(self, route: Route) -> bool:
        """Whether it may send this before its boot was accepted; rejected, it may only boot again."""
        return route.boot or (route.early and self.state.registration is not Registration.REJECTED)

    def _on_boot(self, route: Route, message_id: str, rest: bytes, text: bytes) -> Work | None:
        """Boots wait for their turn, of this charge point and of all: transactions are answered first."""
        now = self._shared.steady()
        own = self._conduct.boot(self._shared.returns, now, BOOT_PATIENCE)
        among_all = self._shared.boots.take(now, BOOT_PATIENCE) if own is not None else None
        if own is None or among_all is None:
            self.peer.refuse(route, message_id, rest, TOO_MANY_BOOTS)
            return None
        delay = max(own, among_all)
        if delay == 0:
            return self._on_call(route, message_id, rest, text)
        return self._boot_later(delay, route, message_id, rest, text)

    async def _boot_later(
        self, delay: float, route: Route, message_id: str, rest: bytes, text: bytes
    ) -> None:
        await trio.sleep(delay)
        work = self._on_call(route, message_id, rest, text) if self.closed_for is None else None
        if work is not None:
            await work

    def _on_call(self, route: Route, message_id: str, rest: bytes, text: bytes) -> Work | None:
        state = self.state
        decoded = policy.decode(
            route.request, rest, state.settings.policy, state.vendor, state.model, state.version
        )
        if isinstance(decoded, Refusal):
            self.peer.refuse(route, message_id, rest, decoded)
            return None
        if decoded.repairs or type(message_id) is not str:
            self.peer.note_repairs(state, route, message_id, rest, decoded)
        elif route.logged:
            self.peer.keep("in", "call", route.action, message_id, rest)
        request = decoded.message
        try:
            needs = route.needs(state, request) if route.needs is not None else None
            if needs is not None:
                self._shared.allowance.charge(self._conduct, LOOK_UP, 0)
                return self._look_up(route, message_id, text, request, needs)
            outcome = route.step(state, request, NO_FACTS, self._shared.now())
        except Exception:
            log.exception("handler failed", **self.peer.named(route.action, message_id))
            self._fail(route, message_id)
            return None
        self._perform(route, message_id, text, outcome)
        return None

    async def _look_up(self, route: Route, message_id: str, text: bytes, request: Any, needs: Needs) -> None:
        """A message whose handler has to know more than the state."""
        if self._is_over():
            return  # closed meanwhile: the charge point will send it again
        try:
            facts = await self._resolved(needs)
            if self._is_over():
                return
            folded = sum(len(stored.events) for stored in facts.told.sessions)
            if folded:
                self._shared.allowance.charge(self._conduct, folded // EVENTS_A_MESSAGE, 0)
            outcome = route.step(self.state, request, facts, self._shared.now())
        except Exception:
            log.exception("handler failed", **self.peer.named(route.action, message_id))
            self._fail(route, message_id)
            return
        self._perform(route, message_id, text, outcome)

    async def _resolved(self, needs: Needs) -> Facts:
        """What a handler needs of the database, then of the world outside."""
        facts = NO_FACTS
        if not needs.outside or replace(needs, outside=()) != NO_NEEDS:
            facts = await self._shared.reader.resolve(self.state, needs)
        if needs.outside:
            facts = replace(facts, outside=await self._shared.outside.ask(self.state, needs.outside))
        return facts

    def _perform(self, route: Route, message_id: str, text: bytes, outcome: Outcome) -> None:
        """Write what changes, then go on: what is answered is committed, where the handler wants it so."""
        rows = len(outcome.changes)
        if rows > ROWS_INCLUDED:
            self._shared.allowance.charge(self._conduct, (rows - ROWS_INCLUDED) // ROWS_A_MESSAGE, 0)
        if not rows:
            self._conclude(route, message_id, outcome)
        elif outcome.durable:
            done = partial(self._on_written, route, message_id, text, outcome)
            try:
                self._shared.journal.commit_then(outcome.changes, done, self.record.id)
            except StoreError as error:
                self._on_unwritten(route, message_id, error)
            else:
                self._committing = self._intake.held = True
        else:
            self._shared.journal.append(outcome.changes)
            self._conclude_and_remember(route, message_id, text, outcome)

    def _on_written(
        self, route: Route, message_id: str, text: bytes, outcome: Outcome, error: StoreError | None
    ) -> None:
        """The journal has committed the changes, or the database will never take them."""
        self._committing = False
        try:
            if error is not None:
                self._on_unwritten(route, message_id, error)
            elif not self._is_over():  # else the newer connection has loaded what was committed
                self._conclude_and_remember(route, message_id, text, outcome)
            self._resume()
        except Exception:
            # As in `run`; here we are in the journal's task.
            log.exception("connection failed", identity=self.record.identity)
            self.closed_for = self.closed_for or "failed"
            self._transport.close()

    def _on_unwritten(self, route: Route, message_id: str, error: StoreError) -> None:
        log.error("change refused", error=str(error), **self.peer.named(route.action, message_id))
        self._fail(route, message_id)

    def _conclude_and_remember(self, route: Route, message_id: str, text: bytes, outcome: Outcome) -> None:
        frame = self._conclude(route, message_id, outcome)
        if frame is not None:
            self._remembered = (message_id, hash(text), frame)

    def _conclude(self, route: Route, message_id: str, outcome: Outcome) -> bytes | None:
        """Adopt the state, answer, and queue the calls that follow. Returns the answer's frame."""
        if outcome.state is not self.state:
            self.adopt(outcome.state)
        reply = outcome.reply
        if reply is None:
            return None
        if isinstance(reply, Refusal):
            self._shared.metrics.messages[route.failed] += 1
            frame = self.peer.error_frame(route.action, message_id, reply)
        else:
            self._shared.metrics.messages[route.handled] += 1
            payload = rpc.encode(reply)
            if route.logged:
                self.peer.keep("out", "result", route.action, message_id, payload)
            frame = self.peer.result_frame(message_id, payload)
        self._transport.send(frame)
        for request in outcome.calls:
            self._made_commands().call_automatically(request)
        if not self._greeted and self.is_open:
            self._greet()
        return frame

    def _greet(self) -> None:
        """What the version asks of a charge point that is back, once it was answered for the first time."""
        self._greeted = True
        greeting = self.dialect.greeting
        for request in greeting(self.state) if greeting is not None else ():
            self._made_commands().call_automatically(request)

    def _is_over(self) -> bool:
        """Closed while a message was being worked on: a newer connection may hold the state by now."""
        return self.closed_for is not None

    def _on_answer(self, kind: int, message_id: str, code: str, rest: bytes) -> Work | None:
        if kind in (envelope.CALLRESULT, envelope.CALLERROR):
            return self._made_commands().answered(kind, message_id, code, rest)
        if not self.dialect.has_sends:  # 5 and 6 came with OCPP 2.1
            self.peer.malformed(rpc.Malformed.UNKNOWN_TYPE, message_id, rest)
            return None
        if kind == envelope.SEND:
            self._on_send(message_id, code, rest)
            return None
        self.peer.answer_refused(message_id, code, rest)
        return None

    def _on_send(self, message_id: str, action: str, rest: bytes) -> None:
        """A message that wants no answer (2.1 part 4): what cannot be worked on is counted and logged."""
        route = self.dialect.sends.get(action)
        if route is None or not self.is_open:
            self.peer.charge_odd(rest)
            self._shared.metrics.messages.add("in", action if route is not None else "unknown", "error")
            self.peer.keep("in", "send", action[:MAX_ACTION], message_id[: rpc.MAX_ECHOED_ID], rest)
            return
        state = self.state
        decoded = policy.decode(
            route.request, rest, state.settings.policy, state.vendor, state.model, state.version
        )
        if isinstance(decoded, Refusal):
            self.peer.charge_odd(rest)
            self._shared.metrics.messages[route.failed] += 1
            self.peer.keep("in", "send", action, message_id[: rpc.MAX_ECHOED_ID], rest)
            return
        if decoded.repairs or type(message_id) is not str:
            self.peer.note_repairs(state, route, message_id, rest, decoded, kind="send")
        elif route.logged:
            self.peer.keep("in", "send", action, message_id[: rpc.MAX_ECHOED_ID], rest)
        try:
            outcome = route.step(state, decoded.message, NO_FACTS, self._shared.now())
        except Exception:
            log.exception("handler failed", **self.peer.named(route.action, message_id))
            self._shared.metrics.messages[route.failed] += 1
            return
        self._shared.metrics.messages[route.handled] += 1
        if outcome.changes:
            self._shared.journal.append(outcome.changes)
        if outcome.state is not state:
            self.adopt(outcome.state)

    def _fail(self, route: Route, message_id: str) -> None:
        """Our fault, or the database's: this message fails, the connection goes on."""
        self._shared.metrics.messages[route.failed] += 1
        if self.closed_for is None:
            self._transport.send(self.peer.error_frame(route.action, message_id, FAILED))

    # --- from elsewhere ------------------------------------------------------------------------------------

    async def call(self, request: Message, timeout: float, *, force: bool = False) -> Message:
        """As `Commands.call`."""
        return await self._made_commands().call(request, timeout, force=force)

    async def call_raw(self, request: Raw, timeout: float) -> Raw:
        """As `Commands.call_raw`."""
        return await self._made_commands().call_raw(request, timeout)

    @property
    def last_seen(self) -> float:
        """Trio time at which something was received."""
        return self._intake.last_heard

    @property
    def throttled(self) -> bool:
        """Whether it has used up what it may send, and is not read for a while."""
        return self._intake.throttled

    @property
    def waiting_calls(self) -> int:
        return 0 if self._commands is None else len(self._commands)

    def adopt(self, state: ChargePoint) -> None:
        self.state = state
        is_open = _is_open(state)
        if is_open is not self.is_open:
            self.is_open = is_open
            self._intake.limit(self._largest())

    def _largest(self) -> int:
        """Bytes that a message of it may have."""
        size = self._shared.settings.max_message_size
        return size if self.is_open else min(size, EARLY_SIZE)

    def configure(self, record: StationRecord, settings: StationSettings, registration: Registration) -> None:
        """Take over what was changed in the database; a message being worked on is finished first."""
        if self._intake.held:
            self._override = (record, settings, registration)
        else:
            self.record = record
            self.adopt(replace(self.state, settings=settings, registration=registration))

    def connected(self) -> ChargePointConnected:
        """The row that says so."""
        return ChargePointConnected(
            charge_point_id=self.record.id,
            connected_at=self._shared.now(),
            network_protocol=self.state.version,
            current_security_profile=self.profile,
            network_ip=self.remote,
        )

    def drain(self) -> None:
        """Close as soon as the message being worked on is answered (1012: come back, perhaps elsewhere)."""
        if not self._draining and self._commands is not None and self._commands.finish():
            self._watch_until(self._shared.timers.after(CALL_PATIENCE, self._leave))
        self._draining = True
        if not self._intake.held and not (self._commands is not None and self._commands.is_out):
            self._leave()

    def _leave(self) -> None:
        self.close(1012, "service restart", "drain")

    def cut(self) -> None:
        """Close the socket, without a word."""
        self._transport.close()

    def settled(self) -> None:
        """A request of ours has ended."""
        if self._draining:
            self.drain()

    def close(self, code: int, reason: str, why: str) -> None:
        """Say goodbye: calls fail, nothing more is answered. `why` is one word for the counters."""
        self._close(websocket.close_payload(code, reason), why)

    def _close(self, payload: bytes, why: str) -> None:
        if self.closed_for is not None:
            return
        self.closed_for = why
        self._transport.send(websocket.frame(websocket.CLOSE, payload))
        self._transport.finish()
        self._drop_calls("the connection was closed")
        # Closing the socket at once would turn unread bytes into a reset that overtakes our close frame.
        self._watch_until(self._shared.timers.after(LINGER, self._transport.close))

    # --- small parts ---------------------------------------------------------------------------------------

    def _look_after(self) -> None:
        """Ping who is silent, close who stays silent. While we do not listen, silence is no sign."""
        settings, now, attentive = self._shared.settings, self._shared.steady(), self._intake.attentive
        if self._pinged_at is not None and self.last_seen < self._pinged_at and attentive:
            self.closed_for = self.closed_for or "ping_timeout"
            self._transport.close()
            return
        self._pinged_at = None
        at = self.last_seen + settings.ping_interval
        if at <= now:
            at = now + settings.ping_timeout
            if attentive:
                self._transport.send(websocket.frame(websocket.PING, b""))
                self._pinged_at = now
        self._watch_until(self._shared.timers.at(at, self._look_after))

    def prove(self) -> None:
        """Another connection of this identity was turned away: ping, and close if nothing comes back."""
        if self.closed_for is None and self._intake.attentive and self._pinged_at is None:
            self._transport.send(websocket.frame(websocket.PING, b""))
            self._pinged_at = self._shared.steady()
            self._watch_until(self._shared.timers.after(PROOF, self._look_after))

    def _watch_until(self, timer: Timer | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = timer

    def _made_commands(self) -> Commands:
        if self._commands is None:
            self._commands = Commands(self._shared, self)
        return self._commands

    def _drop_calls(self, why: str) -> None:
        if self._commands is not None:
            self._commands.drop(why)


def _is_open(state: ChargePoint) -> bool:
    """Whether it may send everything: its boot was accepted, now or on an earlier connection."""
    return state.booted and state.registration is Registration.ACCEPTED
