"""Commands: any operation of a charge point, by whoever may ask for it."""

from __future__ import annotations

from engine.domain.audit import audited
from engine.domain.authorization import vouched
from engine.domain.caller import Caller
from engine.domain.lookups import TokensOf
from engine.errors import Invalid
from engine.node import Node
from engine.ocpp.blocks.battery_swap.battery_swap import RequestBatterySwap
from engine.ocpp.blocks.device_model.passwords import is_password
from engine.ocpp.blocks.device_model.set_configuration import SetConfiguration
from engine.ocpp.blocks.remote_control.start import Start
from engine.ocpp.encoded import encoded
from engine.ocpp.operation import Operation, Result
from engine.operations.reach import reach
from engine.operations.remote_start import remote_start
from engine.operations.sending import carry_out, state_of


async def command(
    node: Node, caller: Caller, identity: str, operation: Operation, timeout: float | None = None
) -> Result:
    """What came of `operation`; audited. Raises what `carry_out` and `remote_start` raise."""
    await reach(node, caller, identity)
    match operation:
        case Start():
            return await remote_start(node, caller, identity, operation, timeout)
        case SetConfiguration() if any(map(is_password, operation.values)):
            fault = "set passwords with reconfigure: the node has to learn them"
            raise Invalid(fault, {"parameters": [fault]})
        case RequestBatterySwap():
            await _vouch_for_swap(node, identity, operation)
    action, subject = f"station.{type(operation).__name__}", f"charge_point:{identity}"
    await node.store.journal.commit([audited(caller, action, subject, node.registry.shared.now())])
    return await carry_out(node, identity, operation, timeout)


async def _vouch_for_swap(node: Node, identity: str, swap: RequestBatterySwap) -> None:
    """Raises Conflict where its tag is known and may not charge (2.1 S02.FR.03)."""
    state = await state_of(node, identity, lambda cp: encoded(swap, cp).requests)
    tokens = await node.store.reader.answer(state, TokensOf((swap.id_tag,)))
    vouched(swap.id_tag, tokens.get(swap.id_tag), node.registry.shared.now(), uncounted=None)
