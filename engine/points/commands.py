"""Our requests to one charge point and what becomes of its answers. One per connection that needs it.

`calls` keeps the queue; here it meets the wire, the deadlines and the handlers that fold answers into the
state. Callers live in any task, answers are worked on in the actor's.
"""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import structlog
import trio

from engine.domain.state import ChargePoint, Registration
from engine.errors import CallDropped, CallError, CallRefused, CallTimeout, Conflict, Invalid, StoreError
from engine.ocpp import policy, rpc
from engine.ocpp.step import Message, Outcome, Raw, Refusal
from engine.points.calls import Call, Calls
from engine.points.connection import Connection
from engine.points.peer import Peer
from engine.points.shared import Dialect, Shared
from ext import envelope

log = structlog.get_logger(__name__)
A = TypeVar("A", Message, Raw)

# Not before a boot was accepted (OCPP 1.6 §4.2; 2.0.1 B02.FR.05). What changes configuration is allowed.
NEVER_BEFORE_BOOT: Final = frozenset(
    {"RemoteStartTransaction", "RemoteStopTransaction", "RequestStartTransaction", "RequestStopTransaction"}
)


class Link(Protocol):
    """What an actor offers here."""

    @property
    def state(self) -> ChargePoint: ...
    @property
    def generation(self) -> int: ...
    @property
    def dialect(self) -> Dialect: ...
    @property
    def is_open(self) -> bool: ...
    @property
    def connection(self) -> Connection: ...
    @property
    def peer(self) -> Peer: ...

    def adopt(self, state: ChargePoint) -> None: ...


