"""Have a local controller no longer offer a firmware: UnpublishFirmware (2.x L04)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.changes import FirmwarePublicationChanged
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.firmware.publish_firmware import checksum_errors
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation
from engine.ocpp.step import Outcome


class UnpublishFirmware(Operation, frozen=True):
    """Have a local controller no longer offer a firmware, named by its checksum."""

    checksum: str


def encode_v2x(operation: UnpublishFirmware, _cp: ChargePoint) -> Sequence[Call]:
    return [("UnpublishFirmware", {"checksum": operation.checksum})]


def check_unpublish_firmware_v2x(
    request: v201.UnpublishFirmware | v21.UnpublishFirmware, cp: ChargePoint, now: datetime
) -> list[str]:
    """A firmware is named by its MD5 checksum (L04)."""
    return checksum_errors(request.checksum)


def unpublish_firmware_answered_v2x(
    cp: ChargePoint,
    request: v201.UnpublishFirmware | v21.UnpublishFirmware,
    response: v201.UnpublishFirmwareResponse | v21.UnpublishFirmwareResponse,
    now: datetime,
) -> Outcome:
    """Unpublished and NoFirmware both mean that nothing is published (L04.FR.02, FR.03)."""
    if response.status == "DownloadOngoing":
        return Outcome(state=cp, reply=None)
    row = FirmwarePublicationChanged(
        charge_point_id=cp.id,
        publish_status="Idle",
        publish_request_id=None,
        publish_locations=b"[]",
        publish_status_at=now,
    )
    return Outcome(state=cp, reply=None, changes=(row,))


OPERATION: Final = define(UnpublishFirmware, v2x=Encoding(encode_v2x))
COMMANDS: Final = (
    command(
        v201.UnpublishFirmware,
        check=check_unpublish_firmware_v2x,
        answered=unpublish_firmware_answered_v2x,
    ),
)
