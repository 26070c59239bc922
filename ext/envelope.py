# cython: boundscheck=False, wraparound=False
"""The OCPP-J envelope: which kind of message, whose id, which action, and where the payload lies.

The payload is cut out, never parsed: a decoder of its own judges it. What an answer to a malformed envelope
looks like differs by OCPP version and is decided elsewhere. `envelope.pxd` gives the types for compilation.
"""

from __future__ import annotations

import json
import re
from typing import Final

from ext._words import cut, pack

COMPILED: Final = not __file__.endswith(".py")

# Compiled, the private names are C integers, which Python does not see.
_CALL: Final = 2
_CALLRESULT: Final = 3
_CALLERROR: Final = 4
_CALLRESULTERROR: Final = 5  # since OCPP 2.1
_SEND: Final = 6  # since OCPP 2.1
CALL, CALLRESULT, CALLERROR, CALLRESULTERROR, SEND = _CALL, _CALLRESULT, _CALLERROR, _CALLRESULTERROR, _SEND

_TEXT_FRAME: Final = 0x81  # first byte of a whole, unmasked text frame
_HEADS: Final = {kind: b"[%d," % kind for kind in (CALL, CALLRESULT, CALLERROR, CALLRESULTERROR, SEND)}
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")  # RFC 8259 §6


class NumericId(str):
    """A message id that came as a JSON number, letter by letter. What carries it goes out as that number."""

    __slots__ = ()


class EnvelopeError(ValueError):
    """A text that is not an OCPP-J message; `message_id` and `message_type` as far as they could be read."""

    def __init__(self, message_id: str | None, reason: str, message_type: int | None = None) -> None:
        super().__init__(reason)
        self.message_id = message_id
        self.message_type = message_type
        self.reason = reason


class Scanner:
    """Reads the elements of one JSON array from the left."""

    __slots__ = ("at", "end", "text")

    def enter(self, text: bytes) -> bool:
        """Step inside the brackets, which must enclose the whole text but for white space."""
        self.text = text
        self.at = 0
        self.end = len(text)
        self.trim()
        self.skip()
        if self.end - self.at < 2 or text[self.at] != 0x5B or text[self.end - 1] != 0x5D:
            return False
        self.at += 1
        self.end -= 1
        self.trim()
        return True

    def skip(self) -> None:
        while self.at < self.end and _is_space(self.text[self.at]):
            self.at += 1

    def trim(self) -> None:
        while self.end > self.at and _is_space(self.text[self.end - 1]):
            self.end -= 1

    def comma(self) -> bool:
        """Step over a comma and the white space around it."""
        self.skip()
        if self.at >= self.end or self.text[self.at] != 0x2C:
            return False
        self.at += 1
        self.skip()
        return True

    def number(self) -> int:
        """A number of one to four digits, or -1."""
        self.skip()
        start = self.at
        value = 0
        while self.at < self.end and self.at - start < 4 and 0x30 <= self.text[self.at] <= 0x39:
            value = value * 10 + self.text[self.at] - 0x30
            self.at += 1
        return value if self.at > start else -1

    def string(self) -> str | None:
        """The string behind the next comma; None where there is none, or one that is not JSON."""
        if not self.comma() or self.at >= self.end or self.text[self.at] != 0x22:
            return None
        start = self.at + 1
        at = start
        plain = True
        while at < self.end and self.text[at] != 0x22:
            if self.text[at] == 0x5C:
                plain = False
                at += 1
            elif not 0x20 <= self.text[at] <= 0x7E:
                plain = False
            at += 1
        if at >= self.end:
            return None
        self.at = at + 1
        return self.text[start:at].decode("ascii") if plain else _unescape(self.text[start - 1 : at + 1])

    def numeric_id(self) -> str | None:
        """The number behind the next comma; None where there is none. To be asked before `string`."""
        if not self.comma():
            return None
        found = _NUMBER.match(self.text, self.at, self.end)
        if found is None:
            return None
        self.at = found.end()
        return NumericId(found[0].decode())

    def rest(self) -> bytes | None:
        """What stands behind the next comma; b"" at the array's end, None where something else stands."""
        if not self.comma():
            return b"" if self.at == self.end else None
        return cut(self.text, self.at, self.end)


