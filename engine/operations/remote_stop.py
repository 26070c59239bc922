"""Remote stops: a person or a program has a session end."""

from __future__ import annotations

from engine.domain.audit import audited
from engine.domain.caller import Caller
from engine.domain.state import SessionStatus
from engine.errors import Conflict
from engine.node import Node
from engine.ocpp.blocks.remote_control.stop import Stop
from engine.ocpp.operation import Result
from engine.operations.sending import carry_out


async def remote_stop(node: Node, caller: Caller, session_id: int, timeout: float | None = None) -> Result:
    """Ask its station to end a session. Raises NotFound, Conflict where it has not begun or is over."""
    session = await node.store.sessions.get(caller, session_id)
    if session.status != SessionStatus.ACTIVE or session.transaction_id is None:
        raise Conflict(f"session {session_id} is {session.status}")
    now = node.registry.shared.now()
    await node.store.journal.commit([audited(caller, "session.stop", f"session:{session_id}", now)])
    return await carry_out(node, session.identity, Stop(transaction_id=session.transaction_id), timeout)
