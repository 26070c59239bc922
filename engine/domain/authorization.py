"""Whether an id tag may charge: one decision for every version, made from looked-up facts.

What the charger is told stands in the protocol's blocks; how a tag is found stands in the store.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from engine.domain.changes import AuthorizationMade, Change
from engine.domain.notifications import Notification, publish
from engine.domain.state import ChargePoint, Frozen, Token

# How an id tag is presented: the types of OCPP 2.x, where one tag has several of them together.
IdTagType = Literal["rfid", "mac_address", "emaid", "key_code", "central", "evccid", "vin", "direct_payment"]


class Verdict(StrEnum):
    """The answer to a presented id tag, in the words that all OCPP versions share (1.6 §7.2)."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT = "ConcurrentTx"


class AuthorizationChanged(Notification, frozen=True, kw_only=True, tag="authorization.changed"):
    authorization_id: int
    action: Literal["created", "updated"]
    charge_point_id: int
    id_tag: str
    status: Literal["accepted", "rejected", "pending"]
    last_updated_at: datetime


class Decision(Frozen, frozen=True):
    """A verdict and what it rests on; `token` is None for an unknown tag."""

    verdict: Verdict
    token: Token | None = None

    @property
    def accepted(self) -> bool:
        return self.verdict is Verdict.ACCEPTED


_REASONS = {
    Verdict.BLOCKED: "blocked",
    Verdict.EXPIRED: "expired",
    Verdict.INVALID: "invalid",
    Verdict.CONCURRENT: "concurrent_tx",
}


def decide(
    token: Token | None, now: datetime, *, unknown_accepted: bool = False, uncounted: int | None = None
) -> Decision:
    """The verdict on a tag at `now`.

    `unknown_accepted`: the station starts unknown tags too (a known tag is still judged). `uncounted`: how
    many of the token's open sessions must not count against its limit (the one being started, those it ends);
    None where the limit plays no part, which is everywhere but in a start (1.6 §7.2).
    """
    if token is None:
        return Decision(verdict=Verdict.ACCEPTED if unknown_accepted else Verdict.INVALID)
    return Decision(verdict=_verdict(token, now, uncounted), token=token)


def _verdict(token: Token, now: datetime, uncounted: int | None) -> Verdict:
    if token.status != "enabled" or not token.user_enabled:
        return Verdict.BLOCKED
    if token.expires_at is not None and token.expires_at <= now:
        return Verdict.EXPIRED
    if not token.valid:
        return Verdict.INVALID
    limit = token.max_active_sessions
    if uncounted is not None and limit is not None and token.active_sessions - uncounted >= limit:
        return Verdict.CONCURRENT
    return Verdict.ACCEPTED


def recorded(
    cp: ChargePoint,
    decision: Decision,
    *,
    id: int,
    id_tag: str,
    evse_number: int | None,
    now: datetime,
    method: Literal["id_tag", "admin"] = "id_tag",
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
        method=method,
        status=status,
        rejection_reason=_REASONS.get(decision.verdict),
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
