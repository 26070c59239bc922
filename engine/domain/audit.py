"""What a caller did, as a row of the audit trail that is committed with what it changed."""

from __future__ import annotations

from datetime import datetime

import msgspec

from engine.domain.caller import Caller
from engine.domain.changes import Audited


def audited(caller: Caller, action: str, subject: str, at: datetime, /, **details: object) -> Audited:
    """`action` names the operation (`session.start`), `subject` its object (`charge_point:CP1`)."""
    return Audited(
        actor=caller.actor,
        action=action,
        subject=subject,
        details=msgspec.json.encode(details),
        at=at,
    )
