"""Keys, signing requests, and a network that says what the tests want."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.errors import OutsideError

SILENT = "http://silent.example/"  # takes everything and never answers


class Wire:
    """Twin of HttpPost: answers by URL, remembers what was posted."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[Any], bytes]] = {}
        self.posted: list[tuple[str, Any]] = []

    async def public(self, url: str, body: bytes, content_type: str, *, limit: int) -> bytes:
        return await self.json(url, body, limit=limit)

    async def json(self, url: str, body: Any, *, limit: int) -> bytes:
        await trio.lowlevel.checkpoint()
        self.posted.append((url, body))
        if url == SILENT:
            await trio.sleep_forever()
        if url not in self.answers:
            raise OutsideError("nobody there")
        return self.answers[url](body)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture(scope="session")
def station_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def csr(station_key: ec.EllipticCurvePrivateKey) -> str:
    """Asks for a name that is not the station's, and to be a CA."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody else")])
    built = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(station_key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()
