"""Authorize of OCPP 2.0.1 and 2.1: one handler for both."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, get_args

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain import changes as c
from engine.domain.authorization import IdTagType
from engine.domain.lookups import NewIds, TokensOf
from engine.domain.outside import Question, RevocationAsked
from engine.domain.state import ChargePoint, Connector, Reservation, Token
from engine.ocpp.blocks.authorization import authorize_v2x as block
from engine.ocpp.blocks.authorization.contract_chains import ContractCheck
from engine.ocpp.messages import v21, v201
from tests.answers import asked, facts_of
from tests.pki import made, pem

pytestmark = pytest.mark.proves("2.x", "Authorize")

STEP = block.authorize_v2x()
NEEDS = block.authorize_needs_v2x()
EMAID = "DE-8AA-1A2B3C4D5-9"


@pytest.fixture(params=[v201, v21], ids=["ocpp2.0.1", "ocpp2.1"])
def words(request: pytest.FixtureRequest) -> ModuleType:
    """The messages of a version."""
    module: ModuleType = request.param
    return module


def token(**more: Any) -> Token:
    values: dict[str, Any] = {
        "id": 5, "uid": "TAG", "group_id": None, "status": "enabled", "valid": True, "expires_at": None,
        "user_id": 3, "user_enabled": True, "max_active_sessions": None, "active_sessions": 0,
    }  # fmt: skip
    return Token(**{**values, **more})


def presented(words: ModuleType, uid: str = "TAG", type_: str = "ISO14443", **more: Any) -> Any:
    return words.Authorize(id_token=words.IdToken(id_token=uid, type=type_), **more)


def hash_data(words: ModuleType, serial: str = "1a2b") -> Any:
    return words.OCSPRequestData(
        hash_algorithm="SHA256",
        issuer_name_hash="0" * 64,
        issuer_key_hash="1" * 64,
        serial_number=serial,
        responder_url="http://ocsp.example/",
    )


@pytest.mark.parametrize(
    ("known", "status"),
    [
        (token(), "Accepted"),
        (token(status="suspended"), "Blocked"),
        (token(valid=False), "Invalid"),
        (token(max_active_sessions=1, active_sessions=1), "Accepted"),
        (None, "Unknown"),
    ],
)
def test_a_token_gets_its_verdict(
    cp: ChargePoint, words: ModuleType, now: datetime, known: Token | None, status: str
) -> None:
    request = presented(words)
    needs = NEEDS(cp, request)
    assert (needs[0], needs[-1]) == (TokensOf(("TAG",)), NewIds(1))
    outcome = STEP(cp, request, facts_of(tokens={"TAG": known} if known else {}, new_ids=(1,)), now)
    assert outcome.reply == words.AuthorizeResponse(id_token_info=words.IdTokenInfo(status=status))
    [made] = [change for change in outcome.changes if isinstance(change, c.AuthorizationMade)]
    assert (made.id_tag_uid, made.status) == ("TAG", "accepted" if status == "Accepted" else "rejected")


def test_group_and_expiry_are_told(cp: ChargePoint, words: ModuleType, now: datetime) -> None:
    later = now + timedelta(days=1)
    known = facts_of(tokens={"TAG": token(group_id="G", expires_at=later)}, new_ids=(1,))
    reply = STEP(cp, presented(words), known, now).reply
    assert reply == words.AuthorizeResponse(
        id_token_info=words.IdTokenInfo(
            status="Accepted",
            cache_expiry_date_time=later,
            group_id_token=words.IdToken(id_token="G", type="Central"),
        )
    )


def test_what_may_not_be_kept_has_expired(cp: ChargePoint, words: ModuleType, now: datetime) -> None:
    known = facts_of(tokens={"TAG": token(cache_mode="NEVER")}, new_ids=(1,))
    reply: Any = STEP(cp, presented(words), known, now).reply
    assert reply.id_token_info.cache_expiry_date_time == now


def test_a_start_button_asks_for_nobody(cp: ChargePoint, words: ModuleType, now: datetime) -> None:
    request = presented(words, "", "NoAuthorization")
    assert asked(NEEDS(cp, request), TokensOf) == TokensOf(())
    reply: Any = STEP(cp, request, facts_of(new_ids=(1,)), now).reply
    assert reply.id_token_info.status == "Accepted"


@pytest.mark.parametrize(
    ("reserved", "evses"),
    [
        ([], UNSET),
        ([(1, "OTHER", None)], [2]),
        ([(1, "tag", None)], UNSET),
        ([(1, "OTHER", "G")], UNSET),
        ([(1, "OTHER", None), (2, "OTHER", None)], UNSET),
        ([(0, "OTHER", None)], UNSET),
    ],
)
def test_what_is_reserved_for_others_is_not_for_this_token(
    cp: ChargePoint, words: ModuleType, now: datetime, reserved: Any, evses: Any
) -> None:
    held = {
        n: Reservation(
            id=n, connector_number=evse, id_tag=tag, parent_id_tag=group, expiry_date=now + timedelta(1)
        )
        for n, (evse, tag, group) in enumerate(reserved)
    }
    free = Connector(status="available")
    cp = replace(cp, connectors={(0, 0): free, (1, 1): free, (2, 1): free}, reservations=held)
    known = facts_of(tokens={"TAG": token(group_id="G")}, new_ids=(1,))
    reply: Any = STEP(cp, presented(words), known, now).reply
    assert reply.id_token_info.evse_id == evses
    reply = STEP(cp, presented(words), known, now + timedelta(2)).reply
    assert reply.id_token_info.evse_id is UNSET


@pytest.mark.parametrize(
    ("told", "tags"),
    [
        ((EMAID, "eMAID"), (EMAID, "DE8AA1A2B3C4D59")),
        (("DE8AA1A2B3C4D5", "eMAID"), ("DE8AA1A2B3C4D5",)),
        (("00:1A:2B", "MacAddress"), ("00:1A:2B", "001A2B")),
        (("A-B", "Central"), ("A-B",)),
    ],
)
def test_separators_are_for_people(
    cp: ChargePoint, words: ModuleType, now: datetime, told: tuple[str, str], tags: tuple[str, ...]
) -> None:
    request = presented(words, *told)
    assert asked(NEEDS(cp, request), TokensOf) == TokensOf(tags)
    types = {"eMAID": "emaid", "MacAddress": "mac_address", "Central": "rfid"}
    known = facts_of(tokens={tags[-1]: token(type=types[told[1]])}, new_ids=(1,))
    reply: Any = STEP(cp, request, known, now).reply
    assert reply.id_token_info.status == "Accepted"


PRESENTED = {
    "rfid": {"ISO14443", "ISO15693", "Central", "Local"},
    "mac_address": {"MacAddress"},
    "emaid": {"eMAID"},
    "key_code": {"KeyCode"},
    "central": {"Central", "Local"},
    "evccid": {"EVCCID"},
    "vin": {"VIN"},
    "direct_payment": {"DirectPayment"},
}


@pytest.mark.parametrize("type_", get_args(IdTagType))
def test_a_tag_is_good_only_as_it_may_be_presented(cp: ChargePoint, now: datetime, type_: str) -> None:
    """A card's number, which can be read, must not charge when it is typed at a keypad."""
    known = facts_of(tokens={"TAG": token(type=type_)}, new_ids=(1,))
    told: dict[str, Any] = {
        word: STEP(cp, presented(v21, "TAG", word), known, now).reply
        for word in set().union(*PRESENTED.values())
    }
    good = {word for word, reply in told.items() if reply.id_token_info.status == "Accepted"}
    assert good == PRESENTED[type_]
    assert {told[word].id_token_info.status for word in told.keys() - good} == {"Unknown"}


