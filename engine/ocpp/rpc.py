"""OCPP-J's remote procedure calls: error codes per version, answers to malformed frames, the one CALL.

Sans-IO: ids and times are arguments. Which payloads are acceptable is `engine.ocpp.policy`'s question.
(OCPP-J 1.6 §4, OCPP-J 2.0.1 part 4 §4.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Any, Final

import msgspec

from engine.errors import CallRefused
from engine.ocpp.shapes import record_of
from engine.ocpp.step import Message, Refusal
from ext import envelope

MAX_MESSAGE_ID = 36  # characters (OCPP-J 1.6 §4.1.4)
MAX_DESCRIPTION = 255  # characters (2.0.1 part 4 §4.2.3)
UNREADABLE_ID = "-1"  # what a 2.x CALLERROR carries when the message id could not be read
# Long ids are answered with themselves, refused or not, but not at any price.
MAX_ECHOED_ID = 255

# Decimal is a JSON number, time is RFC 3339 in UTC with `Z`. What is sent goes through `encode`.
ENCODER = msgspec.json.Encoder(decimal_format="number")
_POINT: Final = ord(".")  # a byte is found faster than bytes are
_MICROSECONDS: Final = re.compile(rb'("\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\d{3}([^"]*")')


class LongId(str):
    """A message id that is longer than OCPP-J allows, of a peer that is answered all the same."""

    __slots__ = ()


class Code(StrEnum):
    """What a CALLERROR means; `spelt` gives the word that a version has for it."""

    NOT_IMPLEMENTED = "NotImplemented"  # the action is unknown
    NOT_SUPPORTED = "NotSupported"  # the action is known, but not supported here
    INTERNAL_ERROR = "InternalError"
    PROTOCOL_ERROR = "ProtocolError"  # 1.6: the payload is incomplete; 2.x: not conform the PDU structure
    SECURITY_ERROR = "SecurityError"
    FORMAT_VIOLATION = "FormatViolation"  # 1.6: also not conform the PDU structure
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    OCCURRENCE_CONSTRAINT_VIOLATION = "OccurrenceConstraintViolation"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
    GENERIC_ERROR = "GenericError"
    RPC_FRAMEWORK_ERROR = "RpcFrameworkError"  # 2.x: the frame itself is no message
    MESSAGE_TYPE_NOT_SUPPORTED = "MessageTypeNotSupported"  # 2.x


# Codes by which a peer says that it has no such thing (OCPP-J 1.6 table 7, 2.0.1 part 4 §4.3).
UNSUPPORTED = frozenset({Code.NOT_IMPLEMENTED, Code.NOT_SUPPORTED})
# What is told before a boot was accepted (OCPP 1.6 §4.2; 2.0.1 B02.FR.09).
NOT_BOOTED = Refusal(
    code=Code.SECURITY_ERROR, description="Send BootNotification first and wait until it is accepted."
)
# Words that differ from the enum's. 1.6 has two of its own (the misspelling is the specification's) and lacks
# two, for which its catch-all stands.
SPELLINGS: Mapping[str, Mapping[str, str]] = {
    "ocpp1.6": {
        Code.FORMAT_VIOLATION: "FormationViolation",
        Code.OCCURRENCE_CONSTRAINT_VIOLATION: "OccurenceConstraintViolation",
        Code.RPC_FRAMEWORK_ERROR: "GenericError",
        Code.MESSAGE_TYPE_NOT_SUPPORTED: "GenericError",
    },
}


def spelt(code: str, version: str) -> str:
    """The word for a code in this version ("ocpp1.6" …)."""
    return SPELLINGS.get(version, {}).get(code, str(code))


def encode(message: Message) -> bytes:
    """A payload as it is sent: compact JSON, members in the schema's order.

    Its times have at most three decimals (2.0.1 part 2, time format requirements).
    """
    payload = ENCODER.encode(message)
    if _POINT not in payload or not record_of(type(message)).timed:
        return payload
    return _MICROSECONDS.sub(rb"\1\2", payload)


def error_frame(message_id: str, refusal: Refusal, version: str) -> bytes:
    """A CALLERROR as a WebSocket text frame, in the version's words."""
    code, details = spelt(refusal.code, version), ENCODER.encode(refusal.details)
    return envelope.error_frame(message_id, code, refusal.description[:MAX_DESCRIPTION], details)


