"""Who may connect as which charge point: the stored record and the pure rules of OCPP's security profiles.

Profile 0: no password (only where the station allows it). 1: Basic over ws. 2: Basic over TLS. 3: mutual TLS.
(OCPP 1.6 security whitepaper §2, OCPP 2.0.1 part 2 A00.)
"""

from __future__ import annotations

import hashlib
import hmac

from engine.domain.state import Frozen


class StationRecord(Frozen, frozen=True):
    """What the listener must know to let a charge point in."""

    id: int
    identity: str
    operator_id: int
    security_profile: int  # 0–3, OCPP's numbering
    enabled: bool = True
    password_sha256: bytes | None = None
    # Of a password that it is to take, and may have taken although its answer never came (2.0.1 A01).
    next_password_sha256: bytes | None = None
    invalid_username_allowed: bool = False
    certificate_serial: str | None = None  # profile 3: hex; None: the certificate's CN must be the identity
    next_security_profile: int | None = (
        None  # it is moving there, and let in with either meanwhile (2.0.1 A05)
    )


def password_matches(record: StationRecord, password: bytes) -> bool:
    """Constant-time comparison with the stored hashes; False when none is stored."""
    presented = hashlib.sha256(password).digest()
    known = (record.password_sha256, record.next_password_sha256)
    matches = [hmac.compare_digest(presented, digest or bytes(32)) for digest in known]
    return any(match and digest is not None for match, digest in zip(matches, known, strict=True))
