"""The other end of a connection: answers to it, refusals above all, and what is kept of its messages.

Nothing here knows what a message means or waits for anything.
"""

from __future__ import annotations

from typing import Final

import structlog

from engine.domain.access import StationRecord
from engine.domain.changes import MessageLogged
from engine.domain.state import ChargePoint, Policy
from engine.ocpp import rpc
from engine.ocpp.outcome import Decoded
from engine.ocpp.step import Refusal
from engine.points import message_log
from engine.points.admission import Conduct
from engine.points.connection import Connection
from engine.points.shared import Dialect, Route, Shared
from ext import envelope

log = structlog.get_logger(__name__)

MAX_REPAIR_LABELS: Final = 2_000  # chargers choose vendor and model, and so the size of that counter
# The repairs of message ids.
ID_RULES: Final[dict[type[str], str]] = {envelope.NumericId: "numeric-id", rpc.LongId: "long-id"}
# What is mended or refused costs so many times what a good message of its size does, as measured.
ODD: Final = 4
MAX_ACTION: Final = 64  # characters kept of an action that does not exist


class Peer:
    """One connection's other end; `record` is what is stored of it."""

    __slots__ = (
        "_conduct", "_connection", "_dialect", "_generation", "_record", "_shared",
    )  # fmt: skip

    def __init__(
        self,
        shared: Shared,
        connection: Connection,
        dialect: Dialect,
        *,
        record: StationRecord,
        generation: int,
        conduct: Conduct,
    ) -> None:
        self._shared = shared
        self._connection = connection
        self._dialect = dialect
        self._record = record
        self._generation = generation
        self._conduct = conduct

    # --- answers -------------------------------------------------------------------------------------------

    def send_text(self, text: bytes) -> None:
        self._connection.transport.send(self._connection.framed(text))

    def result_frame(self, message_id: str, payload: bytes) -> bytes:
        """A CALLRESULT as it goes out."""
        if self._connection.deflate is None:
            return envelope.result_frame(message_id, payload)
        return self._connection.framed(envelope.result_text(message_id, payload))

    def error_frame(self, action: str, message_id: str, refusal: Refusal) -> bytes:
        """A CALLERROR as it goes out; logged."""
        self._keep_error(action, message_id, refusal)
        return rpc.error_frame(message_id, refusal, self._dialect.version)

    def refuse_answer(self, action: str, message_id: str, refusal: Refusal) -> None:
        """2.1 part 4: it hears that its answer was not understood; logged."""
        self._keep_error(action, message_id, refusal)
        code, details = rpc.spelt(refusal.code, self._dialect.version), rpc.ENCODER.encode(refusal.details)
        self.send_text(
            envelope.error_text(message_id, code, refusal.description, details, kind=envelope.CALLRESULTERROR)
        )

    def _keep_error(self, action: str, message_id: str, refusal: Refusal) -> None:
        code = rpc.spelt(refusal.code, self._dialect.version)
        shown = rpc.ENCODER.encode((code, refusal.description, refusal.details))
        self.keep("out", "error", action, message_id, shown)

    # --- what cannot be worked on --------------------------------------------------------------------------

    def charge_odd(self, text: bytes) -> None:
        """It costs us more than what is as it should be."""
        self._shared.allowance.charge(self._conduct, ODD - 1, (ODD - 1) * len(text))

    def refuse(self, route: Route, message_id: str, rest: bytes, refusal: Refusal) -> None:
        """Answer CALLERROR; both are always logged."""
        self.charge_odd(rest)
        self._shared.metrics.messages[route.failed] += 1
        self.keep("in", "call", route.action, message_id, rest)
        self._connection.transport.send(self.error_frame(route.action, message_id, refusal))

    def unknown(self, action: str, message_id: str, rest: bytes) -> None:
        """An action that there is not."""
        self.charge_odd(rest)
        # OCPP-J 1.6 table 7: NotImplemented is not known, NotSupported is known but not in this direction.
        known = action in self._dialect.outbound
        self._shared.metrics.messages.add("in", "unknown", "error")
        action = action[:MAX_ACTION]
        self.keep("in", "call", action, message_id, rest)
        code = rpc.Code.NOT_SUPPORTED if known else rpc.Code.NOT_IMPLEMENTED
        refusal = Refusal(code=code, description="There is no such request to a central system.")
        self._connection.transport.send(self.error_frame(action, message_id, refusal))

    def bad_envelope(self, error: envelope.EnvelopeError, text: bytes) -> None:
        """A text that is no message."""
        kind = error.message_type
        if kind in (envelope.CALLRESULT, envelope.CALLERROR, envelope.CALLRESULTERROR):
            # An answer is never answered.
            self.charge_odd(text)
            self._shared.metrics.messages.add("in", "answer", "malformed")
            self.keep("in", "result", "", (error.message_id or "")[: rpc.MAX_ECHOED_ID], text)
        elif kind == envelope.SEND and self._dialect.has_sends:
            self.charge_odd(text)
            self._shared.metrics.messages.add("in", "none", "malformed")  # nor is a SEND
            self.keep("in", "send", "", (error.message_id or "")[: rpc.MAX_ECHOED_ID], text)
        elif kind is None or kind in (envelope.CALL, envelope.SEND):
            self.malformed(rpc.Malformed.NOT_A_MESSAGE, error.message_id, text, error.reason)
        else:
            self.malformed(rpc.Malformed.UNKNOWN_TYPE, error.message_id, text)

    def malformed(self, fault: rpc.Malformed, message_id: str | None, text: bytes, detail: str = "") -> None:
        """A frame that breaks OCPP-J; answered where the version says so, with `detail` if there is one."""
        self.charge_odd(text)
        self._shared.metrics.messages.add("in", "none", "malformed")
        self.keep("in", "call", "", (message_id or "")[: rpc.MAX_ECHOED_ID], text)
        answer = rpc.malformed_answer(fault, message_id, self._dialect.version, detail)
        if answer is not None:
            self._connection.transport.send(self.error_frame("", *answer))

    def answer_refused(self, message_id: str, code: str, rest: bytes) -> None:
        """2.1 part 4: it could not read our answer to a call of its own. There is nothing to be answered."""
        self.charge_odd(rest)
        self._shared.metrics.messages.add("in", "answer", "refused")
        self.keep("in", "error", "", message_id[: rpc.MAX_ECHOED_ID], rest)
        log.warning("answer refused", identity=self._connection.identity, code=code[:MAX_ACTION])

    # --- what is kept of it --------------------------------------------------------------------------------

    def ignore(self, action: str, message_id: str, rest: bytes, *, known: bool = True) -> None:
        """A message that wants no answer and that cannot be worked on."""
        self.charge_odd(rest)
        self._shared.metrics.messages.add("in", action if known else "unknown", "error")
        self.keep("in", "send", action[:MAX_ACTION], message_id[: rpc.MAX_ECHOED_ID], rest)

    def note_repairs(
        self,
        state: ChargePoint,
        route: Route,
        message_id: str,
        rest: bytes,
        decoded: Decoded,
        *,
        kind: str = "call",
    ) -> None:
        """Count and log what had to be mended in a message, its id included."""
        self.charge_odd(rest)
        repairs = self._shared.metrics.repairs
        full = len(repairs) >= MAX_REPAIR_LABELS
        listed = list(zip(decoded.repairs, decoded.places, strict=True))
        if (rule := ID_RULES.get(type(message_id))) is not None:
            listed.insert(0, (rule, "messageId"))
        for rule, _ in listed:
            repairs.add(*(("", "") if full else (state.vendor, state.model)), route.action, rule)
        repaired = ", ".join(f"{rule} {place}" for rule, place in listed)
        self.keep("in", kind, route.action, message_id[: rpc.MAX_ECHOED_ID], rest, repairs=repaired)
        if state.settings.policy is Policy.OBSERVE:
            log.warning("message mended", repairs=repaired, **self.named(route.action, message_id))

    def correlation(self, message_id: str) -> str:
        """Finds a message in logs and message log: the charge point, its connection, the message."""
        return f"{self._record.id}-{self._generation}-{message_id}"

    def named(self, action: str, message_id: str) -> dict[str, str]:
        """A message in a log line."""
        return {
            "identity": self._connection.identity,
            "action": action,
            "correlation_id": self.correlation(message_id),
        }

    def keep(
        self,
        direction: str,
        kind: str,
        action: str,
        message_id: str,
        payload: bytes,
        *,
        repairs: str | None = None,
    ) -> None:
        """Put a message into the log, if there is room for more of this charge point."""
        journal = self._shared.journal
        if not journal.has_room(self._record.id):
            journal.drop(MessageLogged)
            return
        row = MessageLogged(
            charge_point_id=self._record.id,
            operator_id=self._record.operator_id,
            at=self._shared.now(),
            direction=direction,
            kind=kind,
            action=action,
            message_id=message_id,
            payload=message_log.kept(payload),
            correlation_id=self.correlation(message_id),
            repairs=repairs,
        )
        journal.append((row,))