def read_error(code: str, rest: bytes) -> CallRefused:
    """The error in a CALLERROR: its code and what followed it (`[description, details]`, of any shape)."""
    try:
        parts = msgspec.json.decode(rest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        parts = []
    description = parts[0] if isinstance(parts, list) and parts and isinstance(parts[0], str) else ""
    details: Any = parts[1] if isinstance(parts, list) and len(parts) > 1 else {}
    return CallRefused(code, description, details if isinstance(details, dict) else {})


class Malformed(Enum):
    """What can be wrong with a frame before its payload is looked at."""

    NOT_A_MESSAGE = "not an OCPP message"
    UNKNOWN_TYPE = "unknown message type number"
    ID_TOO_LONG = "message id longer than 36 characters"
    BINARY = "a binary frame is no OCPP message"


# What is answered. A missing entry: nothing, the frame is only counted.
# 1.6 knows no answer without the id of a call, and ignores unknown message types (OCPP-J 1.6 §4.1.3, §4.2.3).
ANSWERS_16: Mapping[Malformed, Code] = {
    Malformed.NOT_A_MESSAGE: Code.FORMAT_VIOLATION,
    Malformed.ID_TOO_LONG: Code.TYPE_CONSTRAINT_VIOLATION,
}
# 2.0.1 part 4 §4.2.3, §4.3, §4.4
ANSWERS_2X: Mapping[Malformed, Code] = {
    Malformed.NOT_A_MESSAGE: Code.RPC_FRAMEWORK_ERROR,
    Malformed.UNKNOWN_TYPE: Code.MESSAGE_TYPE_NOT_SUPPORTED,
    Malformed.ID_TOO_LONG: Code.RPC_FRAMEWORK_ERROR,
    Malformed.BINARY: Code.RPC_FRAMEWORK_ERROR,
}


def malformed_answer(
    fault: Malformed, message_id: str | None, version: str, detail: str = ""
) -> tuple[str, Refusal] | None:
    """Message id and meaning of the CALLERROR that answers a malformed frame, or None: then it is ignored.

    `message_id` is the id where it could be read; `detail` a reason in our words. Not for malformed answers
    to our own calls: those are never answered.
    """
    old = version == "ocpp1.6"
    code = (ANSWERS_16 if old else ANSWERS_2X).get(fault)
    if message_id is not None and len(message_id) > MAX_ECHOED_ID:
        message_id = None
    if code is None or (old and message_id is None):
        return None
    refusal = Refusal(code=code, description=detail or fault.value)
    return UNREADABLE_ID if message_id is None else message_id, refusal


class Answered(Enum):
    """What an incoming CALLRESULT or CALLERROR belongs to."""

    CURRENT = "current"  # the call under way
    LATE = "late"  # a call given up earlier: its deadline passed, or it was dropped
    UNKNOWN = "unknown"  # no call of ours, or one answered already


class Correlator:
    """Book-keeping of a connection's ONE outstanding CALL (OCPP-J 1.6 §4.1.1). Knows no clock and no queue.

    state      opened      answered(current)   given_up
    idle       → waiting   —                   —
    waiting    error       → idle              → idle, its id is remembered as late
    """

    __slots__ = ("_late", "deadline", "message_id")

    REMEMBERED = 8  # ids given up; older ones count as unknown

    def __init__(self) -> None:
        self.message_id: str | None = None
        self.deadline = 0.0
        self._late: tuple[str, ...] = ()

    @property
    def idle(self) -> bool:
        return self.message_id is None

    def opened(self, message_id: str, deadline: float) -> None:
        """A CALL was sent; RuntimeError when another one is still under way."""
        if self.message_id is not None:
            raise RuntimeError("a CALL is under way already (OCPP-J 1.6 §4.1.1)")
        self.message_id = message_id
        self.deadline = deadline

    def answered(self, message_id: str) -> Answered:
        """An answer came; CURRENT makes way for the next call."""
        if message_id == self.message_id:
            self.message_id = None
            return Answered.CURRENT
        if message_id in self._late:
            self._late = tuple(late for late in self._late if late != message_id)
            return Answered.LATE
        return Answered.UNKNOWN

    def given_up(self) -> str | None:
        """The call under way will not be waited for any longer; its id, or None when there was none."""
        given_up, self.message_id = self.message_id, None
        if given_up is not None:
            self._late = (*self._late, given_up)[-self.REMEMBERED :]
        return given_up

    def overdue(self, now: float) -> bool:
        return self.message_id is not None and now >= self.deadline
