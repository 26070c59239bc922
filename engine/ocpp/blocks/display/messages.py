"""Messages on a station's display (2.x O01 to O06): what they consist of, and what is kept of one."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, TypeAlias

from engine.domain.changes import DisplayMessageSet
from engine.domain.state import ChargePoint
from engine.ocpp import rpc
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Document

Priority = Literal["AlwaysFront", "InFront", "NormalCycle"]
State = Literal["Charging", "Discharging", "Faulted", "Idle", "Suspended", "Unavailable"]
Format = Literal["ASCII", "HTML", "QRCODE", "URI", "UTF8"]


class Wording(Document, frozen=True):
    """What a display shows, in one language (RFC 5646)."""

    content: str
    format: Format = "UTF8"
    language: str | None = None


# What 2.1 added to 2.0.1's enumerations.
FORMATS_V21: Final = frozenset({"QRCODE"})
STATES_V21: Final = frozenset({"Suspended", "Discharging"})
MessageInfo: TypeAlias = v201.MessageInfo | v21.MessageInfo


def message_set(cp: ChargePoint, info: MessageInfo, now: datetime) -> DisplayMessageSet:
    """The row of a message that is shown."""
    return DisplayMessageSet(
        charge_point_id=cp.id, message_id=info.id, message=rpc.ENCODER.encode(info), at=now
    )
