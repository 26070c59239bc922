"""Whether an id tag may charge: one decision for every version, made from looked-up facts.

What the charger is told stands in the protocol's blocks; how a tag is found stands in the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from engine.domain.changes import AuthorizationMade, Change
from engine.domain.notifications import Notification, publish
from engine.domain.state import ChargePoint, Frozen, Token
from engine.domain.vocabulary import AuthorizationMethod, TagVerdict
from engine.errors import Conflict

# How an id tag is presented: the types of OCPP 2.x, where one tag has several of them together.
IdTagType = Literal["rfid", "mac_address", "emaid", "key_code", "central", "evccid", "vin", "direct_payment"]
METHODS: Final[Mapping[str, AuthorizationMethod]] = {
    "rfid": AuthorizationMethod.ID_TAG,
    "mac_address": AuthorizationMethod.MAC_ADDRESS,
    "emaid": AuthorizationMethod.PLUG_AND_CHARGE_ISO15118,
    "key_code": AuthorizationMethod.ID_TAG,
    "central": AuthorizationMethod.USER_DEVICE,
    "evccid": AuthorizationMethod.MAC_ADDRESS,
    "vin": AuthorizationMethod.PLUG_AND_CHARGE,
    "direct_payment": AuthorizationMethod.PAYMENT_TERMINAL,
}


class AuthorizationChanged(Notification, frozen=True, kw_only=True, tag="authorization.changed"):
    authorization_id: int
    action: Literal["created", "updated"]
    charge_point_id: int
    id_tag: str
    status: Literal["accepted", "rejected", "pending"]
    last_updated_at: datetime


class Decision(Frozen, frozen=True):
    """A verdict and what it rests on; `token` is None for an unknown tag."""

    verdict: TagVerdict
    token: Token | None = None
    method: AuthorizationMethod = AuthorizationMethod.ID_TAG

    @property
    def accepted(self) -> bool:
        return self.verdict is TagVerdict.ACCEPTED


def decide(
    token: Token | None,
    now: datetime,
    *,
    unknown_accepted: bool = False,
    uncounted: int | None = None,
    presented: str = "rfid",
    asked: bool = False,
) -> Decision:
    """The verdict on a tag at `now`.

    `unknown_accepted`: the station starts unknown tags too (a known tag is still judged). `uncounted`: how
    many of the token's open sessions must not count against its limit (the one being started, those it ends);
    None where the limit plays no part, which is everywhere but in a start (1.6 §7.2). `presented`: as what,
    for the method of an unknown tag. `asked`: it is a remote start's, whose asker answers for it.
    """
    kind = presented if token is None else token.type
    method = AuthorizationMethod.ADMIN if asked else METHODS[kind]
    if token is None:
        accepted = unknown_accepted or asked
        return Decision(verdict=TagVerdict.ACCEPTED if accepted else TagVerdict.UNKNOWN, method=method)
    return Decision(verdict=_verdict(token, now, uncounted), token=token, method=method)


def vouched(id_tag: str, token: Token | None, now: datetime, *, uncounted: int | None) -> Decision:
    """The decision on a tag whose asker answers for it.

    Raises Conflict where it is known and may not charge.
    """
    decision = decide(token, now, uncounted=uncounted, asked=True)
    if not decision.accepted:
        raise Conflict(f"id tag {id_tag!r} may not charge: {decision.verdict}")
    return decision


def _verdict(token: Token, now: datetime, uncounted: int | None) -> TagVerdict:
    if token.status != "enabled" or not token.user_enabled:
        return TagVerdict.BLOCKED
    if token.expires_at is not None and token.expires_at <= now:
        return TagVerdict.EXPIRED
    if not token.valid:
        return TagVerdict.INVALID
    limit = token.max_active_sessions
    if uncounted is not None and limit is not None and token.active_sessions - uncounted >= limit:
        return TagVerdict.CONCURRENT
    return TagVerdict.ACCEPTED


def recorded(
    cp: ChargePoint,
    decision: Decision,
    *,
    id: int,
    id_tag: str,
    evse_number: int | None,
    now: datetime,
) -> tuple[Change, ...]:
    """The authorization's row and its notification. `evse_number` is None where the message names none."""
    token = decision.token
    status: Literal["accepted", "rejected"] = "accepted" if decision.accepted else "rejected"
    row = AuthorizationMade(
        id=id,
        operator_id=cp.operator_id,
        charge_point_id=cp.id,
        evse_number=evse_number,
        id_tag_uid=id_tag,
        id_tag_id=None if token is None else token.id,
        user_id=None if token is None else token.user_id,
        method=decision.method,
        status=status,
        rejection_reason=None if decision.accepted else decision.verdict,
        created_at=now,
    )
    news = AuthorizationChanged(
        authorization_id=id,
        action="created",
        charge_point_id=cp.id,
        id_tag=id_tag,
        status=status,
        last_updated_at=now,
    )
    return row, publish(news, f"authorization:{id}", cp.operator_id, now)
