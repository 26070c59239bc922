"""Give a station a root certificate: InstallCertificate (1.6 security, 2.x M05)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.certificates.checks import certificate_errors
from engine.ocpp.blocks.certificates.types import OEM, TYPES_V2X, CertificateType, type_v16
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, since_v21
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation


class InstallCertificate(Operation, frozen=True):
    """Give the station a root certificate, PEM. OCPP 1.6 knows CSMS and MF only; OEM came with 2.1."""

    type: CertificateType
    certificate: str  # PEM


def encode_v16(operation: InstallCertificate, _cp: ChargePoint) -> Sequence[Call]:
    members = {"certificateType": type_v16(operation.type), "certificate": operation.certificate}
    return [("InstallCertificate", members)]


def encode_v2x(operation: InstallCertificate, cp: ChargePoint) -> Sequence[Call]:
    since_v21(cp, operation.type == OEM, "OEM certificates")
    members = {"certificateType": TYPES_V2X[operation.type], "certificate": operation.certificate}
    return [("InstallCertificate", members)]


def check_install_certificate_v16(
    request: v16.InstallCertificate, cp: ChargePoint, now: datetime
) -> list[str]:
    """M05: one PEM certificate that is still valid."""
    return certificate_errors(request.certificate, "certificate", one=True, now=now)


def check_install_certificate_v2x(
    request: v201.InstallCertificate | v21.InstallCertificate, cp: ChargePoint, now: datetime
) -> list[str]:
    """One PEM certificate (A00.FR.507) that is still valid (M05.FR.07)."""
    return certificate_errors(request.certificate, "certificate", one=True, now=now)


OPERATION: Final = define(InstallCertificate, v16=Encoding(encode_v16), v2x=Encoding(encode_v2x))
COMMANDS: Final = (
    command(v16.InstallCertificate, check=check_install_certificate_v16),
    command(v201.InstallCertificate, check=check_install_certificate_v2x),
)
