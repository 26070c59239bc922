"""What the message log keeps of a payload: its text, without secrets, and not endlessly long. Pure.

Most payloads are kept as they are: one search tells that nothing in them looks like a secret. The others are
taken apart, masked and put together again.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

MASK: Final = "***"
LONGEST: Final = 65_536  # bytes kept of one payload

# Names of configuration keys, variables and members whose value is a secret: AuthorizationKey (1.6),
# BasicAuthPassword, apnPassword, simPin (2.x), and what vendors call theirs.
_SECRET: Final = re.compile(
    r"authorizationkey|passw|passphrase|secret|private_?key|credential|sim_?pin", re.IGNORECASE
)
_USERINFO: Final = re.compile(r"(?<=://)[^/\s\"@]+@")  # ftp://user:password@host
_SUSPECT: Final = re.compile(f'{_SECRET.pattern}|keycode|://[^/\\s"@]+@'.encode(), re.IGNORECASE)
# What _SUSPECT finds has one of these in it, in lower case; to look for each takes a fraction of its time.
_SIGNS: Final = (
    b"authorizationkey", b"passw", b"passphrase", b"secret", b"private", b"credential", b"simpin", b"sim_pin",
    b"://", b"keycode",
)  # fmt: skip

_VALUES: Final = ("value", "attributeValue", "actualValue")
_KEY_CODE: Final = "keycode"  # a type of 2.x's idTokens: what was typed in is not for logs (C04.FR.04)
_VPN: Final = "vpn"  # of a 2.x network profile; its member `key` is a secret, elsewhere that is a name


def kept(payload: bytes) -> str:
    """The text to log for a payload in JSON."""
    if not _is_suspect(payload):
        return _cut(payload)
    if len(payload) > LONGEST:
        return f"{MASK} ({len(payload)} bytes, and they may hold a secret)"
    try:
        document = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return f"{MASK} (malformed, and it may hold a secret)"
    return _cut(msgspec.json.encode(_masked(document)))


def _is_suspect(payload: bytes) -> bool:
    """Whether it may hold a secret."""
    lower = payload.lower()
    for sign in _SIGNS:
        if sign in lower:
            return _SUSPECT.search(payload) is not None
    return False


def _masked(value: Any, hidden: tuple[str, ...] = ()) -> Any:
    """`hidden`: further members that are secrets, because of what they belong to."""
    if isinstance(value, str):
        return _USERINFO.sub(f"{MASK}@", value)
    if isinstance(value, list):
        return [_masked(item, hidden) for item in value]
    if not isinstance(value, dict):
        return value
    if _SECRET.search(_named(value)):
        hidden = (*hidden, *_VALUES)  # in 2.x also those of the attributes within
    kind = value.get("type")
    if isinstance(kind, str) and kind.casefold() == _KEY_CODE:
        hidden = (*hidden, "idToken")
    return {
        name: MASK
        if isinstance(member, str | int | float) and (_SECRET.search(name) or name in hidden)
        else _masked(member, ("key",) if name == _VPN else hidden)
        for name, member in value.items()
    }


def _named(member: dict[str, Any]) -> str:
    """Whose value an object carries: {"key": …, "value": …} in 1.6, {"variable": {"name": …}, …} in 2.x."""
    key = member.get("key")
    variable = member.get("variable")
    if isinstance(variable, dict):
        key = variable.get("name")
    return key if isinstance(key, str) else ""


def _cut(payload: bytes) -> str:
    """The text of its first bytes; what is not kept is never copied."""
    if len(payload) <= LONGEST:
        return payload.decode(errors="replace")
    end = LONGEST
    while end > LONGEST - 3 and payload[end] & 0xC0 == 0x80:  # not inside of a character
        end -= 1
    return payload[:end].decode(errors="replace") + "…"
