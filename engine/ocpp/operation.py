"""What people and programs ask of a charge point, without a word of any OCPP version, and what came of it.

Nothing above the protocol layer asks which version a station speaks: `engine.operations` hands over an
operation. Each stands in a module of its own in `engine.ocpp.blocks`, with its encoding for every
version. EVSE 0 is the station as a whole. Identifiers of requests are the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from engine.domain.state import Frozen

Moment = Annotated[datetime, Meta(tz=True)]


class Document(Frozen, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Base of operations, results and their parts as JSON has them: camelCase, times with their zone."""


class Operation(Document, frozen=True):
    """Base of everything that can be asked of a station."""


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"  # will be done when what goes on has ended
    REBOOT_REQUIRED = "reboot_required"
    REJECTED = "rejected"
    NOT_FOUND = "not_found"  # the station has nothing of that name or number
    NOT_SUPPORTED = "not_supported"
    FAILED = "failed"


class Result(Document, frozen=True):
    """`word` is the station's own (`Accepted`, `UnlockFailed` …), `reason` what it added, if anything."""

    verdict: Verdict
    word: str
    reason: str | None = None


class Settled(Result, frozen=True):
    """What became of each name; the result as a whole is accepted if every one was."""

    verdicts: Mapping[str, Verdict] = {}
    reasons: Mapping[str, str] = {}  # of those that were not: the station's word, and what it added
