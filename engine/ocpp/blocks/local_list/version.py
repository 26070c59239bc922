"""Which version of the list a station holds."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from engine.domain.changes import Change, LocalListVersionRead
from engine.domain.state import ChargePoint
from engine.ocpp.step import Outcome


def holds(cp: ChargePoint, version: int, now: datetime) -> Outcome:
    """The station has this version now; nothing is written where that was known."""
    if version == cp.local_list_version:
        return Outcome(state=cp, reply=None)
    changes: list[Change] = [
        LocalListVersionRead(charge_point_id=cp.id, local_list_version=version, local_list_version_at=now)
    ]
    return Outcome(state=replace(cp, local_list_version=version), reply=None, changes=changes)
