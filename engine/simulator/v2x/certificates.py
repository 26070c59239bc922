"""Certificates in a 2.x station (A02, M03 to M05)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.simulator.v2x.reply import Reply, status

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x


def certificate_signed(charger: Charger2x, request: Any) -> Reply:
    """A02"""
    return status("Accepted" if charger.certificates.take_signed(request.certificate_chain) else "Rejected")


def install_certificate(charger: Charger2x, request: Any) -> Reply:
    """M05"""
    return status(charger.certificates.install(request.certificate_type, request.certificate))


ROOTS: Final = (
    "V2GRootCertificate",
    "MORootCertificate",
    "CSMSRootCertificate",
    "ManufacturerRootCertificate",
)


def installed_certificates(charger: Charger2x, request: Any) -> Reply:
    """M03"""
    chains = [
        {"certificateType": kind, "certificateHashData": msgspec.to_builtins(digest)}
        for kind in request.certificate_type or ROOTS
        for digest in charger.certificates.installed(kind)
    ]
    if not chains:
        return status("NotFound")
    return status("Accepted", certificateHashDataChain=chains)


def delete_certificate(charger: Charger2x, request: Any) -> Reply:
    """M04"""
    wanted = msgspec.to_builtins(request.certificate_hash_data)
    for kind in ROOTS:
        for digest in charger.certificates.installed(kind):
            if msgspec.to_builtins(digest) == wanted and charger.certificates.delete(digest):
                return status("Accepted")
    return status("NotFound")
