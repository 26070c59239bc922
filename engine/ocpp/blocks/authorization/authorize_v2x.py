"""Functional block authorization of OCPP 2.0.1 and 2.1: tokens of every type are presented and answered.

`authorize_v16` does the same for OCPP 1.6. The verdict on a token is `domain.authorization`'s, that on its
certificates is `contract_chains`'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypeAlias

from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.authorization import Decision, decide, recorded
from engine.domain.lookups import NewIds, PendingFor, TokensOf
from engine.domain.starting import PendingKey, key_of_tag, number_of
from engine.domain.state import ChargePoint, Session, StationNumber
from engine.domain.vocabulary import TagVerdict
from engine.ocpp.blocks.authorization.authorize_v16 import is_asked
from engine.ocpp.blocks.authorization.contract_chains import Authorize, ContractCheck
from engine.ocpp.blocks.payloads_2x import response_to, sibling_of, version_of
from engine.ocpp.step import Facts, Message, Needs, Outcome
from engine.ocpp.vocabulary import AUTHORIZATION_STATUS_V2X

Step: TypeAlias = Callable[[ChargePoint, Authorize, Facts, datetime], Outcome]
Wants: TypeAlias = Callable[[ChargePoint, Authorize], Needs]

NO_CONTRACTS: Final = ContractCheck()

_OF_THE_CONTRACT: Final = frozenset(
    {TagVerdict.BLOCKED, TagVerdict.EXPIRED, TagVerdict.INVALID, TagVerdict.UNKNOWN}
)
# Type of an id tag (domain.authorization.IdTagType) → how it may be presented (IdTokenEnumType), first as
# stations are told it. Presented in another way it is another token: a card's number, which many can read,
# must not charge when it is typed at a keypad.
ID_TOKEN_TYPES: Final[Mapping[str, Sequence[str]]] = {
    "rfid": ("ISO14443", "ISO15693", "Central", "Local"),
    "mac_address": ("MacAddress",),
    "emaid": ("eMAID",),
    "key_code": ("KeyCode",),
    "central": ("Central", "Local"),  # of an app, which starts remotely
    "evccid": ("EVCCID",),  # this one and those below: OCPP 2.1
    "vin": ("VIN",),
    "direct_payment": ("DirectPayment",),
}
# What may stand between the characters of a token of that type without changing it (ISO 15118, IEEE 802).
_SEPARATORS: Final[Mapping[str, str]] = {"eMAID": "-", "MacAddress": "-:"}
_LONGEST: Final[Mapping[str, int]] = {"ocpp2.0.1": 36, "ocpp2.1": 255}  # IdTokenType.idToken
_NOT_CACHED: Final = "NEVER"
_START_BUTTON: Final = "NoAuthorization"
_PAYMENT: Final = "DirectPayment"


class IdToken(Protocol):
    """A token as any message tells it."""

    @property
    def id_token(self) -> str: ...
    @property
    def type(self) -> str: ...


# --- tokens ------------------------------------------------------------------------------------------------


def uid_of(token: IdToken) -> str | None:
    """The token's text; None where there is none, as with a start button (2.0.1 C02.FR.01)."""
    return token.id_token or None


def uids_of(token: IdToken) -> tuple[str, ...]:
    """Under which id tags the token may be known: as told, then without what is only there to be read."""
    uid = token.id_token
    if not uid:
        return ()
    bare = uid.translate(dict.fromkeys(map(ord, _SEPARATORS.get(token.type, ""))))
    return (uid,) if bare == uid else (uid, bare)


def looked_up(cp: ChargePoint, token: IdToken) -> tuple[str, ...]:
    """The id tags to look a token up by; none for one that nobody can know and that is accepted."""
    return () if _is_paid(cp, token) else uids_of(token)


def _is_paid(cp: ChargePoint, token: IdToken) -> bool:
    """Whether it stands for a payment that the station took itself (2.1 C18): a terminal made it up."""
    return token.type == _PAYMENT and cp.settings.takes_payments


def pending_key_v2x(id_tag: str | None, remote_start_id: int | None) -> PendingKey | None:
    """The session asked for remotely that is named: by remoteStartId (F01, F02), or by a tag of our own."""
    number = number_of(id_tag) if remote_start_id is None else remote_start_id
    return None if number is None else PendingKey(number=number)


