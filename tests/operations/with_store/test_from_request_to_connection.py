"""A station asks for a certificate on one connection and comes back with it on the next (A02, profile 3)."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec.structs import replace
from trio_websocket import WebSocketConnection, open_websocket

from engine.limits import Places
from engine.metrics import Metrics
from engine.node import Node
from engine.operations.signing import issue_certificates
from engine.points import Registry, serve_chargers
from engine.security import open_authority
from engine.settings import Settings
from engine.store import Store
from engine.store.repositories.stations import StationPatch
from tests.patience import PATIENCE
from tests.plans import EVERYBODY

VERSION = "ocpp2.0.1"
BOOT = {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V"}}
NOW = partial(datetime.now, UTC)


def private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def server_certificate(folder: Path) -> tuple[Path, Path]:
    """Of the CSMS itself, self-signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW() - timedelta(days=1))
        .not_valid_after(NOW() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "server.pem", folder / "server.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(private(key))
    return files


async def asked(ws: WebSocketConnection, action: str, payload: Any) -> Any:
    await ws.send_message(json.dumps([2, action, action, payload]))
    kind, message_id, answer = json.loads(await ws.get_message())
    assert (kind, message_id) == (3, action)
    return answer


def context(server: Path, chain: Path, key: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=server)
    made.load_cert_chain(chain, key)
    return made


async def test_a_station_comes_back_with_the_certificate_it_asked_for(
    store: Store, settings: Settings, tmp_path: Path, station_key: ec.EllipticCurvePrivateKey, csr: str
) -> None:
    certificate, key = server_certificate(tmp_path)
    settings = replace(settings, ocpp_tls_port=0, tls_certificate=str(certificate), tls_key=str(key))
    await store.stations.add(EVERYBODY, "CP1", StationPatch(security_profile=0))
    authority = open_authority(settings, NOW)
    metrics = Metrics()
    registry = Registry(settings, store, metrics)
    node = Node(
        settings=settings, store=store, registry=registry, metrics=metrics, http_places=Places(lambda: 1, 1)
    )
    async with trio.open_nursery() as nursery:
        plain, secured = await nursery.start(serve_chargers, settings, store, registry, metrics)
        sign = partial(issue_certificates, renewal=timedelta(days=30), now=NOW, interval=0.01)
        await nursery.start(partial(sign, node, authority))
        plain_port, secure_port = (int(url.split(":")[2].partition("/")[0]) for url in (plain, secured))

        with trio.fail_after(PATIENCE):
            async with open_websocket(
                "127.0.0.1", plain_port, "/ocpp/CP1", use_ssl=False, subprotocols=[VERSION]
            ) as ws:
                assert (await asked(ws, "BootNotification", BOOT))["status"] == "Accepted"
                assert await asked(ws, "SignCertificate", {"csr": csr}) == {"status": "Accepted"}
                kind, number, action, payload = json.loads(await ws.get_message())
                assert (kind, action) == (2, "CertificateSigned")
                assert "certificateType" not in payload
                await ws.send_message(json.dumps([3, number, {"status": "Accepted"}]))
                assert await asked(ws, "Heartbeat", {})
            chain_file, key_file = tmp_path / "station.pem", tmp_path / "station.key"
            chain_file.write_text(payload["certificateChain"])
            key_file.write_bytes(private(station_key))

            await store.stations.update(EVERYBODY, "CP1", StationPatch(security_profile=3))
            connect = partial(open_websocket, "localhost", secure_port, subprotocols=[VERSION])
            own = context(certificate, chain_file, key_file)
            async with connect("/ocpp/CP1", use_ssl=own) as ws:
                assert (await asked(ws, "BootNotification", BOOT))["status"] == "Accepted"
                actor = registry.actor("CP1")
                assert actor is not None
                assert actor.connection.profile == 3
        nursery.cancel_scope.cancel()
