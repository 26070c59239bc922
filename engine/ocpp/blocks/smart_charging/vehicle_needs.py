"""What a vehicle said of itself (NotifyEVChargingNeeds), and what a charging profile may offer it by that.

It is remembered by EVSE, and counts for the transaction that it came with.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.state import VEHICLE_LEAD, ChargePoint, VehicleNeeds
from engine.ocpp.blocks.smart_charging.profiles_v2x import Profile
from engine.ocpp.blocks.smart_charging.profiles_v21 import MEMBERS, PHASED, phases_given
from engine.ocpp.declaration import MESSAGES
from engine.ocpp.messages import v21, v201

MAX_EVSES: Final = 256  # more than any station has
# Which of a vehicle's parameters says that a value may be given for a phase.
PARAMETERS: Final = {
    "limit": "maxChargePower",
    "discharge_limit": "maxDischargePower",
    "setpoint": "maxDischargePower",
    "setpoint_reactive": "maxDischargePower",
}


def are_reported(version: str) -> bool:
    """Whether stations of this version report what vehicles need."""
    return version in MESSAGES and hasattr(MESSAGES[version], "NotifyEVChargingNeeds")


def remembered(
    cp: ChargePoint, request: v201.NotifyEVChargingNeeds | v21.NotifyEVChargingNeeds, now: datetime
) -> ChargePoint:
    """The state with what the vehicle at an EVSE said last."""
    if request.evse_id not in cp.vehicles and len(cp.vehicles) >= MAX_EVSES:
        return cp
    needs = VehicleNeeds(at=now, parameters=frozenset(_parameters(request.charging_needs)))
    return replace(cp, vehicles={**cp.vehicles, request.evse_id: needs})


def vehicle_errors(profile: Profile, evse_id: int, cp: ChargePoint, now: datetime) -> list[str]:
    """What a profile gives the vehicle at an EVSE that it did not ask for."""
    if profile.charging_profile_purpose != "TxProfile":
        return []
    needs = _present(cp, evse_id, now)
    errors = []
    if len(profile.charging_schedule) > 1 and needs is None:
        errors.append("several chargingSchedules need a NotifyEVChargingNeeds of the transaction (K01.FR.34)")
    if isinstance(profile, v21.ChargingProfile):
        known: frozenset[str] = frozenset() if needs is None else needs.parameters
        errors += dict.fromkeys(_phase_errors(profile, known))
    return errors


def _phase_errors(profile: v21.ChargingProfile, known: frozenset[str]) -> Iterator[str]:
    periods = chain.from_iterable(one.charging_schedule_period for one in profile.charging_schedule)
    given = {name for period in periods for name in phases_given(period)}
    for member, phases in PHASED.items():
        clause = "K01.FR.142" if member == "limit" else "V2X.08"
        for name in phases:
            parameter = f"{PARAMETERS[member]}_{name[-2:].upper()}"
            if name in given and parameter not in known:
                yield f"{MEMBERS[name]}: the vehicle has not said its {parameter} ({clause})"


def _present(cp: ChargePoint, evse_id: int, now: datetime) -> VehicleNeeds | None:
    """Of the transaction that runs at the EVSE, or is about to start; not what an earlier vehicle said."""
    needs = cp.vehicles.get(evse_id)
    running = [session for session in cp.sessions.values() if session.evse_number == evse_id]
    start = min((session.received_at or session.started_at for session in running), default=now)
    return needs if needs is not None and needs.at >= start - VEHICLE_LEAD else None


def _parameters(needs: Any) -> Iterator[str]:
    """The names, as in JSON, of what the vehicle said of its limits for charging and discharging (2.1)."""
    said = getattr(needs, "v2x_charging_parameters", UNSET)
    if isinstance(said, v21.V2XChargingParameters):
        names = zip(said.__struct_fields__, said.__struct_encode_fields__, strict=True)
        yield from (wire for name, wire in names if getattr(said, name) is not UNSET)