def decide_v2x(
    cp: ChargePoint,
    token: IdToken,
    facts: Facts,
    now: datetime,
    *,
    uncounted: int | None = None,
    start: tuple[datetime, Session | None] | None = None,
    over: Session | None = None,
) -> Decision:
    """The verdict on a looked-up token; `start` where it begins a transaction. See `decide_v16`.

    `over`: the session that it ends, which may have ended before: an event may be told twice.

    What was asked for remotely may come back as any type: a station that was told one need not tell the same.
    """
    if token.type == _START_BUTTON:
        return Decision(verdict=TagVerdict.ACCEPTED)  # 2.0.1 C02.FR.02: nobody is asked who charges
    asked = is_asked(cp, token.id_token, facts, now, start=start, over=over)
    tokens = facts.of(TokensOf)
    found = (tokens[uid] for uid in uids_of(token) if uid in tokens)
    known = next((one for one in found if asked or token.type in ID_TOKEN_TYPES[one.type]), None)
    decision = decide(
        known,
        now,
        unknown_accepted=cp.settings.auto_start_without_authorization or _is_paid(cp, token),
        uncounted=uncounted,
        presented=_presented(token),
        asked=asked,
    )
    group = cp.settings.master_pass_group
    if start is not None and known is not None and group is not None and known.group_id == group:
        # C16.FR.03: it ends transactions, it starts none
        return replace(decision, verdict=TagVerdict.INVALID)
    return decision


def _presented(token: IdToken) -> str:
    """As what an unknown token is presented."""
    return next((kind for kind, types in ID_TOKEN_TYPES.items() if token.type in types), "rfid")


def id_token_info_v2x(
    request: Message,
    decision: Decision,
    now: datetime,
    evses: Sequence[int] = (),
) -> Any:
    """The verdict as an IdTokenInfo of the version of `request`; `evses` where it holds for these alone."""
    token = decision.token
    status = AUTHORIZATION_STATUS_V2X[decision.verdict]
    if token is None:
        return sibling_of(request, "IdTokenInfo", status=status)
    group = token.group_id
    fits = group and len(group) <= _LONGEST[version_of(request)]
    return sibling_of(
        request,
        "IdTokenInfo",
        status=status,
        # 2.0.1 C10.FR.13: what may not be kept has expired at once.
        cache_expiry_date_time=now if token.cache_mode == _NOT_CACHED else token.expires_at or UNSET,
        group_id_token=sibling_of(request, "IdToken", id_token=group, type="Central") if fits else UNSET,
        evse_id=list(evses) or UNSET,
    )


def open_evses(cp: ChargePoint, decision: Decision, now: datetime) -> Sequence[int]:
    """The EVSEs that an accepted token may use where others are reserved for somebody else (2.0.1 C01.FR.20).

    Empty where nothing is reserved (C01.FR.19), or everything: then the charge point keeps its reservations.
    """
    token = decision.token
    if token is None or not decision.accepted:
        return ()
    taken = {
        reservation.connector_number  # in OCPP 2.x it holds the EVSE
        for reservation in cp.reservations.values()
        if reservation.expiry_date > now
        and reservation.id_tag.casefold() != token.uid.casefold()
        and (reservation.parent_id_tag is None or reservation.parent_id_tag != token.group_id)
    }
    evses = {evse for evse, _ in cp.connectors if evse != StationNumber}
    return sorted(evses - taken) if taken & evses else ()


# --- Authorize ---------------------------------------------------------------------------------------------


def authorize_needs_v2x(contracts: ContractCheck = NO_CONTRACTS) -> Wants:
    """The needs of Authorize; see `authorize_v2x`."""

    def needs(cp: ChargePoint, request: Authorize) -> Needs:
        """The token under every id tag it may have, an id for the row, whether certificates are revoked."""
        tag = request.id_token.id_token
        pending = (PendingFor(key_of_tag(tag)),) if tag else ()
        tokens = TokensOf(looked_up(cp, request.id_token))
        return tokens, *pending, NewIds(1), *contracts.questions(request)

    return needs


def authorize_v2x(contracts: ContractCheck = NO_CONTRACTS) -> Step:
    """The step of Authorize; `contracts` judges the certificates that a message brings."""

    def step(cp: ChargePoint, request: Authorize, facts: Facts, now: datetime) -> Outcome:
        """Answers a presented token (2.0.1 C01–C07, C16).

        A limit of concurrent sessions is for starts alone: the token of a running transaction is presented to
        end it. A contract is no better than its certificates.
        """
        decision = decide_v2x(cp, request.id_token, facts, now)
        status = contracts.judge(request, facts.outside, now)
        if status == "Accepted" and decision.verdict in _OF_THE_CONTRACT:
            status = "ContractCancelled"  # C07.FR.13: the certificate is good, the contract is not
        elif status is not None and status != "Accepted":  # C07.FR.15 to FR.17
            expired = status == "CertificateExpired"
            decision = replace(decision, verdict=TagVerdict.EXPIRED if expired else TagVerdict.INVALID)
        changes = recorded(
            cp,
            decision,
            id=facts.of(NewIds)[0],
            id_tag=request.id_token.id_token,
            evse_number=None,
            now=now,
        )
        reply = response_to(
            request,
            id_token_info=id_token_info_v2x(request, decision, now, open_evses(cp, decision, now)),
            certificate_status=status or UNSET,
        )
        return Outcome(state=cp, reply=reply, changes=changes)

    return step
