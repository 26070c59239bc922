"""Moves a station to a higher security profile (2.0.1 A05, 1.6 security A05), with a way back.

The station is asked for the new profile while the old one stays its second choice; from then on it is let in
with either. Once it came with the new one, the old one is closed (`engine.operations.signing` sees to that);
if it never does, it keeps what it has. There is no way down here: that is a local matter (A00.FR.005), and
once it is up, it is not let in any lower (2.0.1 A05.FR.07, 1.6 security A05.FR.09).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from engine.domain.caller import Caller
from engine.errors import CallDropped, CallRefused, Conflict, Invalid, NotSupported, Offline, QueueFull
from engine.node import Node
from engine.ocpp.blocks.provisioning.move_profile import ACTIVE_SLOT, Target, steps
from engine.ocpp.blocks.provisioning.reset import Reset
from engine.ocpp.operation import Operation, Verdict
from engine.operations.sending import carry_out
from engine.store.repositories.stations import Station

HIGHEST: Final = 3
WITH_PASSWORD: Final = frozenset({1, 2})
AGREED: Final = frozenset({Verdict.ACCEPTED, Verdict.REBOOT_REQUIRED, Verdict.SCHEDULED})


async def profile_upgrade(node: Node, caller: Caller, identity: str, target: Target) -> None:
    """Tell the station and restart it. Returns when it has accepted the restart, or left by itself.

    Raises Invalid (no upgrade), Conflict and NotSupported (the station refused a step; nothing is changed
    here), NotFound, and CallError: then it may or may not move, and is let in either way for a day.
    """
    store, now = node.store, node.registry.shared.now
    station = await store.stations.get(caller, identity)
    _check(station, target)
    state = node.registry.state(identity)
    if state is None:
        raise Offline(f"charge point {identity!r} is not connected")
    reported = await store.configuration.reported(station.id)
    active = next((key.value for key in reported if key.name.casefold() == ACTIVE_SLOT.casefold()), None)
    operations = steps(state, target, active)
    # Before it is asked: it may come back at once, and even leave without waiting for the restart.
    await store.station_certificates.plan_profile(caller, identity, target.profile, now())
    try:
        for operation in operations:
            await _agreed(node, identity, operation)
        # Whoever leaves before it is asked, or instead of answering, comes again with what it was given.
        with suppress(Offline, CallDropped):
            await _agreed(node, identity, Reset(when="idle"))
    except (Conflict, Invalid, NotSupported, CallRefused, QueueFull):
        await store.station_certificates.cancel_profile(caller, identity)
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


async def _agreed(node: Node, identity: str, operation: Operation) -> None:
    result = await carry_out(node, identity, operation)
    if result.verdict not in AGREED:
        raise Conflict(f"the station answered {result.word} to {type(operation).__name__}")
