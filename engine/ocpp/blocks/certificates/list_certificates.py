"""Ask which root certificates a station has: GetInstalledCertificateIds (1.6 security, 2.x M03)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks import keeping
from engine.ocpp.blocks.certificates.hashes import CertificateHash, hash_of
from engine.ocpp.blocks.certificates.types import NAMES_V2X, OEM, TYPES_V2X, ListedType, type_v16
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given, since_v21
from engine.ocpp.messages import v16, v201
from engine.ocpp.operation import Document, Operation, Result, Verdict
from engine.ocpp.results import as_kind, result_of


class ListCertificates(Operation, frozen=True):
    """Which root certificates of these types the station has, and its own chain of V2G, as hashes."""

    types: tuple[ListedType, ...]


class Certificate(Document, frozen=True):
    type: str  # ListedType, or a later one in the station's own word
    hash: CertificateHash
    children: tuple[CertificateHash, ...] = ()


class Certificates(Result, frozen=True):
    certificates: tuple[Certificate, ...] = ()


def encode_v16(operation: ListCertificates, _cp: ChargePoint) -> Sequence[Call]:
    return [("GetInstalledCertificateIds", {"certificateType": type_v16(name)}) for name in operation.types]


def read_v16(operation: ListCertificates, answers: Sequence[Any]) -> Result:
    found = tuple(
        Certificate(
            type=name,
            hash=CertificateHash(
                hash_algorithm=data.hash_algorithm,
                issuer_name_hash=data.issuer_name_hash,
                issuer_key_hash=data.issuer_key_hash,
                serial_number=data.serial_number,
            ),
        )
        for name, answer in zip(operation.types, answers, strict=True)
        for data in answer.certificate_hash_data or ()
    )
    verdict, word = (Verdict.ACCEPTED, "Accepted") if found else (Verdict.NOT_FOUND, "NotFound")
    return Certificates(verdict=verdict, word=word, certificates=found)


def encode_v2x(operation: ListCertificates, cp: ChargePoint) -> Sequence[Call]:
    since_v21(cp, OEM in operation.types, "OEM certificates")
    types = [TYPES_V2X[name] for name in operation.types]
    return [("GetInstalledCertificateIds", given(certificateType=types or None))]


def read_v2x(_operation: ListCertificates, answers: Sequence[Any]) -> Result:
    answer = answers[0]
    chains = answer.certificate_hash_data_chain or ()
    found = tuple(
        Certificate(
            type=NAMES_V2X.get(chain.certificate_type, chain.certificate_type),
            hash=hash_of(chain.certificate_hash_data),
            children=tuple(hash_of(child) for child in chain.child_certificate_hash_data or ()),
        )
        for chain in chains
    )
    return as_kind(Certificates, result_of(answer), certificates=found)


OPERATION: Final = define(
    ListCertificates,
    v16=Encoding(encode_v16, read_v16),
    v2x=Encoding(encode_v2x, read_v2x),
)
COMMANDS: Final = (
    command(v16.GetInstalledCertificateIds),
    command(v201.GetInstalledCertificateIds, answered=keeping.answer_kept),
)
