"""Questions that only the outside world can answer, and its answers. A handler names them in its needs.

Asking is the business of `engine.security`; here are only the words. Nobody answering is no answer (None),
and what that means is for the handler to say.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from engine.domain.state import Frozen


class Question(Frozen, frozen=True):
    """Base of all questions."""


class Answer(Frozen, frozen=True):
    """Base of all answers."""


class RevocationAsked(Question, frozen=True):
    """Is this certificate revoked? Hashes are hex texts, the serial number is hex without `0x`."""

    hash_algorithm: str  # SHA256 | SHA384 | SHA512
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str
    responders: tuple[str, ...]  # URLs, asked in turn until one answers
    issuers: tuple[bytes, ...] = ()  # certificates above it (DER) that are known, its issuer first


class Revocation(Answer, frozen=True):
    """A responder's word, valid at the time of asking. Who judges by it looks at `verified`."""

    status: Literal["Good", "Revoked", "Unknown"]
    response: bytes  # the OCSPResponse (RFC 6960), DER
    next_update: datetime | None  # when a newer one can be had
    verified: bool = False  # it is signed for an issuer that is trusted; else it may be anybody's


class ContractAsked(Question, frozen=True):
    """A vehicle wants its contract certificate installed or updated (ISO 15118)."""

    schema_version: str  # URN of the EXI schema
    action: str  # Install | Update
    exi_request: str  # base64
    maximum_chains: int | None = None  # contracts the vehicle takes (ISO 15118-20)
    prioritized_emaids: tuple[str, ...] = ()


class Contract(Answer, frozen=True):
    """What a provider of contract certificates gives."""

    accepted: bool
    exi_response: str  # base64
    remaining: int | None = None  # contracts that are still to be fetched
