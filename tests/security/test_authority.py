"""The built-in CA: made once, its keys for nobody else, its certificates for the applicant alone."""

from __future__ import annotations

import os
import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from engine.errors import Invalid, OutsideError, SettingsError
from engine.security.authority import Applicant, BuiltInAuthority, OutsideAuthority, built_in, open_authority
from engine.settings import Settings
from tests.pki import NOW

from .conftest import Wire

USE = ExtendedKeyUsageOID


def opened(folder: Path, days: int = 365, at: datetime = NOW) -> BuiltInAuthority:
    return built_in(folder / "pki", organisation="ACME", days=days, now=lambda: at)


async def leaf_of(authority: Any, csr: str, use: str = "ChargingStationCertificate") -> x509.Certificate:
    chain = await authority.sign(csr, Applicant(identity="CP1", use=use))
    return x509.load_pem_x509_certificates(chain.encode())[0]


def test_keys_are_for_nobody_else(tmp_path: Path) -> None:
    opened(tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "pki").iterdir()}
    assert modes.keys() == {"root.key", "root.pem", "stations.key", "stations.pem"}
    assert modes["root.key"] == modes["stations.key"] == 0o600
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o700


async def test_the_ca_is_made_once(tmp_path: Path, csr: str) -> None:
    first = await leaf_of(opened(tmp_path), csr)
    again = await leaf_of(opened(tmp_path), csr)
    assert first.issuer == again.issuer
    assert first.serial_number != again.serial_number
    root = (tmp_path / "pki" / "root.pem").read_bytes()
    opened(tmp_path)
    assert (tmp_path / "pki" / "root.pem").read_bytes() == root
    assert os.listdir(tmp_path) == ["pki"]


async def test_a_certificate_is_in_the_stations_name_whatever_it_asked_for(
    tmp_path: Path, csr: str, station_key: ec.EllipticCurvePrivateKey
) -> None:
    leaf = await leaf_of(opened(tmp_path), csr)
    assert [name.value for name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["CP1"]
    assert [name.value for name in leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["ACME"]
    assert leaf.public_key() == station_key.public_key()
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert leaf.not_valid_before_utc < NOW
    assert leaf.not_valid_after_utc == NOW + timedelta(days=365)


async def test_the_chain_leads_to_the_root(tmp_path: Path, csr: str) -> None:
    chain = await opened(tmp_path).sign(csr, Applicant(identity="CP1", use="ChargingStationCertificate"))
    leaf, *others = x509.load_pem_x509_certificates(chain.encode())
    root = x509.load_pem_x509_certificate((tmp_path / "pki" / "root.pem").read_bytes())
    assert root not in others  # A02: the station has it, or must not take it from here
    assert len(others) == 1
    for certificate, issuer in ((leaf, others[0]), (others[0], root), (root, root)):
        certificate.verify_directly_issued_by(issuer)
    limits = [c.extensions.get_extension_for_class(x509.BasicConstraints).value for c in (root, *others)]
    assert [(limit.ca, limit.path_length) for limit in limits] == [(True, 1), (True, 0)]
    assert PolicyBuilder().store(Store([root])).time(NOW).build_client_verifier()


@pytest.mark.parametrize(
    ("use", "granted"),
    [
        ("ChargingStationCertificate", {USE.CLIENT_AUTH}),
        ("V2GCertificate", {USE.SERVER_AUTH}),
        ("V2G20Certificate", {USE.SERVER_AUTH}),
        ("Combined", {USE.CLIENT_AUTH, USE.SERVER_AUTH}),
    ],
)
async def test_the_use_decides_what_it_is_good_for(tmp_path: Path, csr: str, use: str, granted: Any) -> None:
    leaf = await leaf_of(opened(tmp_path), csr, use)
    assert set(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == granted


async def test_no_certificate_outlives_its_issuer(tmp_path: Path, csr: str) -> None:
    opened(tmp_path)
    leaf = await leaf_of(opened(tmp_path, days=36_500), csr)
    issuer = x509.load_pem_x509_certificate((tmp_path / "pki" / "stations.pem").read_bytes())
    assert leaf.not_valid_after_utc == issuer.not_valid_after_utc


@pytest.mark.parametrize("bad", ["", "text", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"])
async def test_what_is_no_request_is_refused_for_good(tmp_path: Path, bad: str) -> None:
    with pytest.raises(Invalid):
        await opened(tmp_path).sign(bad, Applicant(identity="CP1", use="Combined"))


def test_a_broken_folder_is_a_setting_that_is_wrong(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / "pki" / "stations.key").write_text("nothing")
    with pytest.raises(SettingsError, match="does not hold the CA"):
        opened(tmp_path)


async def test_a_ca_outside_is_asked_by_url(tmp_path: Path, csr: str, wire: Wire) -> None:
    chain = await opened(tmp_path).sign(csr, Applicant(identity="CP1", use="Combined"))
    wire.answers["https://ca.example/"] = lambda body: chain.encode()
    settings = Settings(data=str(tmp_path), certificate_authority="https://ca.example/")
    outside = open_authority(settings, lambda: NOW, wire)
    assert await outside.sign(csr, Applicant(identity="CP1", use="Combined")) == chain
    assert wire.posted == [("https://ca.example/", {"identity": "CP1", "use": "Combined", "csr": csr})]


async def test_a_ca_outside_cannot_sign_another_key(tmp_path: Path, csr: str, wire: Wire) -> None:
    other = tmp_path / "pki" / "root.pem"
    opened(tmp_path)
    authority = OutsideAuthority("https://ca.example/", wire)
    wire.answers["https://ca.example/"] = lambda body: other.read_bytes()
    with pytest.raises(OutsideError, match="another key"):
        await authority.sign(csr, Applicant(identity="CP1", use="Combined"))
    wire.answers["https://ca.example/"] = lambda body: b"no PEM"
    with pytest.raises(OutsideError, match="no PEM chain"):
        await authority.sign(csr, Applicant(identity="CP1", use="Combined"))
