"""Chains of contract certificates: to a root that is trusted, in time, each signed by its issuer (C07)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.ocpp.blocks.contract_chains import trusting

DAY = timedelta(days=1)


class Owner:
    """A name with a key and the certificate that its issuer gave it."""

    def __init__(self, name: str, issuer: Owner | None, now: datetime, ca: bool = True, **more: Any) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer = more.get("signer", (issuer or self).key)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(issuer.name if issuer else self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(more.get("until", now + DAY))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=more.get("length")), critical=True)
            .sign(signer, hashes.SHA256())
        )


def chain(*owners: Owner) -> str:
    pem = serialization.Encoding.PEM
    return "".join(owner.certificate.public_bytes(pem).decode() for owner in owners)


def test_chains_are_judged_by_their_root(now: datetime) -> None:
    root = Owner("root", None, now, length=1)
    sub = Owner("sub", root, now, length=0)
    leaf = Owner("DE8AA1A2B3C4D5", sub, now, ca=False)
    judge = trusting([root.certificate])
    assert judge(chain(leaf, sub), now) == "Accepted"
    assert judge(chain(leaf, sub, root), now) == "Accepted"
    assert judge(chain(leaf), now) == "CertChainError"  # a link is missing
    assert judge(chain(sub, leaf), now) == "CertChainError"
    assert judge("text", now) == "CertChainError"
    assert trusting([])(chain(leaf, sub, root), now) == "CertChainError"
    impostor = Owner("root", None, now)
    assert trusting([impostor.certificate])(chain(leaf, sub), now) == "CertChainError"


@pytest.mark.parametrize("moment", [-2, 2])
def test_every_certificate_is_in_time(now: datetime, moment: int) -> None:
    root = Owner("root", None, now)
    leaf = Owner("leaf", root, now, ca=False)
    assert trusting([root.certificate])(chain(leaf), now + moment * DAY) == "CertificateExpired"


def test_only_a_ca_signs_and_only_as_far_as_it_may(now: datetime) -> None:
    root = Owner("root", None, now, length=0)
    holder = Owner("holder", root, now, ca=False)
    forged = Owner("forged", holder, now, ca=False)
    judge = trusting([root.certificate])
    assert judge(chain(holder), now) == "Accepted"
    assert judge(chain(forged, holder), now) == "CertChainError"
    sub = Owner("sub", root, now)
    assert judge(chain(Owner("leaf", sub, now, ca=False), sub), now) == "CertChainError"


def test_a_signature_by_another_key_is_seen(now: datetime) -> None:
    root = Owner("root", None, now)
    forged = Owner("leaf", root, now, ca=False, signer=ec.generate_private_key(ec.SECP256R1()))
    assert trusting([root.certificate])(chain(forged), now) == "CertChainError"
