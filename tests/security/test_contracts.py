"""Contracts of vehicles, from Authorize to a real OCSP responder on this machine and back (2.0.1 C07)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from engine.domain.outside import Question
from engine.domain.state import ChargePoint, StationSettings, Token
from engine.metrics import Metrics
from engine.ocpp.blocks.authorization.authorize_v2x import authorize_needs_v2x, authorize_v2x
from engine.ocpp.blocks.authorization.contract_chains import ContractCheck
from engine.ocpp.messages import v21, v201
from engine.security.http import HttpPost
from engine.security.ocsp import Responders
from engine.security.outside import BURST, PER_MESSAGE, RATE, World
from tests.answers import facts_of
from tests.pki import NOW, Holder, made, pem, question, response

EMAID = "DE8AA1A2B3C4D5"
STATUS = {"Good": ocsp.OCSPCertStatus.GOOD, "Revoked": ocsp.OCSPCertStatus.REVOKED}


class Responder:
    """An OCSP responder over HTTP, for the certificates of two CAs; it signs by a delegate of each."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/ocsp"
        self.asked: list[int] = []  # serial numbers
        self.revoked: set[int] = set()
        self.root = made("root", length=1)
        self.sub = made("sub", self.root, length=0, responder=self.url)
        self.leaf = made(EMAID, self.sub, ca=False, responder=self.url)
        self._issuers = {one.certificate.serial_number: by for one, by in self._issued()}
        self._holders = {one.certificate.serial_number: one for one, _ in self._issued()}
        usage = ExtendedKeyUsageOID.OCSP_SIGNING
        self._delegates = {
            by.certificate.serial_number: made("responder", by, ca=False, usage=usage)
            for by in (self.root, self.sub)
        }

    def _issued(self) -> list[tuple[Holder, Holder]]:
        return [(self.leaf, self.sub), (self.sub, self.root)]

    def answer(self, body: bytes) -> bytes:
        serial = ocsp.load_der_ocsp_request(body).serial_number
        self.asked.append(serial)
        issuer = self._issuers[serial]
        delegate = self._delegates[issuer.certificate.serial_number]
        status = STATUS["Revoked" if serial in self.revoked else "Good"]
        return response(self._holders[serial], issuer, delegate, delegate, status=status)


