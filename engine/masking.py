"""What is a secret, by its name or by its look, and texts and documents without it. Pure.

One table for all that is stored or logged: the message log, events, audit and security records, log lines,
what is known of a station's configuration. `may_hold` is one search, which tells of most texts that there is
nothing in them; the others are taken apart, masked and put together again. Where it is not clear how far a
secret reaches, more is masked rather than less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

import msgspec

MASK: Final = "***"
SHORTEST: Final = 6  # characters of a text that shows what is secret in it: `pin=1` and less do not count
MOST_SEARCHED: Final = 16_384  # characters of suspicious texts that are searched in one document
MAX_NAME: Final = 100  # characters of one that is remembered
MAX_NESTING: Final = 6  # of JSON inside of strings of JSON; what lies deeper is masked whole

# --- the table ---------------------------------------------------------------------------------------------

# Names of members, configuration keys and variables, in lower case and without -_. and spaces:
# AuthorizationKey (1.6), BasicAuthPassword, apnPassword, simPin (2.x), what vendors and the web call theirs.
SECRET_NAMES: Final = re.compile(
    r"passw|passphrase|passcode|secret|credential|psk|simpin|pincode|^(?:pin|puk|pwd)$"
    r"|(?:authorization|private|shared|access|api)key"
    r"|(?<=.)(?<!public)(?<!configuration)(?<!unknown)key$"
    r"|(?<!id)token$|^(?:proxy)?authorization$|cookie$|^base64sha256"
)
# Names of secrets where they belong to something of these: {"vpn": {"key": …}}, {"wifi": {"code": …}}.
BARE_NAMES: Final = frozenset({"key", "code"})
SURROUNDINGS: Final = re.compile(r"vpn|wifi|wlan|wpa|modem|crypt")
# Parameters of URLs that open what they point to.
URL_PARAMETERS: Final = frozenset(
    {"sig", "signature", "key", "code", "auth", "hmac", "policy", "xamzsignature", "xamzcredential",
     "xgoogsignature", "xgoogcredential"}
)  # fmt: skip
# Members whose text is a name, and those that hold what it names: {"key": …, "value": …} of 1.6,
# {"variable": {"name": …}, "attributeValue": …} of 2.x, {"messageId": …, "data": …} of vendors.
NAMING: Final = frozenset(
    {"key", "name", "variable", "messageid", "message_id", "parameter", "setting", "property", "type", "id"}
)
VALUES: Final = re.compile(r"value|^(?:data|content|text|val|v|payload)$")
KEY_CODE: Final = "keycode"  # a type of 2.x's idTokens: what was typed in is not for logs (C04.FR.04)

# What is a secret by its look, wherever it stands.
LOOKS: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|\Z)"
    r"|\b(?P<scheme>(?:Basic|Bearer)\s+)[A-Za-z0-9+/=._~-]+"
    r"|\beyJ[\w-]{8,}\.[\w-]*\.[\w-]*|\bAKIA[0-9A-Z]{16}\b",
    re.DOTALL | re.IGNORECASE,
)
URL: Final = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]{0,31}:\\*/\\*/)(?P<rest>[^\s\"'<>]+)")
PARAMETER: Final = re.compile(r"(?<=[?&;#])([\w.%~-]{1,64})=([^&;#]+)")
# `password=…`, `WifiPSK: …`, `<secret>…`, JSON that is none; the value goes on to the end of the line.
ASSIGNMENT: Final = re.compile(
    r"(?<![\w.%-])((?:[A-Za-z][\w.%-]{0,31} )?[A-Za-z][\w.%-]{0,63})"
    r"(?:[\"'\\\])]+\s*[=:>]+\s*|[ \t]*[=:>]+[ \t]*)[\"'\\]*(?=[^\s=\"'\\])"
)
# A text that holds one of these has such a sign in it, in lower case; an escaped letter may be one of a name,
SIGNS: Final = (
    "pass", "secret", "credential", "psk", "puk", "pwd", "cookie", "keycode",
    "vpn", "wifi", "wi-fi", "wlan", "wpa", "modem", "crypt", "://", "\\/", "basic", "bearer", "private",
    "eyj", "akia", "\\u00",
)  # fmt: skip
# or one of these words, other than in here.
PIN: Final = re.compile(r"pin(?![a-z])|pincode")
HARMLESS: Final = {
    "authorization": ("authorizationid", "authorization.changed"),
    "token": ("idtoken",),
    "key": ('"key', "configurationkey", "unknownkey", "publickey", "keyhash"),
}
# Finds any of these words; one search, and by their first letters, which is fastest where there is none.
FIRST_LETTERS: Final = {
    letter: [word[1:] for word in (*SIGNS, *HARMLESS, "pin") if word[0] == letter]
    for letter in sorted({word[0] for word in (*SIGNS, *HARMLESS, "pin")})
}
SUSPICIOUS: Final = re.compile(
    "|".join(
        f"{re.escape(letter)}(?:{'|'.join(map(re.escape, rests))})" for letter, rests in FIRST_LETTERS.items()
    )
)
OBJECT_STARTS: Final = ("{", "[")  # what begins so and cannot be read is masked whole
JSON_STARTS: Final = (*OBJECT_STARTS, '"')
IGNORED: Final = str.maketrans("", "", "-_. ")


def is_secret_name(name: str, within: str = "") -> bool:
    """Whether what is called so is a secret; `within` is the name of what it belongs to."""
    return _judged(name, within) if len(name) + len(within) <= MAX_NAME else _judge(name, within)


def _judge(name: str, within: str) -> bool:
    plain = _plain(name)
    if plain in BARE_NAMES and SURROUNDINGS.search(_plain(within)) is not None:
        return True
    return SECRET_NAMES.search(plain) is not None


_judged: Final = lru_cache(4_096)(_judge)  # names come again and again


def may_hold(text: str) -> bool:
    """Whether there may be a secret in a text or a document."""
    text = text.lower()
    if SUSPICIOUS.search(text) is None:
        return False
    for sign in SIGNS:
        if sign in text:
            return True
    for word, others in HARMLESS.items():
        if word in text and text.count(word) > sum(map(text.count, others)):
            return True
    return "pin" in text and PIN.search(text) is not None


def are_plain(texts: Iterable[str]) -> bool:
    """Whether there is nothing in any of the texts that could be of a secret."""
    return SUSPICIOUS.search("\n".join(texts).lower()) is None


def masked_text(text: str) -> str:
    """The text without secrets."""
    try:
        return _Masker().text(text)
    except RecursionError:
        return MASK


def masked_document(payload: bytes) -> bytes | None:
    """JSON without secrets, to the letter where there is none; None where there may be one out of sight."""
    if not may_hold(payload.decode(errors="replace")):
        return payload
    try:
        document = msgspec.json.decode(payload)
        masked = _Masker().value(document)
        encoded = msgspec.json.encode(masked)
        # A member that comes twice is read once: with fewer quotes the text holds what was not looked at.
        return payload if masked == document and payload.count(b'"') == encoded.count(b'"') else encoded
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def masked_members(members: Mapping[str, Any], most: int = MOST_SEARCHED) -> dict[str, Any]:
    """Named values without secrets, nested ones too; `most` characters of suspicious texts are searched."""
    return _Masker(most).members(members)


class _Masker:
    """Goes through one document or text.

    `within` is the name of what something belongs to. Where it is `named`, what is called a value is that of
    a secret.
    """

    __slots__ = ("_left", "_nesting")

    def __init__(self, most: int = MOST_SEARCHED) -> None:
        self._nesting = 0  # how often it went into JSON inside of a string
        self._left = most

    def value(self, value: Any, within: str = "", named: bool = False) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list | tuple):
            return [self.value(item, within, named) for item in value]
        if isinstance(value, Mapping):
            return self.members(value, within, named)
        return value

    def members(self, members: Mapping[str, Any], within: str = "", named: bool = False) -> dict[str, Any]:
        names = list(_names(members))
        about = f"{within} {_component(members)}"
        named = named or any(is_secret_name(name, about) for name in names)
        typed_in = any(name.lower() == KEY_CODE for name in names)
        result = {}
        for name, member in members.items():
            secret = (
                is_secret_name(name, within)
                or (named and VALUES.search(name.lower()) is not None)
                or (typed_in and name == "idToken")
            )
            result[self.text(name)] = _hidden(member) if secret else self.value(member, name, named)
        return result

    def text(self, text: str) -> str:
        if len(text) < SHORTEST or not may_hold(text):
            return text
        start = text.lstrip()[:1]
        inner = _read(text) if start in JSON_STARTS else None
        if inner is not None and self._nesting < MAX_NESTING:
            self._nesting += 1
            masked = msgspec.json.encode(self.value(inner)).decode()
            self._nesting -= 1
            return masked
        self._left -= len(text)
        if inner is not None or start in OBJECT_STARTS or self._left < 0:
            return MASK
        return _assignments(URL.sub(_url, LOOKS.sub(_look, text)))


# --- texts -------------------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    return text.lower().translate(IGNORED)


def _read(text: str) -> Any:
    """What a text that is JSON stands for; None if it is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _look(match: re.Match[str]) -> str:
    return (match["scheme"] or "") + MASK


