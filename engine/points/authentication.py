"""May this connection be that charge point? A pure decision by the rules of OCPP's security profiles.

(OCPP 1.6 security whitepaper §2, OCPP 2.0.1 part 2 A00.) Whoever has proven nothing learns nothing:
an unknown identity, a wrong password and a missing certificate are answered with the same 401, although
OCPP-J suggests 404 for the first. Only who knew the password or holds the certificate is told why not (403).
Takes credentials as the wire gave them; reads no socket and no database.
"""

from __future__ import annotations

import base64
import binascii
import string
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from engine.domain.access import StationRecord, password_matches
from engine.domain.state import Frozen

FAILED: Final = "FailedToAuthenticateAtCentralSystem"  # names of the security whitepaper's events
BAD_CERTIFICATE: Final = "InvalidChargePointCertificate"
CHALLENGE: Final = (("WWW-Authenticate", 'Basic realm="OCPP", charset="UTF-8"'),)

_NOBODY: Final = StationRecord(id=0, identity="", operator_id=0, security_profile=1)


class Certificate(Frozen, frozen=True):
    """What was verified about the peer by TLS, or by a proxy and whoever uploaded its certificate."""

    common_name: str | None
    serial: str  # hex
    valid_from: datetime | None = None  # None: TLS has looked already
    valid_until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        return (self.valid_from is None or self.valid_from <= now) and (
            self.valid_until is None or now <= self.valid_until
        )


class Credentials(Frozen, frozen=True):
    """What a connection brings along."""

    authorization: bytes | None = None  # value of the Authorization header
    secure: bool = False  # came over TLS
    certificate: Certificate | None = None


class Admitted(Frozen, frozen=True):
    """Let in; `profile` is the security profile in effect on this connection."""

    profile: int


class Refused(Frozen, frozen=True):
    """Kept out. `reason` is told to the peer; `event` and `detail` go to the security log."""

    status: int
    reason: str
    event: str
    detail: str


def authenticate(record: StationRecord | None, identity: str, given: Credentials) -> Admitted | Refused:
    """Decide for the stored `record` of `identity`, None if there is none.

    The password is hashed and compared once, whoever it is: how long that takes tells nothing.
    """
    fits = _password_fits(record or _NOBODY, identity, given)
    if record is None:
        return _refused("unknown identity")
    return _decide(record, identity, given, fits)


def _decide(record: StationRecord, identity: str, given: Credentials, fits: bool) -> Admitted | Refused:
    """`fits`: the password is that of the record."""
    if record.next_security_profile is not None:
        # A05: moving up. What it is leaving is good enough until it came with the better one.
        moved = replace(record, security_profile=record.next_security_profile, next_security_profile=None)
        verdict = _decide(moved, identity, given, fits)
        if isinstance(verdict, Admitted):
            return verdict
    if record.security_profile == 3:
        return _with_certificate(record, identity, given, fits)
    if record.security_profile == 0:
        if not record.enabled:
            return _forbidden("This charge point is disabled.", "disabled")
        return Admitted(profile=0)
    if not fits:
        return _refused("wrong or missing credentials")
    if not record.enabled:
        return _forbidden("This charge point is disabled.", "disabled")
    if record.security_profile == 2 and not given.secure:
        return _forbidden("Connect with wss://: this charge point has security profile 2.", "no TLS")
    # A profile 1 station over TLS does better than it has to (whitepaper §2.2, moving up).
    return Admitted(profile=2 if given.secure else 1)


def _with_certificate(
    record: StationRecord, identity: str, given: Credentials, fits: bool
) -> Admitted | Refused:
    """Profile 3: the certificate belongs to the identity by its serial if one is recorded, else by CN."""
    certificate = given.certificate
    if certificate is None:
        if fits:
            return _forbidden("Connect with a client certificate: security profile 3.", "no certificate")
        return _refused("no client certificate")
    if record.certificate_serial is not None:
        bound = _serial(certificate.serial) == _serial(record.certificate_serial)
    else:
        bound = certificate.common_name == identity
    if not bound:
        named = f"certificate CN={certificate.common_name!r} serial={certificate.serial}"
        return Refused(status=401, reason=_PROVE, event=BAD_CERTIFICATE, detail=named)
    if not record.enabled:
        return _forbidden("This charge point is disabled.", "disabled")
    return Admitted(profile=3)


_PROVE: Final = (
    "Give the identity in the path and its password as HTTP Basic credentials, or its certificate."
)


def _refused(detail: str) -> Refused:
    return Refused(status=401, reason=_PROVE, event=FAILED, detail=detail)


def _forbidden(reason: str, detail: str) -> Refused:
    return Refused(status=403, reason=reason, event=FAILED, detail=detail)


def _serial(text: str) -> str:
    return text.replace(":", "").lower().lstrip("0")


def _password_fits(record: StationRecord, identity: str, given: Credentials) -> bool:
    username, password = _basic(given.authorization, identity) or (None, b"")
    matches = sum(password_matches(record, candidate) for candidate in _spellings(password)) > 0
    known_as = username == identity.encode() or (username is not None and record.invalid_username_allowed)
    return matches and known_as


def _basic(header: bytes | None, identity: str) -> tuple[bytes, bytes] | None:
    """User name and password of a Basic header; both are bytes, the password need not be text."""
    scheme, _, encoded = (header or b"").strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        pair = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return None
    prefix = identity.encode() + b":"
    if pair.startswith(prefix):  # an identity may itself contain a colon
        return prefix[:-1], pair[len(prefix) :]
    username, colon, password = pair.partition(b":")
    return (username, password) if colon else None


def _spellings(password: bytes) -> list[bytes]:
    """The same secret in the forms in which chargers send it: raw bytes or hex text of either case.

    AuthorizationKey is configured as hex (whitepaper §5), and firmware disagrees whether the password is that
    text or the bytes it stands for.
    """
    digits = string.hexdigits.encode()
    is_hex = len(password) >= 2 and len(password) % 2 == 0 and all(byte in digits for byte in password)
    raw = bytes.fromhex(password.decode()) if is_hex else password
    return [password, raw, raw.hex().encode(), raw.hex().upper().encode()]
