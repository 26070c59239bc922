"""What is believed of who stands behind a load balancer, and what is not."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from engine.domain.changes import ChargePointConnected, SecurityEventReported
from engine.points.proxies import Forwarded, Proxies, address_in

LOCAL = {"trusted_proxies": ("127.0.0.0/8",)}


def client_certificate(common: str, since: datetime) -> x509.Certificate:
    """Self-signed, for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = builder.not_valid_before(since).not_valid_after(since + timedelta(days=1))
    return dated.serial_number(0xAB12).sign(key, hashes.SHA256())


CERTIFICATE = client_certificate("CERT", datetime(2026, 3, 1, tzinfo=UTC))
PEM = CERTIFICATE.public_bytes(Encoding.PEM).decode()
DER = CERTIFICATE.public_bytes(Encoding.DER)
DIGEST = hashlib.sha256(DER).digest()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1:4711 ", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ('"[2001:db8::1]:4711"', "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unknown", None),
        ("_hidden", None),
        ("", None),
        ("300.1.1.1", None),
    ],
)
def test_addresses_are_read_in_every_spelling(text: str, address: str | None) -> None:
    found = address_in(text)
    assert (None if found is None else str(found)) == address


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["192.0.2.7, 10.0.0.2"], "192.0.2.7"),
        ("10.0.0.1", ["192.0.2.7", "10.0.0.2"], "192.0.2.7"),
        # What the client wrote itself stands before what our proxies know.
        ("10.0.0.1", ["198.51.100.1, 192.0.2.7, 10.0.0.2"], "192.0.2.7"),
        ("10.0.0.1", ["10.0.0.9, 192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["192.0.2.7, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("2001:db8::1", ["192.0.2.7"], "192.0.2.7"),
        ("::ffff:10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy(
    peer: str, forwarded: list[str], client: str
) -> None:
    proxies = Proxies(["10.0.0.0/24", "2001:db8::1"])
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    assert proxies.forwarded(peer, headers) == Forwarded(address=client)


def test_others_are_not_believed() -> None:
    headers = [(b"x-forwarded-for", b"192.0.2.7"), (b"x-forwarded-proto", b"https")]
    assert Proxies(["10.0.0.0/24"]).forwarded("10.0.1.1", headers) is None
    assert Proxies([]).forwarded("127.0.0.1", headers) is None


@pytest.mark.parametrize(
    ("headers", "digest"),
    [
        ([(b"client-cert", b":" + base64.b64encode(DER) + b":")], DIGEST),
        ([(b"client-cert", quote(PEM).encode())], DIGEST),
        ([(b"x-client-cert-hash", DIGEST.hex().upper().encode())], DIGEST),
        ([(b"x-client-cert-hash", base64.urlsafe_b64encode(DIGEST).rstrip(b"="))], DIGEST),
        ([(b"x-client-cert-hash", b"")], None),
        ([(b"x-client-cert-hash", b"nonsense")], None),
        ([(b"client-cert", b":%%%:")], None),
        ([(b"client-cert", b"-----BEGIN CERTIFICATE-----")], None),
        # Two of them: one may be the client's own.
        ([(b"x-client-cert-hash", DIGEST.hex().encode())] * 2, None),
    ],
)
def test_the_certificate_is_named_by_one_header(
    headers: list[tuple[bytes, bytes]], digest: bytes | None
) -> None:
    forwarded = Proxies(["10.0.0.1"]).forwarded("10.0.0.1", headers)
    assert forwarded == Forwarded(address="10.0.0.1", certificate_sha256=digest)


async def test_failed_log_ins_are_counted_per_client_behind_a_proxy(start: Any, store: Any) -> None:
    store.add("SAFE", profile=1, password_sha256=hashlib.sha256(b"right").digest())
    async with start(auth_failures=1, **LOCAL) as site:
        first = site.request("SAFE", "X-Forwarded-For: 192.0.2.1")
        assert [(await site.http(first))[0] for _ in range(2)] == [401, 429]
        assert (await site.http(site.request("SAFE", "X-Forwarded-For: 192.0.2.2")))[0] == 401
    (one, _) = store.journal.of(SecurityEventReported)
    assert "from 192.0.2.1)" in one.tech_info


async def test_nobody_escapes_the_count_by_writing_the_header(start: Any, store: Any) -> None:
    store.add("SAFE", profile=1, password_sha256=hashlib.sha256(b"right").digest())
    async with start(auth_failures=1) as site:
        assert (await site.http(site.request("SAFE", "X-Forwarded-For: 192.0.2.1")))[0] == 401
        assert (await site.http(site.request("SAFE", "X-Forwarded-For: 192.0.2.2")))[0] == 429
    (event,) = store.journal.of(SecurityEventReported)
    assert "from 127.0.0.1)" in event.tech_info


async def test_the_client_is_shown_as_the_remote_address(start: Any, store: Any) -> None:
    forwarded = [("X-Forwarded-For", "192.0.2.1")]
    async with start(**LOCAL) as site, site.connect(headers=forwarded) as ws:
        await site.ask(ws, "Heartbeat", {})
        assert site.registry.actor("CP1").connection.remote == "192.0.2.1"
    (connected,) = store.journal.of(ChargePointConnected)
    assert connected.network_ip == "192.0.2.1"


async def test_tls_that_ended_at_the_proxy_counts(start: Any, store: Any) -> None:
    store.add("SAFE", profile=2, password_sha256=hashlib.sha256(b"right").digest())
    basic = "Authorization: Basic " + base64.b64encode(b"SAFE:right").decode()
    async with start(**LOCAL) as site:
        assert (await site.http(site.request("SAFE", basic)))[0] == 403
        assert (await site.http(site.request("SAFE", basic, "X-Forwarded-Proto: http")))[0] == 403
        headers = [tuple(basic.split(": ")), ("X-Forwarded-Proto", "https")]
        async with site.connect("SAFE", headers=headers) as ws:
            assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
    async with start() as site:
        assert (await site.http(site.request("SAFE", basic, "X-Forwarded-Proto: https")))[0] == 403


async def test_an_uploaded_certificate_opens_behind_a_proxy(start: Any, store: Any) -> None:
    store.add("CERT", profile=3)
    store.add("OTHER", profile=3)
    shown = [("X-Forwarded-Proto", "https"), ("X-Client-Cert-Hash", DIGEST.hex())]
    lines = [f"{name}: {value}" for name, value in shown]
    async with start(**LOCAL) as site:
        assert (await site.http(site.request("CERT", *lines)))[0] == 401  # nobody uploaded it
        store.uploaded[DIGEST] = PEM
        assert (await site.http(site.request("OTHER", *lines)))[0] == 401
        assert (await site.http(site.request("CERT", lines[1])))[0] == 401  # it did not come over TLS
        async with site.connect("CERT", headers=shown) as ws:
            assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
            assert site.registry.actor("CERT").connection.profile == 3
    async with start() as site:
        assert (await site.http(site.request("CERT", *lines)))[0] == 401


async def test_an_uploaded_certificate_that_ran_out_opens_nothing(start: Any, store: Any) -> None:
    store.add("OLD", profile=3)
    old = client_certificate("OLD", datetime(2025, 3, 1, tzinfo=UTC))
    digest = old.fingerprint(hashes.SHA256())
    store.uploaded[digest] = old.public_bytes(Encoding.PEM).decode()
    lines = ["X-Forwarded-Proto: https", f"X-Client-Cert-Hash: {digest.hex()}"]
    async with start(**LOCAL) as site:
        assert (await site.http(site.request("OLD", *lines)))[0] == 401
