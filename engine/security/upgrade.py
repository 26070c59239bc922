"""Moves a station to a higher security profile (2.0.1 A05, security whitepaper A05), with a way back.

The station is told the new profile while the old one stays its second choice; from then on it is let in with
either. Once it came with the new one, the old one is closed (`engine.security.signing` sees to that); if it
never does, it keeps what it has. There is no way down here: that is a local matter (A00.FR.005), and once
it is up, it is not let in any lower (2.0.1 A05.FR.07, whitepaper A05.FR.09).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from engine.domain.state import ChargePoint, Frozen
from engine.errors import CallDropped, CallRefused, Conflict, Invalid, Offline, QueueFull
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Message
from engine.points import Registry
from engine.store import Store
from engine.store.repositories.provisioning import ReportedKey
from engine.store.repositories.stations import Station

HIGHEST: Final = 3
WITH_PASSWORD: Final = frozenset({1, 2})
MESSAGE_TIMEOUT: Final = 30  # seconds, told to the station
FIRST_SLOT: Final = 1
# 2.0.1 part 2, appendix: the configuration slot that the station uses now.
ACTIVE_SLOT: Final = "ocppcommctrlr/activenetworkprofile"


class Target(Frozen, frozen=True):
    """Where the station is to come from now on. All but the profile is for OCPP 2.x alone."""

    profile: int  # 2 or 3: to 1 only from 0
    url: str = ""  # wss://…/ocpp
    slot: int | None = None  # configuration slot of the new profile; None: one that is not in use
    fallback_slot: int | None = None  # slot of the present one; None: as the station said, else the first
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
    """Tell the station and restart it. Returns when it has accepted the restart, or left by itself.

    Raises Invalid (no upgrade), Conflict (the station refused a step; nothing is changed here), NotFound, and
    CallError: then it may or may not move, and is let in either way for a day.
    """
    station = await store.stations.get(identity)
    _check(station, target)
    state = registry.state(identity)
    if state is None:
        raise Offline(f"charge point {identity!r} is not connected")
    if state.version != "ocpp1.6":
        target = _placed(target, await store.configuration.reported(station.id))
        if target.interface == "Any" and state.version == "ocpp2.0.1":
            raise Invalid("OCPP 2.0.1 needs one interface named", {"interface": ["Any is new in OCPP 2.1"]})
    steps = _steps(state, target)
    # Before it is told: it may come back at once, and even leave without waiting for the restart.
    await store.station_certificates.plan_profile(identity, target.profile, now(), actor=actor)
    try:
        for request in steps:
            await _accepted(registry, identity, request)
        await _restarted(registry, identity, state)
    except (Conflict, Invalid, CallRefused, QueueFull):
        await store.station_certificates.cancel_profile(identity, actor=actor)
        raise


def _check(station: Station, target: Target) -> None:
    """Raises Invalid where the station could not come with the new profile, or already does."""
    if not station.security_profile < target.profile <= HIGHEST:
        raise Invalid(
            f"the station has security profile {station.security_profile}; it can only go up, to {HIGHEST}",
            {"securityProfile": [f"must be above {station.security_profile}"]},
        )
    if target.profile in WITH_PASSWORD and not station.has_password:
        raise Invalid(
            f"security profile {target.profile} needs a password, and the station has none: give it one "
            "first, by `reconfigure` of the management API with AuthorizationKey (OCPP 2.x: "
            "SecurityCtrlr/BasicAuthPassword)",
            {"securityProfile": ["the station has no password"]},
        )


def _placed(target: Target, reported: Sequence[ReportedKey]) -> Target:
    """With both slots named: the present one as the station reported it, the new one beside it."""
    said = next((key.value for key in reported if key.name.casefold() == ACTIVE_SLOT), None) or ""
    present = int(said) if said.isascii() and said.isdecimal() else FIRST_SLOT
    fallback = present if target.fallback_slot is None else target.fallback_slot
    slot = target.slot
    if slot is None:
        slot = FIRST_SLOT + 1 if fallback == FIRST_SLOT else FIRST_SLOT
    if slot == fallback:
        raise Invalid(
            "the new connection profile would replace the present one, and leave no way back",
            {"slot": [f"must not be {fallback}, which is in use"]},
        )
    return replace(target, slot=slot, fallback_slot=fallback)


def _steps(state: ChargePoint, target: Target) -> list[Message]:
    if state.version == "ocpp1.6":
        return [v16.ChangeConfiguration(key="SecurityProfile", value=str(target.profile))]
    if not target.url.startswith("wss://" if target.profile > 1 else "ws://"):
        scheme = "wss" if target.profile > 1 else "ws"
        raise Invalid(
            f"security profile {target.profile} needs the {scheme}:// address to come to",
            {"url": [f"must be this server's address, {scheme}://…/ocpp"]},
        )
    priority = f"{target.slot},{target.fallback_slot}"
    if state.version == "ocpp2.1":
        return [
            v21.SetNetworkProfile(
                configuration_slot=target.slot or 0,
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
            configuration_slot=target.slot or 0,
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


async def _restarted(registry: Registry, identity: str, state: ChargePoint) -> None:
    """Whoever leaves before it is asked, or instead of answering, comes again with what it was told."""
    with suppress(Offline, CallDropped):
        await _accepted(registry, identity, _restart(state))


async def _accepted(registry: Registry, identity: str, request: Message) -> None:
    answer: Any = await registry.call(identity, request)
    results = getattr(answer, "set_variable_result", None)
    statuses = [answer.status] if results is None else [result.attribute_status for result in results]
    refused = [status for status in statuses if status not in {"Accepted", "RebootRequired", "Scheduled"}]
    if refused:
        raise Conflict(f"the station answered {refused[0]} to {type(request).__name__}")
