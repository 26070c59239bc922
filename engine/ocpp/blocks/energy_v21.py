"""Energy services that only OCPP 2.1 has: grid control (R), bidirectional transfer (Q), battery swapping (S).

Rules of our requests; what stations report of these is kept and published (`reports`). Batteries also say
which transactions are nobody's to pay.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import UNSET

from engine.domain import transactions
from engine.domain.state import ChargePoint, StationNumber
from engine.ocpp.blocks import reports
from engine.ocpp.messages import v21
from engine.ocpp.step import Facts, Outcome

# R04: which member carries the setting of a control type; every other type is a curve.
DER_MEMBERS: Final[Mapping[str, str]] = {
    "EnterService": "enter_service",
    "FixedPFAbsorb": "fixed_pf_absorb",
    "FixedPFInject": "fixed_pf_inject",
    "FixedVar": "fixed_var",
    "FreqDroop": "freq_droop",
    "Gradients": "gradient",
    "LimitMaxDischarge": "limit_max_discharge",
}
ALWAYS_DEFAULT: Final = frozenset({"EnterService", "Gradients"})
CURVE: Final = "curve"
ALL_MEMBERS: Final = (CURVE, *DER_MEMBERS.values())


def check_set_der_control_v21(request: v21.SetDERControl, cp: ChargePoint, now: datetime) -> list[str]:
    """The setting of its control type, and no other; some are default ones, which have no time (R04)."""
    wanted = DER_MEMBERS.get(request.control_type, CURVE)
    given = [name for name in ALL_MEMBERS if getattr(request, name) is not UNSET]
    if given != [wanted]:
        rule = f"takes {_json_name(wanted)} and nothing else (R04.FR.16)"
        return [f"controlType {request.control_type} {rule}"]
    setting = getattr(request, wanted)
    timed = [n for n in ("start_time", "duration") if getattr(setting, n, UNSET) is not UNSET]
    if request.is_default and timed:
        return ["a default control has neither startTime nor duration (R04.FR.12)"]
    if not request.is_default and request.control_type in ALWAYS_DEFAULT:
        return [f"controlType {request.control_type} is a default control only (R04.FR.14)"]
    return []


def check_get_der_control_v21(request: v21.GetDERControl, cp: ChargePoint, now: datetime) -> list[str]:
    """By type (R04.FR.34), or by id (R04.FR.35)."""
    return _selection_errors(request)


def check_clear_der_control_v21(request: v21.ClearDERControl, cp: ChargePoint, now: datetime) -> list[str]:
    """By type (R04.FR.45), by id (R04.FR.42), or all (R04.FR.44)."""
    return _selection_errors(request)


def check_notify_allowed_energy_transfer_v21(
    request: v21.NotifyAllowedEnergyTransfer, cp: ChargePoint, now: datetime
) -> list[str]:
    """Of a transaction that runs here (Q02)."""
    return [] if request.transaction_id in cp.sessions else ["transactionId is not running at this station"]


def battery_swap_v21(cp: ChargePoint, request: v21.BatterySwap, facts: Facts, now: datetime) -> Outcome:
    """Keeps and publishes what was swapped (S01 to S04); a battery that was put in is the station's.

    One that was not taken out in time (BatteryOutTimeout) is still there.
    """
    outcome = reports.kept(cp, request, facts, now)
    if request.event_type == "BatteryOutTimeout":
        return outcome
    slots = frozenset(one.evse_id for one in request.battery_data if one.evse_id > StationNumber)
    inside = request.event_type == "BatteryIn"
    state, changes = transactions.batteries_moved(cp, slots, inside=inside, now=now)
    return Outcome(state=state, reply=outcome.reply, changes=[*outcome.changes, *changes])


def _selection_errors(request: v21.GetDERControl | v21.ClearDERControl) -> list[str]:
    both = request.control_id is not UNSET and request.control_type is not UNSET
    return ["controlId does not go with controlType"] if both else []


def _json_name(name: str) -> str:
    field: str = v21.SetDERControl.__struct_encode_fields__[v21.SetDERControl.__struct_fields__.index(name)]
    return field
