"""Have a local controller offer a firmware: PublishFirmware (2.x L03)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.file_transfer import location_errors, retry_errors
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation


class PublishFirmware(Operation, frozen=True):
    """Have a local controller fetch a firmware and offer it to the stations behind it."""

    location: str
    checksum: str  # MD5, hexadecimal
    request_id: int
    retries: int | None = None
    retry_interval: int | None = None  # seconds


MD5: Final = re.compile(r"[0-9A-Fa-f]{32}")


def encode_v2x(operation: PublishFirmware, _cp: ChargePoint) -> Sequence[Call]:
    members = given(
        location=operation.location,
        retries=operation.retries,
        checksum=operation.checksum,
        requestId=operation.request_id,
        retryInterval=operation.retry_interval,
    )
    return [("PublishFirmware", members)]


def check_publish_firmware_v2x(
    request: v201.PublishFirmware | v21.PublishFirmware, cp: ChargePoint, now: datetime
) -> list[str]:
    """A place to fetch it from, and its MD5 checksum (L03.FR.02)."""
    errors = location_errors(request.location, "location")
    errors += retry_errors(request.retries, request.retry_interval)
    return errors + checksum_errors(request.checksum)


def checksum_errors(checksum: str) -> list[str]:
    """What is wrong with an MD5 checksum."""
    return [] if MD5.fullmatch(checksum) else ["checksum must be an MD5 checksum, 32 hexadecimal digits"]


OPERATION: Final = define(PublishFirmware, v2x=Encoding(encode_v2x))
COMMANDS: Final = (command(v201.PublishFirmware, check=check_publish_firmware_v2x),)
