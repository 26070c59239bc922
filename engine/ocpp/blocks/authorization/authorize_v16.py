"""Functional block authorization: an id tag is presented and answered.

The verdict is `domain.authorization`'s; here it gets the version's words and bounds.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import UNSET

from engine.domain.authorization import Decision, decide, recorded
from engine.domain.lookups import NewIds, PendingFor, TokensOf
from engine.domain.starting import key_of_tag
from engine.domain.state import ChargePoint, Session
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts, Needs, Outcome
from engine.ocpp.vocabulary import AUTHORIZATION_STATUS_V16

_ID_TAG_LENGTH_V16: Final = 20  # OCPP 1.6 §7.28 IdToken


def authorize_needs_v16(cp: ChargePoint, request: v16.Authorize) -> Needs:
    """The tag, the session that may have been asked for with it, and an id for the authorization's row."""
    return TokensOf((request.id_tag,)), PendingFor(key_of_tag(request.id_tag)), NewIds(1)


def authorize_v16(cp: ChargePoint, request: v16.Authorize, facts: Facts, now: datetime) -> Outcome:
    """Answers a presented tag (OCPP 1.6 §4.1).

    ConcurrentTx is for starts alone (§7.2): the tag of a running transaction is presented to end it, too.
    """
    decision = decide_v16(cp, request.id_tag, facts, now)
    number = facts.of(NewIds)[0]
    changes = recorded(cp, decision, id=number, id_tag=request.id_tag, evse_number=None, now=now)
    return Outcome(
        state=cp, reply=v16.AuthorizeResponse(id_tag_info=id_tag_info_v16(decision)), changes=changes
    )


def decide_v16(
    cp: ChargePoint,
    id_tag: str,
    facts: Facts,
    now: datetime,
    *,
    uncounted: int | None = None,
    start: tuple[datetime, Session | None] | None = None,
) -> Decision:
    """The verdict on a looked-up tag; see `decide`.

    An unknown one is accepted by the station's own rule, or where it is a remote start's. `start`: when
    the transaction that it starts began, and the session of it where it was told before.
    """
    return decide(
        facts.of(TokensOf).get(id_tag),
        now,
        unknown_accepted=cp.settings.auto_start_without_authorization,
        uncounted=uncounted,
        asked=is_asked(cp, id_tag, facts, now, start=start),
    )


def is_asked(
    cp: ChargePoint,
    id_tag: str,
    facts: Facts,
    now: datetime,
    *,
    start: tuple[datetime, Session | None] | None,
    over: Session | None = None,
) -> bool:
    """Whether a tag is that of a remote start: one that is awaited, or one that led to a session."""
    at, begun = (now, (*cp.sessions.values(), over)) if start is None else (start[0], (start[1],))
    pending = facts.of(PendingFor)
    if pending is not None and pending.allows(at):
        return True
    tag = id_tag.casefold()
    return any(s is not None and s.asked and (s.id_tag or "").casefold() == tag for s in begun)


def id_tag_info_v16(decision: Decision) -> v16.IdTagInfo:
    """The verdict as OCPP 1.6 tells it; a group longer than an idTag may be is left out."""
    token = decision.token
    if token is None:
        return v16.IdTagInfo(status=AUTHORIZATION_STATUS_V16[decision.verdict])
    group = token.group_id
    return v16.IdTagInfo(
        expiry_date=token.expires_at or UNSET,
        parent_id_tag=group if group and len(group) <= _ID_TAG_LENGTH_V16 else UNSET,
        status=AUTHORIZATION_STATUS_V16[decision.verdict],
    )


HANDLERS: Final = (handler(v16.Authorize, authorize_v16, needs=authorize_needs_v16),)