class Commands:
    """The calls of one connection."""

    __slots__ = ("_calls", "_finishing", "_link", "_shared")

    def __init__(self, shared: Shared, link: Link) -> None:
        self._shared = shared
        self._link = link
        self._calls = Calls(shared.settings.call_queue)
        self._finishing = False

    def __len__(self) -> int:
        return len(self._calls)

    async def call(self, request: Message, timeout: float, *, force: bool = False) -> Message:
        """The charge point's answer to `request`. `timeout` seconds include waiting for earlier calls.

        Raises CallError, and unless it is forced Invalid (a rule of the protocol) and Conflict (its boot is
        not accepted yet).
        """
        made = self._made(request, force=force)
        return await self._result(self._enqueue(made, timeout), Message)

    async def call_raw(self, request: Raw, timeout: float) -> Raw:
        """The same for what no schema and no rule has seen, nor sees of its answer. Raises CallError."""
        return await self._result(self._enqueue(Call(request.action, request.payload), timeout), Raw)

    async def _result(self, call: Call, kind: type[A]) -> A:
        try:
            answer = await call.result()
        except trio.Cancelled:
            self._calls.withdraw(call)
            raise
        if not isinstance(answer, kind):
            raise TypeError(f"the answer to {call.action} is no {kind.__name__}")
        return answer

    def call_automatically(self, request: Message) -> None:
        """A call that an outcome asks for: nobody waits for it."""
        try:
            self._enqueue(self._made(request), self._shared.settings.call_timeout)
        except (CallError, Conflict, Invalid) as error:
            log.warning(
                "call not made",
                identity=self._link.state.identity,
                action=type(request).__name__,
                error=str(error),
            )

    def finish(self) -> bool:
        """Send nothing more: what waits is dropped. Whether an answer is awaited still."""
        self._finishing = True
        for call in self._calls.empty(waiting_only=True):
            self._dropped(call, "the node is being restarted")
        return self._calls.is_out

    def drop(self, why: str) -> None:
        """The connection is over: nobody waits any longer."""
        for call in self._calls.empty():
            self._dropped(call, why)

    def _dropped(self, call: Call, why: str) -> None:
        self._shared.metrics.messages.add("out", call.label, "dropped")
        call.settle(CallDropped(f"{call.action}: {why}"))

    def answered(
        self, kind: int, message_id: str, code: str, rest: bytes
    ) -> Coroutine[Any, Any, None] | None:
        """A CALLRESULT or CALLERROR came; what is returned has to be awaited."""
        call = self._calls.answered(message_id)
        if isinstance(call, rpc.Answered):
            self.unmatched(call, message_id, rest)
            return None
        self._shared.metrics.call_seconds.observe(self._shared.steady() - call.sent_at)
        if kind == envelope.CALLERROR:
            refused = rpc.read_error(code, rest)
            self._link.peer.keep("in", "error", call.action, message_id, rest)
            self._settle(call, refused)
            return None
        if call.action not in self._shared.unlogged:
            self._link.peer.keep("in", "result", call.action, message_id, rest)
        return self._fold(call, rest)

    def misanswered(self, kind: int, message_id: str, reason: str) -> None:
        """An answer that cannot be read: there will be no other, so nobody waits for one."""
        call = self._calls.answered(message_id)
        if not isinstance(call, rpc.Answered):
            refusal = Refusal(code=rpc.Code.FORMAT_VIOLATION, description=reason)
            self._unread(call, refusal, answered=kind == envelope.CALLRESULT)

    def unmatched(self, verdict: rpc.Answered, message_id: str, rest: bytes) -> None:
        """An answer to nothing, or too late, changes nothing."""
        self._link.peer.charge_odd(rest)
        self._shared.metrics.messages.add("in", "answer", verdict.value)
        self._link.peer.keep("in", "result", "", message_id[: rpc.MAX_ECHOED_ID], rest)

    def _made(self, request: Message, *, force: bool = False) -> Call:
        action, dialect = type(request).__name__, self._link.dialect
        if force:
            command = dialect.command(request)
        else:
            self._check_registration(action)
            command = dialect.checked(request, self._link.state, self._shared.now())
        return Call(action, rpc.encode(request), request, command)

    def _enqueue(self, call: Call, timeout: float) -> Call:
        if self._finishing or self._link.connection.closed_for is not None:
            raise CallDropped("the connection is closing")
        self._calls.add(call)
        call.timer = self._shared.timers.after(timeout, partial(self._overdue, call))
        self._send_next()
        return call

    def _check_registration(self, action: str) -> None:
        if self._link.state.registration is Registration.REJECTED:
            # OCPP 1.6 §4.2: it shall not answer, and is not to be called.
            raise Conflict(
                f"{action} is not sent: the charge point's registration is Rejected, it will not answer"
            )
        if not self._link.is_open and action in NEVER_BEFORE_BOOT:
            raise Conflict(f"{action} is not allowed before the charge point's boot was accepted")

    def _send_next(self) -> None:
        call = self._calls.next()
        if call is None:
            return
        message_id = self._shared.new_id()
        self._calls.sent(call, message_id, self._shared.steady())
        if call.action not in self._shared.unlogged:
            self._link.peer.keep("out", "call", call.action, message_id, call.payload)
        self._link.peer.send_text(envelope.call_text(message_id, call.action, call.payload))

    def _overdue(self, call: Call) -> None:
        was_out = self._calls.expire(call)
        why = "the charge point did not answer in time" if was_out else "its turn did not come in time"
        self._shared.metrics.messages.add("out", call.label, "timeout")
        call.settle(CallTimeout(f"{call.action}: {why}"))
        self._send_next()
        self._link.connection.settled()

    def _fold(self, call: Call, rest: bytes) -> Coroutine[Any, Any, None] | None:
        state, command = self._link.state, call.command
        if command is None:
            self._settle(call, Raw(action=call.action, payload=rest))
            return None
        decoded = policy.decode(
            command.response, rest, state.settings.policy, state.vendor, state.model, state.version
        )
        if isinstance(decoded, Refusal):
            self._unread(call, decoded, answered=True)
            return None
        answer = decoded.message
        outcome = None
        if command.answered is not None:
            try:
                outcome = command.answered(state, call.request, answer, self._shared.now())
            except Exception:
                # The caller gets its answer all the same: the charge point has done what was asked.
                correlation_id = self._link.peer.correlation(call.id)
                log.exception("handler failed", action=call.action, correlation_id=correlation_id)
        if outcome is not None and outcome.changes:
            return self._commit(call, answer, outcome)
        self._conclude(call, answer, outcome)
        return None

    def _unread(self, call: Call, refusal: Refusal, *, answered: bool) -> None:
        """Its answer was not understood; a charge point of 2.1 hears so (part 4), but not of an error."""
        if answered and self._link.dialect.has_sends:
            self._link.peer.refuse_answer(call.action, call.id, refusal)
        self._settle(call, CallRefused(refusal.code, f"malformed answer: {refusal.description}", {}))

    async def _commit(self, call: Call, answer: Message, outcome: Outcome) -> None:
        committed: Outcome | None = outcome
        try:
            await self._shared.journal.commit(outcome.changes, self._link.state.id, self._link.generation)
        except StoreError as error:
            correlation_id = self._link.peer.correlation(call.id)
            log.error("change refused", action=call.action, error=str(error), correlation_id=correlation_id)
            committed = None
        self._conclude(call, answer, committed if self._link.connection.closed_for is None else None)

    def _conclude(self, call: Call, answer: Message, outcome: Outcome | None) -> None:
        if outcome is not None:
            self._link.adopt(outcome.state)
        self._settle(call, answer)
        for request in outcome.calls if outcome is not None else ():
            self.call_automatically(request)

    def _settle(self, call: Call, result: Message | Raw | CallError) -> None:
        self._shared.metrics.messages.add("out", call.label, _outcome(result))
        call.settle(result)
        self._send_next()
        self._link.connection.settled()


def _outcome(result: Message | Raw | CallError) -> str:
    """A word for the counters."""
    if isinstance(result, CallRefused) and result.code in rpc.UNSUPPORTED:
        return "unsupported"
    return "error" if isinstance(result, CallError) else "ok"
