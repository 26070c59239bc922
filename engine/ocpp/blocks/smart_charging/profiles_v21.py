"""What OCPP 2.1 asks of a charging profile by itself: operation modes, phases, priority, dynamics (K, Q).

Each rule is a small function of a profile, or of one period of it, and says its clause with what is wrong.
What depends on the station or the vehicle is in `smart_charging_v2x`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple, TypeAlias

from msgspec import UNSET

from engine.ocpp.messages import v21

Period: TypeAlias = v21.ChargingSchedulePeriod

MEMBERS: Final = dict(zip(Period.__struct_fields__, Period.__struct_encode_fields__, strict=True))
# A value and those of the phases L2 and L3 beside it (V2X.06).
LIMITS: Final = ("limit", "discharge_limit", "setpoint", "setpoint_reactive")
PHASED: Final = {name: (f"{name}_l2", f"{name}_l3") for name in LIMITS}
TX_PROFILES: Final = frozenset({"TxProfile", "TxDefaultProfile"})
DEFAULT_MODE: Final = "ChargingOnly"
MIN_CURVE: Final = 2  # points


class Mode(NamedTuple):
    """What a period of an operation mode must have, and which values it must not, of any phase."""

    needs: str | None
    never: tuple[str, ...]
    clause: str


# 2.1 Q, "limits and setpoints per operation mode"; where a clause forbids what that table allows it prevails.
MODES: Final[Mapping[str, Mode]] = {
    "Idle": Mode(None, LIMITS, "Q10.FR.01"),
    "ChargingOnly": Mode("limit", ("discharge_limit", "setpoint", "setpoint_reactive"), "Q02.FR.02"),
    "CentralSetpoint": Mode("setpoint", ("limit", "discharge_limit"), "Q03.FR.02"),
    "ExternalSetpoint": Mode(None, ("setpoint", "setpoint_reactive"), "Q05.FR.01"),
    "ExternalLimits": Mode(None, LIMITS, "Q05.FR.02"),
    "CentralFrequency": Mode("setpoint", ("limit", "discharge_limit", "setpoint_reactive"), "Q07.FR.03"),
    "LocalFrequency": Mode(None, LIMITS, "Q08.FR.01"),
    "LocalLoadBalancing": Mode(None, ("setpoint", "setpoint_reactive"), "Q09.FR.04"),
}
# Purposes whose periods may have some operation modes only.
MODES_OF: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    "ChargingStationMaxProfile": (frozenset({"ChargingOnly"}), "K01.FR.111"),
    "LocalGeneration": (frozenset({"ChargingOnly", "ExternalLimits"}), "K01.FR.113"),
    "PriorityCharging": (frozenset({"ChargingOnly"}), "K01.FR.111"),
}


def profile_errors_v21(profile: v21.ChargingProfile) -> list[str]:
    """What is wrong with a profile by the rules that 2.1 added."""
    return [error for rule in PROFILE_RULES for error in rule(profile)]


def period_errors_v21(period: Period) -> list[str]:
    """The same of one period, wherever it stands."""
    return [error for rule in PERIOD_RULES for error in rule(period)]


def phases_given(period: Period) -> Sequence[str]:
    """The names of the values that a period has for the phases L2 and L3."""
    return [name for name in chain.from_iterable(PHASED.values()) if _has(period, name)]


# --- of the profile ---------------------------------------------------------------------------------


def _priority(profile: v21.ChargingProfile) -> Iterator[str]:
    """It lasts until it is switched off, or the transaction ends."""
    timed = any(schedule.duration is not UNSET for schedule in profile.charging_schedule)
    if profile.charging_profile_purpose == "PriorityCharging" and timed:
        yield "a PriorityCharging profile must not have a chargingSchedule.duration (K01.FR.73)"


def _random_delay(profile: v21.ChargingProfile) -> Iterator[str]:
    delayed = any(schedule.randomized_delay for schedule in profile.charging_schedule)
    if delayed and profile.charging_profile_purpose not in TX_PROFILES:
        yield "randomizedDelay goes with a TxProfile or TxDefaultProfile only (K01.FR.95)"


def _dynamic(profile: v21.ChargingProfile) -> Iterator[str]:
    """A Dynamic profile is one period whose values change; only such a one is updated."""
    if profile.charging_profile_kind == "Dynamic":
        if [len(schedule.charging_schedule_period) for schedule in profile.charging_schedule] != [1]:
            yield ("a Dynamic profile has one chargingSchedule with one chargingSchedulePeriod (K28.FR.01)")
    elif profile.dyn_update_interval is not UNSET or profile.dyn_update_time is not UNSET:
        yield "dynUpdateInterval and dynUpdateTime go with kind Dynamic only (K01.FR.122)"


def _modes_of_purpose(profile: v21.ChargingProfile) -> Iterator[str]:
    purpose = profile.charging_profile_purpose
    allowed, clause = MODES_OF.get(purpose, (frozenset(MODES), ""))
    for mode in sorted({_mode(period) for period in _periods(profile)} - allowed):
        yield f"operationMode {mode} does not go with purpose {purpose} ({clause})"


def _frequency(profile: v21.ChargingProfile) -> Iterator[str]:
    """Setpoints by the grid's frequency change all the time; a curve of them is in W."""
    modes = {_mode(period) for period in _periods(profile)}
    if "CentralFrequency" in modes and profile.charging_profile_kind != "Dynamic":
        yield "operationMode CentralFrequency needs kind Dynamic (Q07.FR.02)"
    for schedule in profile.charging_schedule:
        local = any(_mode(period) == "LocalFrequency" for period in schedule.charging_schedule_period)
        if local and schedule.charging_rate_unit != "W":
            yield "operationMode LocalFrequency needs chargingRateUnit W (Q08.FR.05)"


