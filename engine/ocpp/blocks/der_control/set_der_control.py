"""Set how a station serves the grid: SetDERControl (2.1 R04)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import UNSET

from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21
from engine.ocpp.operation import Operation, Result
from engine.ocpp.results import as_kind, result_of


class SetDerControl(Operation, frozen=True):
    """Set how a station serves the grid. `setting`: a DERCurveType, or the type that goes with `type`."""

    control_id: str
    type: str  # DERControlEnumType
    setting: Mapping[str, Any]
    default: bool = False  # holds while no scheduled one does


class DerControlSet(Result, frozen=True):
    superseded: tuple[str, ...] = ()  # ids of the controls that it takes the place of


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
MEMBERS: Final = dict(
    zip(v21.SetDERControl.__struct_fields__, v21.SetDERControl.__struct_encode_fields__, strict=True)
)


def encode_v21(operation: SetDerControl, _cp: ChargePoint) -> Sequence[Call]:
    member = MEMBERS[DER_MEMBERS.get(operation.type, CURVE)]
    control = {
        "isDefault": operation.default,
        "controlId": operation.control_id,
        "controlType": operation.type,
        member: operation.setting,
    }
    return [("SetDERControl", control)]


def read_v21(_operation: object, answers: Sequence[v21.SetDERControlResponse]) -> Result:
    return as_kind(DerControlSet, result_of(answers[0]), superseded=tuple(answers[0].superseded_ids or ()))


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


def _json_name(name: str) -> str:
    field: str = v21.SetDERControl.__struct_encode_fields__[v21.SetDERControl.__struct_fields__.index(name)]
    return field


OPERATION: Final = define(SetDerControl, v21=Encoding(encode_v21, read_v21))
COMMANDS: Final = (command(v21.SetDERControl, check=check_set_der_control_v21),)
