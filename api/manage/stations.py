"""Operations on a charge station: registration, authentication details, settings, certificates, commands.

Settings and certificates are stored, and delivered when the station is connected
(`engine.operations.delivery`); triggers and charging profiles are sent at once, and what the station
answers is the answer.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import UNSET, inspect

from api.kernel.identities import identity
from api.kernel.operations import Route
from api.kernel.types import without_unknown
from api.manage import rules
from api.manage.schema import (
    ChargeStationAuth,
    ChargeStationInstallCertificates,
    ChargeStationSettings,
    ChargeStationTrigger,
)
from engine.domain.caller import Caller
from engine.errors import Conflict
from engine.node import Node
from engine.ocpp.blocks.remote_control.trigger import Trigger
from engine.ocpp.blocks.smart_charging.set_profile import NEWEST, SetProfile
from engine.ocpp.operation import Operation, Verdict
from engine.operations import provisioning
from engine.operations.commands import command
from engine.store.repositories.stations import StationPatch

PROFILE: Final = inspect.type_info(NEWEST)


async def register(node: Node, cs_id: str, body: ChargeStationAuth, caller: Caller) -> None:
    """Register a station, pending until it was configured, or replace its authentication details."""
    password = None if body.password_hash is UNSET else rules.password_hash_in(body.password_hash or "")
    patch = StationPatch(
        security_profile=rules.profile_in(body.security_profile),
        password_sha256=password,
        invalid_username_allowed=bool(body.invalid_username_allowed),
    )
    await node.store.stations.register(caller, identity(cs_id), patch, configure_first=True)


async def auth(node: Node, cs_id: str, caller: Caller) -> ChargeStationAuth:
    station = await node.store.stations.get(caller, cs_id)
    digest = station.password_sha256
    return ChargeStationAuth(
        security_profile=rules.profile_out(station.security_profile),
        password_hash=UNSET if digest is None else rules.password_hash_out(digest),
        invalid_username_allowed=station.invalid_username_allowed,
    )


async def reconfigure(node: Node, cs_id: str, body: ChargeStationSettings, caller: Caller) -> None:
    await provisioning.reconfigure(node, caller, cs_id, body)


async def install_certificates(
    node: Node, cs_id: str, body: ChargeStationInstallCertificates, caller: Caller
) -> None:
    """Queue certificates. All are looked at before the first is stored."""
    station = await node.store.stations.get(caller, cs_id)
    for position, wanted in enumerate(body.certificates):
        rules.certificate(wanted.certificate, f"certificates[{position}].certificate")
    for wanted in body.certificates:
        await node.store.certificates.install(
            caller,
            station.id,
            wanted.type,
            rules.unescaped(wanted.certificate),
            status=wanted.status,
        )


async def trigger(node: Node, cs_id: str, body: ChargeStationTrigger, caller: Caller) -> None:
    await accepted(node, caller, cs_id, Trigger(message=body.trigger))


async def set_charging_profile(node: Node, cs_id: str, body: dict[str, Any], caller: Caller) -> None:
    """The body is a ChargingProfileType of OCPP 2.0.1; it is said in the words of the station's version.

    Its schema is open: members that no version knows are left out, for no station would take them.
    """
    await accepted(node, caller, cs_id, SetProfile(profile=without_unknown(body, PROFILE)))


async def accepted(node: Node, caller: Caller, cs_id: str, operation: Operation) -> None:
    """Have it done; raises Conflict when the station answers anything but Accepted."""
    result = await command(node, caller, cs_id, operation)
    if result.verdict is not Verdict.ACCEPTED:
        raise Conflict(f"charge station {cs_id!r} answered {result.word}")


ROUTES = (
    Route("POST", "/cs/<cs_id>", register, 201),
    Route("POST", "/cs/<cs_id>/reconfigure", reconfigure),
    Route("POST", "/cs/<cs_id>/certificates", install_certificates),
    Route("GET", "/cs/<cs_id>/auth", auth),
    Route("POST", "/cs/<cs_id>/trigger", trigger, limit=None),
    Route("POST", "/cs/<cs_id>/setchargingprofile", set_charging_profile, limit=None),
)