def _phases_of_purpose(profile: v21.ChargingProfile) -> Iterator[str]:
    """Only a TxProfile follows upon a vehicle that told what its phases take."""
    if profile.charging_profile_purpose == "TxProfile":
        return
    for name in _in_order(name for period in _periods(profile) for name in phases_given(period)):
        clause = "K01.FR.143" if name in PHASED["limit"] else "V2X.09"
        yield f"{MEMBERS[name]} goes with a TxProfile only ({clause})"


# --- of one period ----------------------------------------------------------------------------------


def _mode_members(period: Period) -> Iterator[str]:
    name = _mode(period)
    mode = MODES[name]
    for member in mode.never:
        for given in (member, *PHASED[member]):
            if _has(period, given):
                yield f"{MEMBERS[given]} does not go with operationMode {name} ({mode.clause})"
    if mode.needs is not None and not _has(period, mode.needs):
        yield f"operationMode {name} needs {MEMBERS[mode.needs]}"


def _lone_phases(period: Period) -> Iterator[str]:
    """The value without a phase is that of L1 then."""
    for member, phases in PHASED.items():
        if not _has(period, member):
            clause = "K01.FR.145" if member == "limit" else "V2X.07"
            for given in phases:
                if _has(period, given):
                    yield f"{MEMBERS[given]} needs {MEMBERS[member]} beside it ({clause})"


def _curves(period: Period) -> Iterator[str]:
    if _mode(period) != "LocalFrequency":
        return
    if len(period.v2x_freq_watt_curve or ()) < MIN_CURVE or not _has(period, "v2x_baseline"):
        yield (
            "operationMode LocalFrequency needs v2xBaseline and a v2xFreqWattCurve of two points or more"
            " (Q08.FR.02)"
        )
    if period.v2x_signal_watt_curve and len(period.v2x_signal_watt_curve) < MIN_CURVE:
        yield "v2xSignalWattCurve needs two points or more (Q08.FR.02)"


def _sleep(period: Period) -> Iterator[str]:
    if period.evse_sleep is True and _mode(period) != "Idle":
        yield "evseSleep goes with operationMode Idle only (K01.FR.126)"


def _mode(period: Period) -> str:
    return period.operation_mode or DEFAULT_MODE


def _periods(profile: v21.ChargingProfile) -> Iterator[Period]:
    return chain.from_iterable(schedule.charging_schedule_period for schedule in profile.charging_schedule)


def _has(period: Period, name: str) -> bool:
    return getattr(period, name) is not UNSET


def _in_order(names: Iterator[str]) -> Sequence[str]:
    """Each once, in the order in which they came first."""
    return list(dict.fromkeys(names))


PROFILE_RULES: Final[Sequence[Callable[[v21.ChargingProfile], Iterator[str]]]] = (
    _priority,
    _random_delay,
    _dynamic,
    _modes_of_purpose,
    _frequency,
    _phases_of_purpose,
)
PERIOD_RULES: Final[Sequence[Callable[[Period], Iterator[str]]]] = (
    _mode_members,
    _lone_phases,
    _curves,
    _sleep,
)
