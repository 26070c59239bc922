"""What each version calls the uses of certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from engine.ocpp.encoding import unsupported_v16

CertificateType = Literal["V2G", "MO", "MF", "CSMS", "OEM"]
ListedType = Literal["V2G", "MO", "MF", "CSMS", "OEM", "V2GChain"]
TYPES_V16: Final[Mapping[str, str]] = {  # ISO 15118's roots (V2G, MO) came with OCPP 2.0.1
    "CSMS": "CentralSystemRootCertificate",
    "MF": "ManufacturerRootCertificate",
}


def type_v16(name: str) -> str:
    """The word of 1.6; NotSupported where it has none."""
    if name not in TYPES_V16:
        raise unsupported_v16(f"{name} certificates")
    return TYPES_V16[name]


OEM: Final = "OEM"
TYPES_V2X: Final[Mapping[str, str]] = {
    "V2G": "V2GRootCertificate",
    "MO": "MORootCertificate",
    "MF": "ManufacturerRootCertificate",
    "CSMS": "CSMSRootCertificate",
    OEM: "OEMRootCertificate",
    "V2GChain": "V2GCertificateChain",  # the station's own: listed, never installed
}
NAMES_V2X: Final = {word: name for name, word in TYPES_V2X.items()}
