"""Remote starts: who asks gets a pending session before the station is asked, and it never pends for ever.

What pending, given up and begun mean is `domain.starting`'s. The row is written first: the station may report
the transaction before it answers the request for it, and after a crash nothing is left that nobody ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

import trio
from msgspec.structs import replace

from engine.domain import starting
from engine.domain.audit import audited
from engine.domain.authorization import Decision, decide, vouched
from engine.domain.caller import Caller
from engine.domain.lookups import NewIds, TokensOf
from engine.domain.starting import Pending
from engine.domain.state import ChargePoint
from engine.domain.vocabulary import SessionReason
from engine.errors import CallDropped, CallTimeout, StoreError, VoltrioError
from engine.node import Node
from engine.ocpp.blocks.remote_control.start import (
    Start,
    Started,
    StartRequested,
    completed,
    is_accepted,
)
from engine.ocpp.encoded import encoded
from engine.ocpp.operation import Result, Verdict
from engine.ocpp.step import Message
from engine.operations.reach import reach
from engine.operations.sending import send, send_encoded, state_of
from engine.supervision import keep

INTERVAL: Final = 2.0  # seconds between looks for sessions that did not begin in time
AT_ONCE: Final = 500  # of them
INT32: Final = range(-(2**31), 2**31)  # what the columns of numbers hold


async def remote_start(
    node: Node, caller: Caller, identity: str, start: Start, timeout: float | None = None
) -> Result:
    """What came of `start`, with the session that pends as long as the charge point may yet follow.

    Raises what `carry_out` raises, Conflict where its tag is known and may not charge, and StoreError.
    """
    await reach(node, caller, identity)
    shared = node.registry.shared
    cp = await state_of(node, identity, lambda cp: encoded(completed(start), cp).requests)
    tags = (start.id_tag,) if start.id_tag is not None else ()
    facts = await node.store.reader.resolve(cp, [TokensOf(tags), NewIds(1, session=True)])
    new_ids = facts.of(NewIds)
    id_tag = start.id_tag or starting.own_tag(new_ids[0])
    decision = vouched(id_tag, facts.of(TokensOf).get(id_tag), shared.now(), uncounted=0)
    # What cannot be asked for leaves nothing behind.
    asked = encoded(completed(start, new_ids[0], decision.token), cp)
    pending = await _open(
        node,
        caller,
        cp,
        decision,
        new_ids=new_ids,
        id_tag=id_tag,
        evse_number=start.evse_number or 0,
    )
    async with _asking(node, pending):
        result = await send_encoded(node, identity, asked, timeout)
    if result.verdict is not Verdict.ACCEPTED:
        await _give_up(node, pending, SessionReason.REJECTED)
    if not isinstance(result, Started):
        return result
    running = cp.sessions.get(result.transaction_id or "")
    session_id = pending.id if running is None else running.id
    return replace(result, session_id=session_id, authorization_id=pending.authorization_id)


async def send_start(
    node: Node,
    caller: Caller,
    cp: ChargePoint,
    request: Message,
    *,
    requested: StartRequested,
    timeout: float | None = None,
    force: bool = False,
) -> Message:
    """The answer to a request to start that its caller has worded; raises what `send` raises, StoreError.

    Where its tag is known and may not charge, or no row can hold it, it has no pending session: it is sent
    all the same, and judged when it comes back.
    """
    shared = node.registry.shared
    if not force:
        shared.dialects[cp.version].checked(request, cp, shared.now())
    named = bool(requested.id_tag) and "\0" not in requested.id_tag
    tags = (requested.id_tag,) if named else ()
    facts = await node.store.reader.resolve(cp, [TokensOf(tags), NewIds(1, session=True)])
    id_tag = requested.id_tag if named else starting.own_tag(facts.of(NewIds)[0])
    decision = decide(facts.of(TokensOf).get(id_tag), shared.now(), uncounted=0, asked=True)
    evse_number, number = requested.evse_number, requested.remote_start_id
    if not decision.accepted or any(one not in INT32 for one in (evse_number, number or 0)):
        return await send(node, cp.identity, request, timeout, force=force)
    pending = await _open(
        node,
        caller,
        cp,
        decision,
        new_ids=facts.of(NewIds),
        id_tag=id_tag,
        evse_number=max(evse_number, 0),
        remote_start_id=number,
    )
    async with _asking(node, pending):
        answer = await send(node, cp.identity, request, timeout, force=force)
    if not is_accepted(answer):
        await _give_up(node, pending, SessionReason.REJECTED)
    return answer


async def _open(
    node: Node,
    caller: Caller,
    cp: ChargePoint,
    decision: Decision,
    *,
    new_ids: Sequence[int],
    id_tag: str,
    evse_number: int,
    remote_start_id: int | None = None,
) -> Pending:
    """Write the pending session, with its audit row."""
    session_id, authorization_id = new_ids
    now = node.registry.shared.now()
    pending, changes = starting.ask(
        cp,
        decision,
        session_id=session_id,
        authorization_id=authorization_id,
        id_tag=id_tag,
        evse_number=evse_number,
        expires_at=now + timedelta(seconds=node.settings.remote_start_timeout),
        now=now,
        remote_start_id=remote_start_id,
    )
    subject = f"charge_point:{cp.identity}"
    audit = audited(caller, "session.start", subject, now, evse_number=evse_number, id_tag=id_tag)
    await node.store.journal.commit([*changes, audit], cp.id)
    return pending


@asynccontextmanager
async def _asking(node: Node, pending: Pending) -> AsyncIterator[None]:
    """While its station is asked: it fails where that cannot be."""
    try:
        yield
    except (CallTimeout, CallDropped):
        raise  # it may have understood and follow yet
    except VoltrioError:
        await _give_up(node, pending, SessionReason.REMOTE_START_FAILED)
        raise


async def _give_up(node: Node, pending: Pending, reason: SessionReason) -> None:
    """It will not begin; without effect if it has."""
    shared = node.registry.shared
    await shared.write([starting.give_up(pending, reason, shared.now())])


async def expire(node: Node) -> int:
    """Give up those that did not begin in time; how many there were. Raises StoreError."""
    shared = node.registry.shared
    now = shared.now()
    overdue = await node.store.sessions.overdue(now, limit=AT_ONCE)
    await shared.write([starting.give_up(pending, SessionReason.TIMEOUT, now) for pending in overdue])
    return len(overdue)


async def expire_remote_starts(
    node: Node, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Expire until cancelled."""

    async def look() -> None:
        while True:
            with suppress(StoreError):  # the database is away: those who need it say so
                while await node.store.duties.holds("remote starts") and await expire(node) == AT_ONCE:
                    pass
            await trio.sleep(INTERVAL)

    task_status.started()
    await keep("remote starts", look, node.metrics.task_failures)
