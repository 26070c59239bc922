"""What people decide of a session that is over: that it is right, what it came to, or that nobody pays.

Whoever has decided has looked: the session is held no more. What the station tells later of one that was
corrected changes nothing of it.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from engine.domain.caller import Caller
from engine.domain.notifications import publish
from engine.domain.session.review import Review
from engine.domain.starting import SessionUpdated
from engine.domain.state import SessionStatus
from engine.domain.vocabulary import Waiver
from engine.errors import Conflict, Invalid
from engine.node import Node
from engine.store.repositories.base import Audit
from engine.store.repositories.sessions import SessionRow, Settlement


async def release(node: Node, caller: Caller, session_id: int, note: str | None = None) -> SessionRow:
    """It is billed as it stands. Raises NotFound; Conflict where it is not held, or not over."""
    session = await _over(node, caller, session_id)
    if not session.review:
        raise Conflict(f"session {session_id} is not held for review")
    return await _settle(node, caller, session, _as_it_stands(node, session), action="release", note=note)


async def correct(
    node: Node,
    caller: Caller,
    session_id: int,
    *,
    note: str,
    energy_wh: int | None = None,
    stopped_at: datetime | None = None,
) -> SessionRow:
    """It is billed by this energy and this end. Raises NotFound, Invalid; Conflict where it is not over."""
    session = await _over(node, caller, session_id)
    if energy_wh is None and stopped_at is None:
        raise Invalid("nothing is corrected", {"energyWh": ["neither energyWh nor stoppedAt is given"]})
    if stopped_at is not None:
        if Review.CLOCK_DRIFT in (*session.review, *session.released):
            raise Conflict(f"session {session_id} is billed by when it was told: its clock was wrong")
        if not session.started_at <= stopped_at <= node.registry.shared.now():
            raise Invalid("no end of this session", {"stoppedAt": ["is before its start, or in the future"]})
    settled = replace(
        _as_it_stands(node, session),
        energy_wh=session.energy_wh if energy_wh is None else energy_wh,
        stopped_at=stopped_at or session.stopped_at,
        corrected=True,
    )
    return await _settle(node, caller, session, settled, action="correct", note=note)


async def void(node: Node, caller: Caller, session_id: int, note: str) -> SessionRow:
    """Nobody pays for it. Raises NotFound; Conflict where it is not over, or costs nothing already."""
    session = await _over(node, caller, session_id)
    if session.waived is not None:
        raise Conflict(f"session {session_id} costs nothing already: {session.waived}")
    settled = replace(_as_it_stands(node, session), waived=Waiver.VOIDED)
    return await _settle(node, caller, session, settled, action="void", note=note)


async def _over(node: Node, caller: Caller, session_id: int) -> SessionRow:
    session = await node.store.sessions.get(caller, session_id)
    if session.status != SessionStatus.FINISHED:
        raise Conflict(f"session {session_id} is {session.status}: decide when it is over")
    return session


def _as_it_stands(node: Node, session: SessionRow) -> Settlement:
    now = node.registry.shared.now()
    news = SessionUpdated(
        session_id=session.id,
        charge_point_id=session.charge_point_id,
        evse_number=session.evse_number,
        status=session.status,
        last_updated_at=now,
    )
    return Settlement(
        energy_wh=session.energy_wh,
        stopped_at=session.stopped_at,
        waived=session.waived,
        corrected=False,
        news=publish(news, f"session:{session.id}", session.operator_id, now),
    )


async def _settle(
    node: Node, caller: Caller, session: SessionRow, settled: Settlement, *, action: str, note: str | None
) -> SessionRow:
    """With both what was and what is in the audit trail."""
    names = ("energy_wh", "stopped_at", "waived")
    changed = {
        name: {"from": str(getattr(session, name)), "to": str(getattr(settled, name))}
        for name in names
        if getattr(session, name) != getattr(settled, name)
    }
    audit = Audit(
        actor=caller.actor,
        action=f"session.{action}",
        subject=f"session:{session.id}",
        details={"review": session.review, "note": note, **changed},
    )
    return await node.store.sessions.settle(caller, session, settled, audit)
