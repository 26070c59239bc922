"""One charge point's messages: each goes to the handler of its action, which decides what follows.

What a message means is the handler's to say (`engine.ocpp.step`). One message is worked on at a time; what
arrives meanwhile waits in the `Intake`, and in the kernel. A message that needs no look-up is worked on
without an `await`, and wakes no task: `on_text` and what it calls return None then, and otherwise what is
left to be awaited.
"""

from __future__ import annotations

from typing import Any, Final

import structlog
import trio

from engine.domain.lookups import StoredEvents
from engine.domain.state import Policy, Registration
from engine.ocpp import policy, rpc
from engine.ocpp.step import Facts, Needs, Refusal
from engine.points.intake import Work
from engine.points.performer import Performer
from engine.points.shared import Route
from ext import envelope

log = structlog.get_logger(__name__)

LOOK_UP: Final = 4  # messages that it costs besides to look something up for one
EVENTS_A_MESSAGE: Final = 3  # … and another one for so many stored events that are folded anew

NO_FACTS: Final = Facts()
TOO_MANY_BOOTS: Final = Refusal(code=rpc.Code.GENERIC_ERROR, description="Too many boots; try again.")


class Actor(Performer):
    """The user of one connection."""

    __slots__ = ()

    # --- what was received ---------------------------------------------------------------------------------

    def on_binary(self, payload: bytes) -> None:
        """As `User.on_binary`."""
        self.peer.malformed(rpc.Malformed.BINARY, None, payload)

    def on_text(self, text: bytes) -> Work | None:
        """As `User.on_text`."""
        if self.connection.closed_for is not None:
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
            self.connection.transport.send(kept[2])
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
            self.commands().misanswered(error.message_type, error.message_id, error.reason)
        return None

    def _may_early(self, route: Route) -> bool:
        """Whether it may send this before its boot was accepted; rejected, it may only boot again."""
        return route.boot or (route.early and self.state.registration is not Registration.REJECTED)

    def _on_boot(self, route: Route, message_id: str, rest: bytes, text: bytes) -> Work | None:
        """Boots wait for their turn: transactions are answered first."""
        delay = self._shared.boot_turn(self._conduct)
        if delay is None:
            self.peer.refuse(route, message_id, rest, TOO_MANY_BOOTS)
            return None
        if delay == 0:
            return self._on_call(route, message_id, rest, text)
        return self._boot_later(delay, route, message_id, rest, text)

    async def _boot_later(
        self, delay: float, route: Route, message_id: str, rest: bytes, text: bytes
    ) -> None:
        await trio.sleep(delay)
        work = None if self.is_over() else self._on_call(route, message_id, rest, text)
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
            needs = route.needs(state, request) if route.needs is not None else ()
            if needs:
                self._shared.allowance.charge(self._conduct, LOOK_UP, 0)
                return self._look_up(route, message_id, text, request, needs)
            outcome = route.step(state, request, NO_FACTS, self._shared.now())
        except Exception:
            log.exception("handler failed", **self.peer.named(route.action, message_id))
            self.fail(route, message_id)
            return None
        self.perform(route, message_id, text, outcome)
        return None

    async def _look_up(self, route: Route, message_id: str, text: bytes, request: Any, needs: Needs) -> None:
        """A message whose handler has to know more than the state."""
        if self.is_over():
            return  # closed meanwhile: the charge point will send it again
        try:
            facts = await self._shared.facts(self.state, needs)
            if self.is_over():
                return
            folded = sum(len(stored.events) for stored in facts.of(StoredEvents).sessions)
            if folded:
                self._shared.allowance.charge(self._conduct, folded // EVENTS_A_MESSAGE, 0)
            outcome = route.step(self.state, request, facts, self._shared.now())
        except Exception:
            log.exception("handler failed", **self.peer.named(route.action, message_id))
            self.fail(route, message_id)
            return
        self.perform(route, message_id, text, outcome)

    def _on_answer(self, kind: int, message_id: str, code: str, rest: bytes) -> Work | None:
        if kind in (envelope.CALLRESULT, envelope.CALLERROR):
            return self.commands().answered(kind, message_id, code, rest)
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
        state, route = self.state, self.dialect.sends.get(action)
        if route is None or not self.is_open:
            self.peer.ignore(action, message_id, rest, known=route is not None)
            return
        decoded = policy.decode(
            route.request, rest, state.settings.policy, state.vendor, state.model, state.version
        )
        if isinstance(decoded, Refusal):
            self.peer.ignore(action, message_id, rest)
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
        self.adopt(outcome.state)
