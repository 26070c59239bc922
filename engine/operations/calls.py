"""Calls: a request in the words of the charge point's own OCPP version, and its answer as it is."""

from __future__ import annotations

from collections.abc import Sequence

from engine.domain.audit import audited
from engine.domain.caller import Caller
from engine.node import Node
from engine.ocpp.blocks.device_model.passwords import password_taken
from engine.ocpp.blocks.remote_control.start import requested_by
from engine.ocpp.step import Message, Raw
from engine.operations.absence import states
from engine.operations.provisioning import adopt_password
from engine.operations.reach import reach
from engine.operations.remote_start import send_start
from engine.operations.sending import send, send_raw


async def spoken(node: Node, caller: Caller, identity: str) -> Sequence[str]:
    """The version that it speaks; if it is away, the last one, or all that it may. Raises NotFound."""
    await reach(node, caller, identity)
    state = node.registry.state(identity)
    return [one.version for one in ([state] if state is not None else await states(node, identity))]


async def call(
    node: Node,
    caller: Caller,
    identity: str,
    request: Message,
    timeout: float | None = None,
    *,
    force: bool = False,
) -> Message:
    """The charge point's answer; raises what `send` raises. What is forced is audited.

    A request to start opens a pending session. A password that the charge point takes is the one it is let in
    with from then on (2.0.1 A01).
    """
    await reach(node, caller, identity)
    if force:
        await _audit(node, caller, identity, type(request).__name__)
    state, requested = node.registry.state(identity), requested_by(request)
    if state is not None and requested is not None:
        return await send_start(
            node, caller, state, request, requested=requested, timeout=timeout, force=force
        )
    answer = await send(node, identity, request, timeout, force=force)
    password = password_taken(request, answer)
    if password is not None:
        await adopt_password(node, caller, identity, password)
    return answer


async def call_raw(
    node: Node, caller: Caller, identity: str, request: Raw, timeout: float | None = None
) -> Raw:
    """The same, always forced, for what need not be a request of its version."""
    await reach(node, caller, identity)
    await _audit(node, caller, identity, request.action)
    return await send_raw(node, identity, request, timeout)


async def _audit(node: Node, caller: Caller, identity: str, action: str) -> None:
    now = node.registry.shared.now()
    details = {"action": action, "force": True}
    row = audited(caller, "station.call", f"charge_point:{identity}", now, **details)
    await node.store.journal.commit([row])
