"""What the message log keeps of a payload: its text, without secrets, and not endlessly long. Pure."""

from __future__ import annotations

from typing import Final

from engine import masking

LONGEST: Final = 65_536  # bytes kept of one payload
AROUND: Final = 4_096  # bytes behind the cut in which the name of a secret may stand whose value is before it


def kept(payload: bytes) -> str:
    """The text to log for a payload in JSON."""
    if not masking.may_hold(payload[: LONGEST + AROUND].decode(errors="replace")):
        return _cut(payload)
    if len(payload) > LONGEST:
        return f"{masking.MASK} ({len(payload)} bytes, and they may hold a secret)"
    document = masking.masked_document(payload)
    if document is None:
        return f"{masking.MASK} (malformed, and it may hold a secret)"
    return _cut(document)


def _cut(payload: bytes) -> str:
    """The text of its first bytes; what is not kept is never copied."""
    if len(payload) <= LONGEST:
        return payload.decode(errors="replace")
    end = LONGEST
    while end > LONGEST - 3 and payload[end] & 0xC0 == 0x80:  # not inside of a character
        end -= 1
    return payload[:end].decode(errors="replace") + "…"
