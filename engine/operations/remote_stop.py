"""Remote stops: a person or a program has a session end."""

from __future__ import annotations

from datetime import datetime

from engine.domain.audit import audited
from engine.domain.caller import Caller
from engine.domain.changes import SessionExplained
from engine.domain.notifications import publish
from engine.domain.starting import SessionUpdated
from engine.domain.state import SessionStatus
from engine.domain.vocabulary import SessionReason
from engine.errors import Conflict
from engine.node import Node
from engine.ocpp.blocks.remote_control.stop import Stop
from engine.ocpp.operation import Result, Verdict
from engine.operations.sending import carry_out


async def remote_stop(node: Node, caller: Caller, session_id: int, timeout: float | None = None) -> Result:
    """Ask its station to end a session. Raises NotFound, Conflict where it has not begun or is over."""
    session = await node.store.sessions.get(caller, session_id)
    if session.status != SessionStatus.ACTIVE or session.transaction_id is None:
        raise Conflict(f"session {session_id} is {session.status}")
    asked_at = node.registry.shared.now()
    await node.store.journal.commit([audited(caller, "session.stop", f"session:{session_id}", asked_at)])
    result = await carry_out(node, session.identity, Stop(transaction_id=session.transaction_id), timeout)
    if result.verdict is Verdict.ACCEPTED:
        await _explain(node, caller, session_id, asked_at)
    return result


async def _explain(node: Node, caller: Caller, session_id: int, asked_at: datetime) -> None:
    """A station may report the end, without a reason, before it answers: then it was taken to be local."""
    session = await node.store.sessions.get(caller, session_id)
    if session.status != SessionStatus.FINISHED or session.reason != SessionReason.LOCAL:
        return
    now, reason = node.registry.shared.now(), SessionReason.REMOTE
    news = SessionUpdated(
        session_id=session.id,
        charge_point_id=session.charge_point_id,
        evse_number=session.evse_number,
        status=session.status,
        reason=reason.public,
        last_updated_at=now,
    )
    explained = SessionExplained(id=session.id, reason=reason, stop_asked_at=asked_at, last_updated_at=now)
    subject = f"session:{session.id}"
    await node.store.journal.commit([explained, publish(news, subject, session.operator_id, now)])
