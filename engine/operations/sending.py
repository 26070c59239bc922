"""Requests on their way to a charge point, and its answers. Nobody is asked here who may do it."""

from __future__ import annotations

from engine.domain.state import ChargePoint
from engine.errors import CallRefused, NotSupported
from engine.node import Node
from engine.ocpp import rpc
from engine.ocpp.encoded import Encoded, encoded
from engine.ocpp.operation import Operation, Result, Verdict
from engine.ocpp.step import Message, Raw
from engine.operations import absence


async def state_of(node: Node, identity: str, requests: absence.Requests) -> ChargePoint:
    """The state of a charge point that is connected; raises why it could not be sent `requests` else."""
    state = node.registry.state(identity)
    if state is None:
        raise await absence.fault(node, identity, requests)
    return state


async def send(
    node: Node, identity: str, request: Message, timeout: float | None = None, *, force: bool = False
) -> Message:
    """The charge point's answer to `request`, typed.

    `timeout` seconds (settings.call_timeout) include the wait for earlier requests. Raises NotFound, Offline,
    QueueFull, CallTimeout, CallRefused, CallDropped; Invalid where the request breaks a rule of the protocol
    (rather than Offline), Conflict where it may not be sent before its boot was accepted; neither of these
    two where it is forced.
    """
    actor = node.registry.actor(identity)
    if actor is None:
        raise await absence.fault(node, identity, lambda _: () if force else (request,))
    return await actor.call(request, _patience(node, timeout), force=force)


async def send_raw(node: Node, identity: str, request: Raw, timeout: float | None = None) -> Raw:
    """The same, forced, for what need not be a request of its version; the answer as it came."""
    actor = node.registry.actor(identity)
    if actor is None:
        raise await absence.fault(node, identity, lambda _: ())
    return await actor.call_raw(request, _patience(node, timeout))


def _patience(node: Node, timeout: float | None) -> float:
    return node.settings.call_timeout if timeout is None else timeout


async def carry_out(node: Node, identity: str, operation: Operation, timeout: float | None = None) -> Result:
    """What came of `operation`, whichever OCPP version the charge point speaks.

    `timeout` goes for each request that the operation takes. Raises what `send` raises, and NotSupported
    where the charge point's version has no words for it, or it says itself that it has no such thing.
    """
    state = await state_of(node, identity, lambda cp: encoded(operation, cp).requests)
    return await send_encoded(node, identity, encoded(operation, state), timeout)


async def send_encoded(node: Node, identity: str, asked: Encoded, timeout: float | None = None) -> Result:
    """As `carry_out`, for an operation in the words of the charge point's version."""
    answers: list[Message] = []
    try:
        for request in asked.requests:
            answers.append(await send(node, identity, request, timeout))
            if not asked.goes_on(answers[-1]):
                break
    except CallRefused as refused:
        if refused.code in rpc.UNSUPPORTED:
            raise NotSupported(f"charge point {identity!r} answered {refused}") from refused
        raise
    result = asked.read(answers)
    if result.verdict is Verdict.NOT_SUPPORTED:
        raise NotSupported(f"charge point {identity!r} answered {result.word}")
    return result