class Judge(ContractCheck):
    """Says what it is told to."""

    def __init__(self, status: Any) -> None:
        super().__init__()
        self.status = status

    def judge(self, request: Any, answers: Any, now: datetime) -> Any:
        return self.status


def test_what_a_contract_needs_asked_is_asked(cp: ChargePoint, words: ModuleType) -> None:
    root = made("root")
    leaf = made(EMAID, root, ca=False, responder="http://ocsp.example/")
    request = presented(words, EMAID, "eMAID", certificate=pem(leaf))
    needs = block.authorize_needs_v2x(ContractCheck([root.certificate]))(cp, request)
    question = needs[-1]
    assert isinstance(question, RevocationAsked)
    assert question.responders == ("http://ocsp.example/",)
    tokens = asked(needs, TokensOf)
    assert tokens is not None
    assert tokens.id_tags[0] == EMAID


def test_without_a_root_no_certificate_counts(cp: ChargePoint, words: ModuleType, now: datetime) -> None:
    known = facts_of(tokens={EMAID: token(type="emaid")}, new_ids=(1,))
    for more in ({"certificate": "PEM"}, {"iso15118_certificate_hash_data": [hash_data(words)]}):
        request = presented(words, EMAID, "eMAID", **more)
        assert asked(NEEDS(cp, request), Question) is None
        reply: Any = STEP(cp, request, known, now).reply
        assert (reply.certificate_status, reply.id_token_info.status) == ("CertChainError", "Invalid")


