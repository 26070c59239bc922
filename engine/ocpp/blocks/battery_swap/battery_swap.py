"""Battery swaps (2.1 S01 to S04): asked for by RequestBatterySwap, reported by BatterySwap."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.session import amend
from engine.domain.state import ChargePoint, StationNumber
from engine.ocpp.blocks import keeping
from engine.ocpp.blocks.tokens import AdditionalInfo, token
from engine.ocpp.declaration import command, define, handler
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21
from engine.ocpp.operation import Operation
from engine.ocpp.step import Facts, Outcome


class RequestBatterySwap(Operation, frozen=True):
    """Have a battery swapped for the owner of an id tag."""

    id_tag: str
    request_id: int
    id_type: str = "ISO14443"
    additional_info: tuple[AdditionalInfo, ...] = ()


def encode_v21(operation: RequestBatterySwap, _cp: ChargePoint) -> Sequence[Call]:
    tag = token(operation.id_tag, operation.id_type, operation.additional_info)
    return [("RequestBatterySwap", {"idToken": tag, "requestId": operation.request_id})]


def battery_swap_v21(cp: ChargePoint, request: v21.BatterySwap, facts: Facts, now: datetime) -> Outcome:
    """Keeps and publishes what was swapped (S01 to S04); a battery that was put in is the station's.

    One that was not taken out in time (BatteryOutTimeout) is still there.
    """
    outcome = keeping.kept(cp, request, facts, now)
    if request.event_type == "BatteryOutTimeout":
        return outcome
    slots = frozenset(one.evse_id for one in request.battery_data if one.evse_id > StationNumber)
    inside = request.event_type == "BatteryIn"
    state, changes = amend.batteries_moved(cp, slots, inside=inside, now=now)
    return Outcome(state=state, reply=outcome.reply, changes=[*outcome.changes, *changes])


OPERATION: Final = define(RequestBatterySwap, v21=Encoding(encode_v21))
COMMANDS: Final = (command(v21.RequestBatterySwap),)
HANDLERS: Final = (handler(v21.BatterySwap, battery_swap_v21),)
