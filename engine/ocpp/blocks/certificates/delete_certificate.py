"""Have a station forget a root certificate: DeleteCertificate (1.6 security, 2.x M04)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.certificates.hashes import CertificateHash, hash_document
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation


class DeleteCertificate(Operation, frozen=True):
    """Have the station forget a root certificate, named by its hashes as ListCertificates tells them."""

    certificate: CertificateHash


def encode(operation: DeleteCertificate, _cp: ChargePoint) -> Sequence[Call]:
    return [("DeleteCertificate", {"certificateHashData": hash_document(operation.certificate)})]


def check_delete_certificate_v16(request: v16.DeleteCertificate, cp: ChargePoint, now: datetime) -> list[str]:
    """M04: the hashes go back exactly as GetInstalledCertificateIds reported them, whatever their shape."""
    data = request.certificate_hash_data
    given = {
        "issuerNameHash": data.issuer_name_hash,
        "issuerKeyHash": data.issuer_key_hash,
        "serialNumber": data.serial_number,
    }
    return [f"certificateHashData.{name} must not be empty" for name, value in given.items() if not value]


def check_delete_certificate_v2x(
    request: v201.DeleteCertificate | v21.DeleteCertificate, cp: ChargePoint, now: datetime
) -> list[str]:
    """The hashes go back exactly as GetInstalledCertificateIds told them, whatever their case (M04.FR.07)."""
    data = request.certificate_hash_data
    given = {
        "issuerNameHash": data.issuer_name_hash,
        "issuerKeyHash": data.issuer_key_hash,
        "serialNumber": data.serial_number,
    }
    return [f"certificateHashData.{name} must not be empty" for name, value in given.items() if not value]


OPERATION: Final = define(DeleteCertificate, v16=Encoding(encode), v2x=Encoding(encode))
COMMANDS: Final = (
    command(v16.DeleteCertificate, check=check_delete_certificate_v16),
    command(v201.DeleteCertificate, check=check_delete_certificate_v2x),
)