@pytest.mark.parametrize(
    ("known", "chain", "verdict"),
    [
        (token(type="emaid"), "Accepted", ("Accepted", "Accepted")),  # C07.FR.14
        (token(type="emaid", status="suspended"), "Accepted", ("ContractCancelled", "Blocked")),  # C07.FR.13
        (None, "Accepted", ("ContractCancelled", "Unknown")),
        (token(type="emaid"), "CertificateExpired", ("CertificateExpired", "Expired")),  # C07.FR.15
        (
            token(type="emaid", status="suspended"),
            "CertificateRevoked",
            ("CertificateRevoked", "Invalid"),
        ),  # C07.FR.16
        (None, "CertChainError", ("CertChainError", "Invalid")),  # C07.FR.17
    ],
)
def test_certificate_and_contract_are_told_apart(
    cp: ChargePoint,
    words: ModuleType,
    now: datetime,
    *,
    known: Token | None,
    chain: Any,
    verdict: tuple[str, str],
) -> None:
    request = presented(words, EMAID, "eMAID", certificate="PEM")
    facts = facts_of(tokens={EMAID: known} if known else {}, new_ids=(1,))
    reply: Any = block.authorize_v2x(Judge(chain))(cp, request, facts, now).reply
    assert (reply.certificate_status, reply.id_token_info.status) == verdict


def taking(cp: ChargePoint) -> ChargePoint:
    return replace(cp, version="ocpp2.1", settings=replace(cp.settings, takes_payments=True))


def test_a_payment_that_a_station_took_is_accepted_where_it_may(cp: ChargePoint, now: datetime) -> None:
    """2.1 C18: its reference cannot be known beforehand, and the money is taken already."""
    request = presented(v21, "PSP-REF-77", "DirectPayment")
    facts = facts_of(new_ids=(1,))
    reply: Any = STEP(cp, request, facts, now).reply
    assert reply.id_token_info.status == "Unknown"
    assert asked(NEEDS(taking(cp), request), TokensOf) == TokensOf(())
    outcome = STEP(taking(cp), request, facts, now)
    assert outcome.reply.id_token_info.status == "Accepted"  # type: ignore[union-attr] # an answer
    [made_row] = [change for change in outcome.changes if isinstance(change, c.AuthorizationMade)]
    assert (made_row.method, made_row.id_tag_uid) == ("payment_terminal", "PSP-REF-77")


@pytest.mark.parametrize("type_", ["ISO14443", "Central", "Local", "MacAddress", "EVCCID", "VIN", "KeyCode"])
def test_nothing_else_is_accepted_because_payments_are(cp: ChargePoint, now: datetime, type_: str) -> None:
    """A vehicle or a card can be known; what a station makes up otherwise is nobody's promise to pay."""
    reply: Any = STEP(taking(cp), presented(v21, "X", type_), facts_of(new_ids=(1,)), now).reply
    assert reply.id_token_info.status == "Unknown"


@pytest.mark.parametrize(
    ("type_", "method"),
    [
        ("ISO14443", "id_tag"),
        ("KeyCode", "id_tag"),
        ("MacAddress", "mac_address"),
        ("EVCCID", "mac_address"),
        ("VIN", "plug_and_charge"),
        ("eMAID", "plug_and_charge_iso15118"),
        ("DirectPayment", "payment_terminal"),
    ],
)
def test_the_method_is_how_it_was_presented(cp: ChargePoint, now: datetime, type_: str, method: str) -> None:
    outcome = STEP(cp, presented(v21, "X", type_), facts_of(new_ids=(1,)), now)
    [row] = [change for change in outcome.changes if isinstance(change, c.AuthorizationMade)]
    assert (row.method, row.status, row.rejection_reason) == (method, "rejected", "unknown")
