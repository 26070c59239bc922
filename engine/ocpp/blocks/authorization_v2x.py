"""Functional block authorization of OCPP 2.0.1 and 2.1: tokens of every type are presented and answered.

The twin of `authorization`. The verdict is `domain.authorization`'s; contract certificates are looked at by a
hook, which is told what the message says of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from types import ModuleType
from typing import Any, Final, Literal, Protocol, TypeAlias

from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.authorization import Decision, Verdict, decide, recorded
from engine.domain.state import ChargePoint
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Message, Needs, Outcome

Authorize: TypeAlias = v201.Authorize | v21.Authorize
Status: TypeAlias = Literal["Accepted", "Blocked", "ConcurrentTx", "Expired", "Invalid", "Unknown"]
CertificateStatus: TypeAlias = Literal[
    "Accepted",
    "SignatureError",
    "CertificateExpired",
    "CertificateRevoked",
    "NoCertificateAvailable",
    "CertChainError",
    "ContractCancelled",
]
CertificateHook: TypeAlias = Callable[[ChargePoint, Authorize, Facts, datetime], CertificateStatus]
Step: TypeAlias = Callable[[ChargePoint, Authorize, Facts, datetime], Outcome]

_STATUS: Final[Mapping[Verdict, Status]] = {
    Verdict.ACCEPTED: "Accepted",
    Verdict.BLOCKED: "Blocked",
    Verdict.EXPIRED: "Expired",
    Verdict.INVALID: "Invalid",
    Verdict.CONCURRENT: "ConcurrentTx",
}
# What may stand between the characters of a token of that type without changing it (ISO 15118, IEEE 802).
_SEPARATORS: Final[Mapping[str, str]] = {"eMAID": "-", "MacAddress": "-:"}
_NOT_CACHED: Final = "NEVER"
_START_BUTTON: Final = "NoAuthorization"


class IdToken(Protocol):
    """A token as any message tells it."""

    @property
    def id_token(self) -> str: ...
    @property
    def type(self) -> str: ...


def not_checked(cp: ChargePoint, request: Authorize, facts: Facts, now: datetime) -> CertificateStatus:
    """Where nobody can look at contract certificates none is available."""
    return "NoCertificateAvailable"


# --- tokens ------------------------------------------------------------------------------------------------


def uid_of(token: IdToken) -> str | None:
    """The token's text; None where there is none, as with a start button (2.0.1 C02)."""
    return token.id_token or None


def uids_of(token: IdToken) -> tuple[str, ...]:
    """Under which id tags the token may be known: as told, then without what is only there to be read."""
    uid = token.id_token
    if not uid:
        return ()
    bare = uid.translate(dict.fromkeys(map(ord, _SEPARATORS.get(token.type, ""))))
    return (uid,) if bare == uid else (uid, bare)


def decide_v2x(
    cp: ChargePoint,
    token: IdToken,
    facts: Facts,
    now: datetime,
    *,
    uncounted: int | None = None,
    starting: bool = False,
) -> Decision:
    """The verdict on a looked-up token; `starting` where it begins a transaction. See `decide`."""
    if token.type == _START_BUTTON:
        return Decision(verdict=Verdict.ACCEPTED)  # 2.0.1 C02: nobody is asked who charges
    known = next((facts.tokens[uid] for uid in uids_of(token) if uid in facts.tokens), None)
    decision = decide(
        known,
        now,
        unknown_accepted=cp.settings.auto_start_without_authorization,
        uncounted=uncounted,
    )
    group = cp.settings.master_pass_group
    if starting and known is not None and group is not None and known.group_id == group:
        return replace(decision, verdict=Verdict.INVALID)  # 2.0.1 C16: it ends transactions, it starts none
    return decision


def id_token_info_v2x(words: ModuleType, decision: Decision, now: datetime) -> Any:
    """The verdict as an IdTokenInfo of the version whose messages `words` has."""
    token = decision.token
    status = _STATUS[decision.verdict]
    if token is None:
        return words.IdTokenInfo(status="Unknown" if status == "Invalid" else status)
    group = token.group_id
    return words.IdTokenInfo(
        status=status,
        # 2.0.1 C10: what may not be kept has expired at once.
        cache_expiry_date_time=now if token.cache_mode == _NOT_CACHED else token.expires_at or UNSET,
        group_id_token=words.IdToken(id_token=group, type="Central") if _fits(words, group) else UNSET,
    )


def _fits(words: ModuleType, uid: str | None) -> bool:
    return bool(uid) and len(uid or "") <= (36 if words is v201 else 255)


def module_of(message: Message) -> ModuleType:
    """The module with all messages of the version that a message is of."""
    return sys.modules[type(message).__module__]


# --- Authorize ---------------------------------------------------------------------------------------------


def authorize_needs_v2x(cp: ChargePoint, request: Authorize) -> Needs:
    """The token under every id tag it may be known by, and an id for the authorization's row."""
    return Needs(id_tags=uids_of(request.id_token), new_ids=1)


def authorize_v2x(certificates: CertificateHook = not_checked) -> Step:
    """The step of Authorize; `certificates` judges the contract certificate that a message brings."""

    def step(cp: ChargePoint, request: Authorize, facts: Facts, now: datetime) -> Outcome:
        """Answers a presented token (2.0.1 C01–C07, C16).

        A limit of concurrent sessions is for starts alone: the token of a running transaction is presented to
        end it.
        A contract whose certificate is not accepted is not accepted either.
        """
        decision = decide_v2x(cp, request.id_token, facts, now)
        status: CertificateStatus | None = None
        if request.certificate or request.iso15118_certificate_hash_data:
            status = certificates(cp, request, facts, now)
            if status != "Accepted" and decision.accepted:
                decision = replace(decision, verdict=Verdict.INVALID)
        changes = recorded(
            cp,
            decision,
            id=facts.new_ids[0],
            id_tag=request.id_token.id_token,
            evse_number=None,
            now=now,
        )
        words = module_of(request)
        reply = words.AuthorizeResponse(
            id_token_info=id_token_info_v2x(words, decision, now), certificate_status=status or UNSET
        )
        return Outcome(state=cp, reply=reply, changes=changes)

    return step