def split(text: bytes, numeric_id: bool = False) -> tuple[int, str, str, bytes]:
    """Message type, message id, action or error code, and the rest as it stands in the text.

    With `numeric_id` the message id must be a number, which OCPP-J does not allow, and is a NumericId.

    The rest is the payload of CALL, CALLRESULT and SEND; of CALLERROR and CALLRESULTERROR it is an array of
    what follows the code: description and details, either of which may be absent. It need not be JSON.
    A CALLRESULT has "" for an action. Raises EnvelopeError, and nothing else, whatever the bytes.
    """
    scan = Scanner.__new__(Scanner)  # compiled, a plain allocation without a call
    if not scan.enter(text):
        raise EnvelopeError(None, "not a JSON array")
    kind = scan.number()
    if kind < 0:
        raise EnvelopeError(None, "the message type must be a number")
    message_id = scan.numeric_id() if numeric_id else scan.string()
    if message_id is None:
        raise EnvelopeError(None, "the message id must be a string", kind)
    if kind < _CALL or kind > _SEND:
        raise EnvelopeError(message_id, "unknown message type", kind)
    name = "" if kind == _CALLRESULT else scan.string()
    if name is None:
        raise EnvelopeError(message_id, "the action or error code must be a string", kind)
    rest = scan.rest()
    if rest is None:
        raise EnvelopeError(message_id, "elements must be separated by commas", kind)
    if kind in (_CALLERROR, _CALLRESULTERROR):
        return kind, message_id, name, pack(0, (b"[", rest, b"]"))
    if not rest:
        raise EnvelopeError(message_id, "the payload is missing", kind)
    return kind, message_id, name, rest


def result_frame(message_id: str, payload: bytes) -> bytes:
    """A whole unmasked WebSocket text frame of `[3,"id",payload]`."""
    return pack(_TEXT_FRAME, (b"[3,", _literal(message_id), b",", payload, b"]"))


def result_text(message_id: str, payload: bytes) -> bytes:
    """`[3,"id",payload]`."""
    return pack(0, (b"[3,", _literal(message_id), b",", payload, b"]"))


def call_frame(message_id: str, action: str, payload: bytes, kind: int = CALL) -> bytes:
    """A whole unmasked WebSocket text frame of `[2,"id","action",payload]`; `kind` may be SEND."""
    return pack(_TEXT_FRAME, (call_text(message_id, action, payload, kind),))


def call_text(message_id: str, action: str, payload: bytes, kind: int = CALL) -> bytes:
    """`[2,"id","action",payload]`; `kind` may be SEND."""
    return pack(0, (_HEADS[kind], _literal(message_id), b',"', _escape(action), b'",', payload, b"]"))


def error_frame(
    message_id: str, code: str, description: str = "", details: bytes = b"{}", kind: int = CALLERROR
) -> bytes:
    """A whole unmasked WebSocket text frame of `error_text`."""
    return pack(_TEXT_FRAME, (error_text(message_id, code, description, details, kind),))


def error_text(
    message_id: str, code: str, description: str = "", details: bytes = b"{}", kind: int = CALLERROR
) -> bytes:
    """`[4,"id","code","description",details]`; details are JSON, `kind` may be CALLRESULTERROR."""
    pieces = (_HEADS[kind], _literal(message_id), b',"', _escape(code), b'","', _escape(description), b'",')
    return pack(0, (*pieces, details, b"]"))


def _is_space(byte: int) -> bool:
    return byte in (0x20, 0x0A, 0x0D, 0x09)


def _is_plain(text: str) -> bool:
    """Whether the text stands in JSON as it is."""
    for char in text:  # noqa: SIM110 - a loop over a typed variable needs no Python object
        if not " " <= char <= "~" or char in ('"', "\\"):
            return False
    return True


def _literal(message_id: str) -> str:
    """A message id, of whatever kind of text, as it stands in JSON."""
    return str(message_id) if isinstance(message_id, NumericId) else f'"{_escape(str(message_id))}"'


def _escape(text: str) -> str:
    """The text as it stands between the quotes of a JSON string."""
    return text if _is_plain(text) else json.dumps(text).removeprefix('"').removesuffix('"')


def _unescape(literal: bytes) -> str | None:
    """A JSON string with its quotes; None if it is malformed or stands for no Unicode text."""
    try:
        value = str(json.loads(literal.decode()))
        value.encode()
    except ValueError:
        return None
    return value
