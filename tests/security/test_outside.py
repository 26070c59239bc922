"""What the world outside says of certificates and contracts, and for how long it counts (OCSP, RFC 6960)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from msgspec.structs import replace

from engine.domain.outside import Contract, ContractAsked, Revocation, RevocationAsked
from engine.domain.state import ChargePoint, StationSettings
from engine.errors import OutsideError
from engine.metrics import Metrics
from engine.security.authority import Applicant, built_in
from engine.security.http import HttpPost
from engine.security.outside import open_world
from engine.settings import Settings
from tests.pki import NOW

from .conftest import SILENT, Wire

URL = "http://ocsp.example/"
STATION = ChargePoint(id=1, identity="CP1", operator_id=1, version="ocpp2.1", settings=StationSettings())
STATUS = {"Good": ocsp.OCSPCertStatus.GOOD, "Revoked": ocsp.OCSPCertStatus.REVOKED}


class Responder:
    """A responder of the built-in CA, and the question about one of its certificates."""

    def __init__(self, leaf: x509.Certificate, issuer: x509.Certificate, key: Any) -> None:
        self.leaf, self.issuer, self.key = leaf, issuer, key
        self.status = "Good"
        self.next_update: datetime | None = NOW + timedelta(hours=2)
        asked = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA256()).build()
        self.question = RevocationAsked(
            hash_algorithm="SHA256",
            issuer_name_hash=asked.issuer_name_hash.hex(),
            issuer_key_hash=asked.issuer_key_hash.hex(),
            serial_number=f"{leaf.serial_number:x}",
            responders=(URL,),
        )

    def answer(self, body: bytes) -> bytes:
        asked = ocsp.load_der_ocsp_request(body)
        assert asked.serial_number == self.leaf.serial_number
        assert asked.issuer_key_hash.hex() == self.question.issuer_key_hash
        built = ocsp.OCSPResponseBuilder().add_response(
            self.leaf,
            self.issuer,
            hashes.SHA256(),
            STATUS[self.status],
            NOW - timedelta(minutes=1),
            self.next_update,
            NOW if self.status == "Revoked" else None,
            None,
        )
        signed = built.responder_id(ocsp.OCSPResponderEncoding.HASH, self.issuer).sign(
            self.key, hashes.SHA256()
        )
        return signed.public_bytes(serialization.Encoding.DER)


@pytest.fixture
async def responder(tmp_path: Path, csr: str) -> Responder:
    authority = built_in(tmp_path / "pki", organisation="ACME", days=365, now=lambda: NOW)
    chain = await authority.sign(csr, Applicant(identity="CP1", use="Combined"))
    leaf, issuer = x509.load_pem_x509_certificates(chain.encode())
    key = serialization.load_pem_private_key((tmp_path / "pki" / "stations.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Responder(leaf, issuer, key)


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ask(wire: Wire, clock: Clock, responder: Responder, tmp_path: Path) -> Callable[[RevocationAsked], Any]:
    roots = tmp_path / "roots.pem"
    roots.write_bytes(responder.issuer.public_bytes(serialization.Encoding.PEM))
    world = open_world(Settings(contract_roots=str(roots)), clock, Metrics(), wire)

    async def one(question: RevocationAsked) -> Any:
        [answer] = await world.ask(STATION, [question])
        return answer

    return one


@pytest.mark.parametrize("status", ["Good", "Revoked"])
async def test_a_responders_word_is_passed_on(
    ask: Any, wire: Wire, responder: Responder, status: str
) -> None:
    responder.status = status
    wire.answers[URL] = responder.answer
    answer = await ask(responder.question)
    assert isinstance(answer, Revocation)
    assert (answer.status, answer.next_update, answer.verified) == (status, responder.next_update, True)
    assert ocsp.load_der_ocsp_response(answer.response).serial_number == responder.leaf.serial_number


async def test_of_an_issuer_that_is_not_trusted_the_word_is_passed_on_as_anybodys(
    wire: Wire, responder: Responder
) -> None:
    wire.answers[URL] = responder.answer
    [answer] = await open_world(Settings(), lambda: NOW, Metrics(), wire).ask(STATION, [responder.question])
    assert isinstance(answer, Revocation)
    assert (answer.status, answer.verified) == ("Good", False)


async def test_a_word_is_remembered_until_there_is_a_newer_one(
    ask: Any, wire: Wire, responder: Responder, clock: Clock
) -> None:
    wire.answers[URL] = responder.answer
    await ask(responder.question)
    clock.time = NOW + timedelta(hours=1, minutes=59)
    assert (await ask(responder.question)).status == "Good"
    assert len(wire.posted) == 1
    clock.time = NOW + timedelta(hours=2)
    responder.status, responder.next_update = "Revoked", NOW + timedelta(hours=9)
    assert (await ask(responder.question)).status == "Revoked"
    assert len(wire.posted) == 2


async def test_the_next_responder_is_asked_when_one_is_silent(
    ask: Any, wire: Wire, responder: Responder
) -> None:
    wire.answers[URL] = responder.answer
    question = replace(responder.question, responders=("http://dead.example/", URL))
    assert (await ask(question)).status == "Good"
    assert [url for url, _ in wire.posted] == ["http://dead.example/", URL]


async def test_silence_is_not_asked_again_at_once(
    ask: Any, wire: Wire, responder: Responder, clock: Clock
) -> None:
    assert await ask(responder.question) is None
    wire.answers[URL] = responder.answer
    assert await ask(responder.question) is None
    clock.time = NOW + timedelta(minutes=1)
    assert (await ask(responder.question)).status == "Good"


async def test_only_words_about_the_certificate_in_question_count(
    ask: Any, wire: Wire, responder: Responder
) -> None:
    builder = ocsp.OCSPResponseBuilder()
    wire.answers[URL] = lambda body: builder.build_unsuccessful(
        ocsp.OCSPResponseStatus.TRY_LATER
    ).public_bytes(serialization.Encoding.DER)
    assert await ask(replace(responder.question, serial_number="1")) is None
    wire.answers[URL] = lambda body: b"no DER"
    assert await ask(replace(responder.question, serial_number="2")) is None
    request = ocsp.OCSPRequestBuilder().add_certificate(responder.leaf, responder.issuer, hashes.SHA256())
    body = request.build().public_bytes(serialization.Encoding.DER)
    wire.answers[URL] = lambda _: responder.answer(body)
    assert await ask(replace(responder.question, serial_number="3")) is None
    assert await ask(replace(responder.question, issuer_key_hash="00" * 32)) is None


async def test_a_word_out_of_date_is_none(ask: Any, wire: Wire, responder: Responder) -> None:
    responder.next_update = NOW - timedelta(seconds=1)
    wire.answers[URL] = responder.answer
    assert await ask(responder.question) is None


async def test_a_station_does_not_wait_for_ever(
    wire: Wire, responder: Responder, autojump_clock: trio.testing.MockClock
) -> None:
    wire.answers[URL] = responder.answer
    world = open_world(Settings(), lambda: NOW, Metrics(), wire)
    silent = replace(responder.question, responders=(SILENT,), serial_number="7")
    first, second, third = await world.ask(STATION, [responder.question, silent, responder.question])
    assert isinstance(first, Revocation)
    assert (second, third) == (None, None)
    assert trio.current_time() == pytest.approx(10, abs=0.1)


CONTRACT = ContractAsked(schema_version="urn:iso", action="Install", exi_request="AAAA")


async def test_without_a_provider_there_are_no_contracts(wire: Wire) -> None:
    assert await open_world(Settings(), lambda: NOW, Metrics(), wire).ask(STATION, [CONTRACT]) == [None]


async def test_the_sandbox_answers_every_request_in_its_own_way(wire: Wire) -> None:
    world = open_world(Settings(contract_certificates="sandbox"), lambda: NOW, Metrics(), wire)
    update = replace(CONTRACT, action="Update")
    first, again, other = await world.ask(STATION, [CONTRACT, CONTRACT, update])
    assert isinstance(first, Contract)
    assert isinstance(other, Contract)
    assert first.accepted
    assert first == again
    assert first.exi_response != other.exi_response
    assert len(base64.b64decode(first.exi_response)) == 32
    [bad] = await world.ask(STATION, [replace(CONTRACT, exi_request="not base64!")])
    assert isinstance(bad, Contract)
    assert not bad.accepted


async def test_a_provider_behind_a_url_takes_and_gives_the_messages_members(wire: Wire) -> None:
    url = "https://contracts.example/"
    world = open_world(Settings(contract_certificates=url), lambda: NOW, Metrics(), wire)
    wire.answers[url] = lambda body: b'{"status":"Accepted","exiResponse":"QUJD","remainingContracts":1}'
    question = replace(CONTRACT, prioritized_emaids=("DE8AA1",))
    assert await world.ask(STATION, [question]) == [Contract(accepted=True, exi_response="QUJD", remaining=1)]
    assert msgspec.json.decode(msgspec.json.encode(wire.posted[0][1])) == {
        "iso15118SchemaVersion": "urn:iso",
        "action": "Install",
        "exiRequest": "AAAA",
        "prioritizedEMAIDs": ["DE8AA1"],
    }
    wire.answers[url] = lambda body: b'{"status":"Perhaps"}'
    assert await world.ask(STATION, [CONTRACT]) == [None]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "http://[::1]:1/",
        "http://169.254.169.254/latest",
        "http://10.0.0.1/",
        "http://localhost:1/",
        "ftp://example.org/",
        "http://user@example.org/",
        "nothing",
        "http:///",
    ],
)
async def test_nobody_reaches_our_own_network_through_a_certificate(url: str) -> None:
    with pytest.raises(OutsideError, match=r"public network|absolute"):
        await HttpPost().public(url, b"", "application/ocsp-request", limit=10)


async def served(stream: trio.SocketStream, answer: bytes, seen: list[bytes]) -> None:
    """One HTTP exchange, byte by byte as the tests want it."""
    request = b""
    async for chunk in stream:
        request += chunk
        if request.endswith(b"question"):
            break
    seen.append(request)
    await stream.send_all(answer)
    await stream.aclose()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nword", b"word"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nmany, words", "more than 10 bytes"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n", "answered 302"),
        (b"nonsense\r\n\r\n", "127.0.0.1"),
    ],
)
async def test_a_named_host_is_asked_although_it_is_ours(
    nursery: trio.Nursery, answer: bytes, outcome: bytes | str
) -> None:
    seen: list[bytes] = []
    serve = partial(trio.serve_tcp, lambda stream: served(stream, answer, seen), 0, host="127.0.0.1")
    listeners = await nursery.start(serve)
    port = listeners[0].socket.getsockname()[1]
    post = HttpPost(["127.0.0.1"])
    url = f"http://127.0.0.1:{port}/ocsp"
    if isinstance(outcome, bytes):
        assert await post.public(url, b"question", "application/ocsp-request", limit=10) == outcome
        assert seen[0].startswith(b"POST /ocsp HTTP/1.1")
        assert f"host: 127.0.0.1:{port}".encode() in seen[0].lower()
        assert b"content-type: application/ocsp-request" in seen[0].lower()
    else:
        with pytest.raises(OutsideError, match=outcome):
            await post.public(url, b"question", "application/ocsp-request", limit=10)
