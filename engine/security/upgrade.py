"""Moves a station to a higher security profile (2.0.1 A05, security whitepaper A05), with a way back.

The station is told the new profile while the old one stays its second choice; from then on it is let in with
either. Once it came with the new one, the old one is closed (`engine.security.signing` sees to that); if it
never does, it keeps what it has. There is no way down here: that is a local matter (A05).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from engine.domain.state import ChargePoint, Frozen
from engine.errors import Conflict, Invalid, Offline
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Message
from engine.points import Registry
from engine.store import Store

HIGHEST: Final = 3
MESSAGE_TIMEOUT: Final = 30  # seconds, told to the station


class Target(Frozen, frozen=True):
    """Where the station is to come from now on. `url` and slots are not used in OCPP 1.6."""

    profile: int  # 2 or 3: to 1 only from 0
    url: str = ""  # wss://…/ocpp
    slot: int = 2  # configuration slot of the new profile
    fallback_slot: int = 1  # slot of the present one
    interface: Any = "Wired0"  # OCPPInterfaceEnumType


async def upgrade(
    store: Store,
    registry: Registry,
    identity: str,
    target: Target,
    *,
    now: Callable[[], datetime],
    actor: str,
) -> None:
    """Tell the station and restart it. Returns when it has accepted the restart; it moves then.

    Raises Invalid (no upgrade), Conflict (the station refused a step; nothing is changed here), NotFound, and
    CallError.
    """
    station = await store.stations.get(identity)
    state = registry.state(identity)
    if state is None:
        raise Offline(f"charge point {identity!r} is not connected")
    if not station.security_profile < target.profile <= HIGHEST:
        raise Invalid(f"the station has security profile {station.security_profile}; it can only go up")
    for request in _steps(state, target):
        await _accepted(registry, identity, request)
    # Before the restart: the station may come back at once.
    await store.station_certificates.plan_profile(identity, target.profile, now(), actor=actor)
    await _accepted(registry, identity, _restart(state))


def _steps(state: ChargePoint, target: Target) -> list[Message]:
    if state.version == "ocpp1.6":
        return [v16.ChangeConfiguration(key="SecurityProfile", value=str(target.profile))]
    if not target.url.startswith("wss://" if target.profile > 1 else "ws"):
        raise Invalid("the new address must be wss:// for this security profile", {"url": ["no TLS"]})
    priority = f"{target.slot},{target.fallback_slot}"
    if state.version == "ocpp2.1":
        return [
            v21.SetNetworkProfile(
                configuration_slot=target.slot,
                connection_data=v21.NetworkConnectionProfile(
                    ocpp_interface=target.interface,
                    ocpp_transport="JSON",
                    message_timeout=MESSAGE_TIMEOUT,
                    ocpp_csms_url=target.url,
                    security_profile=target.profile,
                ),
            ),
            v21.SetVariables(
                set_variable_data=[
                    v21.SetVariableData(
                        attribute_value=priority,
                        component=v21.Component(name="OCPPCommCtrlr"),
                        variable=v21.Variable(name="NetworkConfigurationPriority"),
                    )
                ]
            ),
        ]
    return [
        v201.SetNetworkProfile(
            configuration_slot=target.slot,
            connection_data=v201.NetworkConnectionProfile(
                ocpp_version="OCPP20",
                ocpp_interface=target.interface,
                ocpp_transport="JSON",
                message_timeout=MESSAGE_TIMEOUT,
                ocpp_csms_url=target.url,
                security_profile=target.profile,
            ),
        ),
        v201.SetVariables(
            set_variable_data=[
                v201.SetVariableData(
                    attribute_value=priority,
                    component=v201.Component(name="OCPPCommCtrlr"),
                    variable=v201.Variable(name="NetworkConfigurationPriority"),
                )
            ]
        ),
    ]


def _restart(state: ChargePoint) -> Message:
    if state.version == "ocpp1.6":
        return v16.Reset(type="Soft")
    return v21.Reset(type="OnIdle") if state.version == "ocpp2.1" else v201.Reset(type="OnIdle")


async def _accepted(registry: Registry, identity: str, request: Message) -> None:
    answer: Any = await registry.call(identity, request)
    results = getattr(answer, "set_variable_result", None)
    statuses = [answer.status] if results is None else [result.attribute_status for result in results]
    refused = [status for status in statuses if status not in {"Accepted", "RebootRequired", "Scheduled"}]
    if refused:
        raise Conflict(f"the station answered {refused[0]} to {type(request).__name__}")