async def serve(responder: Any, stream: trio.SocketStream) -> None:
    """One exchange: the body's length stands in the head."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += await stream.receive_some()
    head, _, body = request.partition(b"\r\n\r\n")
    [length] = (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += await stream.receive_some()
    answer = responder.answer(body)
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
    await stream.aclose()


@pytest.fixture
async def responder(nursery: trio.Nursery) -> Responder:
    made_later: list[Responder] = []

    async def one(stream: trio.SocketStream) -> None:
        await serve(made_later[0], stream)

    [listener] = await nursery.start(partial(trio.serve_tcp, one, 0, host="127.0.0.1"))
    made_later.append(Responder(listener.socket.getsockname()[1]))
    return made_later[0]


class Site:
    """A node as far as contracts go."""

    def __init__(self, roots: list[x509.Certificate], *hosts: str) -> None:
        self.metrics = Metrics()
        self.world = World(Responders(HttpPost(hosts), lambda: NOW, roots), None, self.metrics)
        self.check = ContractCheck(roots)

    def counted(self) -> tuple[int, int]:
        """Questions that nobody answered, and those that were not asked."""
        return self.metrics.questions[("silent",)], self.metrics.questions[("refused",)]

    async def authorize(self, words: Any, version: str, **request: Any) -> tuple[str, str]:
        cp = ChargePoint(id=1, identity="CP1", operator_id=1, version=version, settings=StationSettings())
        token = request.pop("token", EMAID)
        message = words.Authorize(id_token=words.IdToken(id_token=token, type="eMAID"), **request)
        needs = authorize_needs_v2x(self.check)(cp, message)
        answers = await self.world.ask(cp, [one for one in needs if isinstance(one, Question)])
        facts = facts_of(tokens={token: KNOWN}, new_ids=(1,), outside=answers)
        reply: Any = authorize_v2x(self.check)(cp, message, facts, NOW).reply
        return reply.certificate_status, reply.id_token_info.status


KNOWN = Token(
    id=5, uid=EMAID, group_id=None, status="enabled", valid=True, expires_at=None, user_id=3,
    user_enabled=True, max_active_sessions=None, active_sessions=0, type="emaid",
)  # fmt: skip


@pytest.fixture
def site(responder: Responder) -> Site:
    return Site([responder.root.certificate], "127.0.0.1")


def hashed(words: Any, leaf: Holder, issuer: Holder, url: str) -> Any:
    asked = question(leaf, issuer)
    return words.OCSPRequestData(
        hash_algorithm="SHA256",
        issuer_name_hash=asked.issuer_name_hash,
        issuer_key_hash=asked.issuer_key_hash,
        serial_number=asked.serial_number,
        responder_url=url,
    )


def request(way: str, words: Any, pki: Responder) -> dict[str, Any]:
    both = [hashed(words, pki.leaf, pki.sub, pki.url), hashed(words, pki.sub, pki.root, pki.url)]
    hashes = {} if way == "chain" else {"iso15118_certificate_hash_data": both}
    return hashes | ({} if way == "hashes" else {"certificate": pem(pki.leaf, pki.sub)})


@pytest.fixture(params=["ocpp2.0.1", "ocpp2.1"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def words(version: str) -> Any:
    return {"ocpp2.0.1": v201, "ocpp2.1": v21}[version]


@pytest.mark.proves("2.x", "Authorize")
@pytest.mark.parametrize("way", ["chain", "both"])
async def test_a_revoked_contract_is_refused_however_it_comes(
    site: Site, responder: Responder, words: Any, version: str, way: str
) -> None:
    accepted = ("Accepted", "Accepted")
    assert await site.authorize(words, version, **request(way, words, responder)) == accepted
    assert len(responder.asked) == 2
    # What is known for as long as its responder says is not asked again …
    assert await site.authorize(words, version, **request(way, words, responder)) == accepted
    assert len(responder.asked) == 2
    # … and another node learns that the contract, or the CA above it, was revoked.
    for holder in (responder.leaf, responder.sub):
        responder.revoked = {holder.certificate.serial_number}
        other = Site([responder.root.certificate], "127.0.0.1")
        answer = await other.authorize(words, version, **request(way, words, responder))
        assert answer == ("CertificateRevoked", "Invalid")


async def test_by_hashes_a_word_counts_that_leads_to_a_root(
    responder: Responder, words: Any, version: str
) -> None:
    """Hashes bring no sub-CA along, so the settings have to name it: its word cannot be verified else."""
    by_hash = request("hashes", words, responder)
    alone = Site([responder.root.certificate], "127.0.0.1")
    assert await alone.authorize(words, version, **by_hash) == ("CertChainError", "Invalid")
    roots = [responder.root.certificate, responder.sub.certificate]
    assert await Site(roots, "127.0.0.1").authorize(words, version, **by_hash) == ("Accepted", "Accepted")
    responder.revoked = {responder.leaf.certificate.serial_number}
    answer = await Site(roots, "127.0.0.1").authorize(words, version, **by_hash)
    assert answer == ("CertificateRevoked", "Invalid")


async def test_what_a_chain_taught_holds_for_hashes(
    site: Site, responder: Responder, words: Any, version: str
) -> None:
    assert (await site.authorize(words, version, **request("chain", words, responder)))[0] == "Accepted"
    assert (await site.authorize(words, version, **request("hashes", words, responder)))[0] == "Accepted"
    assert len(responder.asked) == 2


async def test_somebody_elses_contract_is_refused(
    site: Site, responder: Responder, words: Any, version: str
) -> None:
    chain = request("chain", words, responder)
    answer = await site.authorize(words, version, token="DE8AA1A2B3C4D6", **chain)
    assert answer == ("CertChainError", "Invalid")


async def test_our_own_network_is_not_asked_unless_the_settings_say_so(
    responder: Responder, words: Any, version: str
) -> None:
    closed = Site([responder.root.certificate])
    answer = await closed.authorize(words, version, **request("chain", words, responder))
    assert answer == ("CertChainError", "Invalid")
    assert responder.asked == []
    assert closed.counted() == (2, 0)


async def test_one_charge_point_cannot_have_us_ask_without_end(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Nobody is named who could be asked: each question that has a turn ends in silence."""
    root = made("root")
    site = Site([root.certificate])
    one, other = (
        ChargePoint(id=n, identity=f"CP{n}", operator_id=1, version="ocpp2.1", settings=StationSettings())
        for n in (1, 2)
    )
    questions = [question(made(f"leaf {n}", root, ca=False), root) for n in range(BURST + 2)]
    many, rest = questions[: PER_MESSAGE + 2], questions[PER_MESSAGE:]
    assert await site.world.ask(one, many) == [None] * len(many)
    assert site.counted() == (PER_MESSAGE, 0)  # of one message no more are heard
    await site.world.ask(one, many[:PER_MESSAGE])
    assert site.counted() == (PER_MESSAGE, 0)  # and what is remembered goes nowhere
    for asked in rest:
        await site.world.ask(one, [asked])
    assert site.counted() == (BURST, 2)
    # Another charge point has turns of its own, and this one has more after a while.
    await site.world.ask(other, [rest[-1]])
    assert site.counted() == (BURST + 1, 2)
    await trio.sleep(1 / RATE)
    await site.world.ask(one, [rest[-2]])
    assert site.counted() == (BURST + 2, 2)