def _url(match: re.Match[str]) -> str:
    # The user ends at the last @, because a password may hold others, and slashes.
    _, at, rest = match["rest"].rpartition("@")
    rest = PARAMETER.sub(_parameter, rest)
    return f"{match['scheme']}{MASK}@{rest}" if at else match["scheme"] + rest


def _parameter(match: re.Match[str]) -> str:
    name = unquote(match[1])
    secret = _plain(name) in URL_PARAMETERS or is_secret_name(name)
    return f"{match[1]}={MASK}" if secret else match[0]


def _assignments(text: str) -> str:
    pieces, at = [], 0
    for match in ASSIGNMENT.finditer(text):
        name = unquote(match[1])
        if match.end() < at or not (is_secret_name(name) or is_secret_name(name.rpartition(" ")[2])):
            continue
        pieces += [text[at : match.end()], MASK]
        end = text.find("\n", match.end())
        at = len(text) if end < 0 else end
    return "".join((*pieces, text[at:]))


# --- documents ---------------------------------------------------------------------------------------------


def _names(members: Mapping[str, Any]) -> Iterator[str]:
    """Texts by which an object says what it is about: its own, and that of its `variable`."""
    for name, member in members.items():
        if name.lower() in NAMING:
            if isinstance(member, str):
                yield member
            elif isinstance(member, Mapping) and isinstance(member.get("name"), str):
                yield member["name"]


def _component(members: Mapping[str, Any]) -> str:
    """The component of 2.x's device model that an object is about."""
    component = members.get("component")
    name = component.get("name") if isinstance(component, Mapping) else ""
    return name if isinstance(name, str) else ""


def _hidden(member: Any) -> Any:
    """What is shown in place of a secret; whether there is one at all may be told."""
    return member if member is None or isinstance(member, bool) or member in ("", [], {}) else MASK
