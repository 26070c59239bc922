"""What a station may send before its boot is accepted (OCPP 2.x): what we asked it for, and nothing else.

B01.FR.10, B02.FR.09 and B03.FR.07 have everything else answered with SecurityError. In 1.6, which has no such
rule, what can be asked for is let through unasked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import wraps
from typing import Any, Final

from msgspec.structs import replace

from engine.domain.state import ChargePoint, Registration
from engine.ocpp import rpc
from engine.ocpp.step import Command, Facts, Handler, Needs, Outcome

TRIGGER: Final = "TriggerMessage"
# Our request → the message in which its result comes (generic requirement FR.05).
RESULTS: Final[Mapping[str, str]] = {
    "GetBaseReport": "NotifyReport",
    "GetLog": "LogStatusNotification",
    "GetReport": "NotifyReport",
    "PublishFirmware": "PublishFirmwareStatusNotification",
    "UpdateFirmware": "FirmwareStatusNotification",
}
# What a trigger calls by another name than the message has.
TRIGGERED: Final[Mapping[str, str]] = {
    "SignChargingStationCertificate": "SignCertificate",
    "SignCombinedCertificate": "SignCertificate",
    "SignV2G20Certificate": "SignCertificate",
    "SignV2GCertificate": "SignCertificate",
}
# Messages that can be asked for; a boot needs no asking.
CAN_BE_ASKED: Final = frozenset(
    {
        *RESULTS.values(),
        "Heartbeat",
        "MeterValues",
        "SignCertificate",
        "StatusNotification",
        "TransactionEvent",
    }
)
AGREED: Final = frozenset({"Accepted", "AcceptedCanceled"})


def only_if_asked(handler: Handler) -> Handler:
    """The handler of a message that, before a boot is accepted, is worked on only if it was asked for."""
    action = handler.request.__name__
    step, needs = handler.step, handler.needs

    @wraps(step)
    def guarded(cp: ChargePoint, request: Any, facts: Facts, now: datetime) -> Outcome:
        if may_send(cp, action):
            return step(cp, request, facts, now)
        return Outcome(state=cp, reply=rpc.NOT_BOOTED)

    def needed(cp: ChargePoint, request: Any) -> Needs:
        return needs(cp, request) if needs is not None and may_send(cp, action) else ()

    return replace(handler, step=guarded, needs=needed if needs is not None else None, before_boot=True)


def may_send(cp: ChargePoint, action: str) -> bool:
    """B02.FR.02: everything once its boot was accepted, until then what it was asked for."""
    return (cp.booted and cp.registration is Registration.ACCEPTED) or (
        cp.registration is not Registration.REJECTED and action in cp.asked
    )


def asking(command: Command) -> Command:
    """The command after whose acceptance the station may send what it asks for."""
    inner = command.answered

    def answered(cp: ChargePoint, request: Any, response: Any, now: datetime) -> Outcome:
        """Accepted: what was asked for is taken although the station's boot is not accepted (B02.FR.02)."""
        outcome = Outcome(state=cp, reply=None) if inner is None else inner(cp, request, response, now)
        if response.status not in AGREED or cp.booted:
            return outcome
        state = outcome.state
        return replace(outcome, state=replace(state, asked=state.asked | {_result_of(request)}))

    return replace(command, answered=answered if inner is None else wraps(inner)(answered))


def _result_of(request: Any) -> str:
    action = type(request).__name__
    if action != TRIGGER:
        return RESULTS[action]
    wanted: str = request.requested_message
    return TRIGGERED.get(wanted, wanted)
