"""What people and programs set of a station: settings to be queued, its password, its acceptance.

What is queued, `engine.operations.delivery` brings to the station.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import structlog
import trio
from msgspec.structs import replace

from engine.domain.caller import Caller
from engine.domain.state import Registration
from engine.errors import (
    CallError,
    DatabaseAway,
    Invalid,
    NotSupported,
)
from engine.node import Node
from engine.ocpp.blocks.device_model.set_configuration import longest_value
from engine.ocpp.blocks.remote_control.trigger import Trigger
from engine.ocpp.operation import Verdict
from engine.operations.sending import carry_out
from engine.store.repositories.stations import Station, StationPatch

log = structlog.get_logger(__name__)

AGAIN: Final = 1.0  # seconds between attempts to store what must not be lost


async def reconfigure(node: Node, caller: Caller, identity: str, values: Mapping[str, str]) -> None:
    """Queue settings. Raises NotFound, and Invalid for values that its version cannot hold."""
    station = await node.store.stations.get(caller, identity)
    most = longest_value(station.network_protocol)
    if most is not None:
        fault = f"must have at most {most} characters: the station is not known to speak OCPP 2.x"
        if long := {name: [fault] for name, value in values.items() if len(value) > most}:
            raise Invalid("some values are too long", long)
    await node.store.configuration.request(caller, station.id, values)


async def adopt_password(node: Node, caller: Caller, identity: str, password: str) -> None:
    """The station comes with this password from now on, and with no other (A01).

    It has it already: were this lost, it could not come in again. So this waits for the database.
    """
    digest = hashlib.sha256(password.encode()).digest()
    while True:
        try:
            await node.store.stations.update(caller, identity, StationPatch(password_sha256=digest))
        except DatabaseAway:
            await trio.sleep(AGAIN)
        else:
            return


async def accept(node: Node, caller: Caller, identity: str, patch: StationPatch) -> tuple[Station, bool]:
    """Accept a station's boots from now on, with what else `patch` says. Raises NotFound.

    One that is connected is asked to boot again, not to have to wait; whether it agreed comes second.
    """
    accepted = replace(patch, registration_status=Registration.ACCEPTED, accept_when_configured=False)
    station = await node.store.stations.update(caller, identity, accepted)
    return station, await _boot_again(node, identity)


async def _boot_again(node: Node, identity: str) -> bool:
    if not node.registry.is_connected(identity):
        return False
    try:
        result = await carry_out(node, identity, Trigger(message="BootNotification"))
    except (CallError, NotSupported) as error:
        log.info("boot not triggered", identity=identity, error=str(error))
        return False
    return result.verdict is Verdict.ACCEPTED
