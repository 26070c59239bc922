"""Moving a charge point to a higher security profile (2.0.1 A05), and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from api.kernel.operations import Route
from api.kernel.views import Camel
from engine.domain.caller import Caller
from engine.errors import NotFound
from engine.node import Node
from engine.ocpp.blocks.provisioning.move_profile import Target
from engine.operations.profile_upgrade import profile_upgrade
from engine.store.repositories.security import Move

Slot = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Interface = Literal[
    "Wired0", "Wired1", "Wired2", "Wired3", "Wireless0", "Wireless1", "Wireless2", "Wireless3", "Any"
]
UpgradeStatus = Literal["pending", "applied", "rejected", "expired"]


class Upgrade(Camel, frozen=True, kw_only=True):
    """All but the profile is for OCPP 2.x, where `url` is needed."""

    security_profile: Annotated[int, Meta(ge=1, le=3)]
    url: Annotated[str, Meta(max_length=512)] = ""
    slot: Slot | None = None
    fallback_slot: Slot | None = None
    interface: Interface = "Wired0"


class UpgradeView(Camel, frozen=True, kw_only=True):
    """`status` is pending (let in with either), applied, rejected (by it) or expired (it never came so)."""

    status: UpgradeStatus
    wanted: int
    security_profile: int
    planned_at: datetime
    actor: str


async def start(node: Node, identity: str, body: Upgrade, caller: Caller) -> UpgradeView:
    """Tell it and restart it; it moves when it comes again."""
    target = Target(
        profile=body.security_profile,
        url=body.url,
        slot=body.slot,
        fallback_slot=body.fallback_slot,
        interface=body.interface,
    )
    await profile_upgrade(node, caller, identity, target)
    return await show(node, identity, caller)


async def show(node: Node, identity: str, caller: Caller) -> UpgradeView:
    """The last one; raises NotFound where there was none."""
    await node.store.stations.get(caller, identity)
    move = await node.store.station_certificates.last_move(identity)
    if move is None:
        raise NotFound(f"nobody asked charge point {identity!r} to change its security profile")
    return UpgradeView(
        status=_status(move),
        wanted=move.wanted,
        security_profile=move.security_profile,
        planned_at=move.planned_at,
        actor=move.actor,
    )


def _status(move: Move) -> UpgradeStatus:
    if move.refused:
        return "rejected"
    if move.under_way:
        return "pending"
    return "applied" if move.security_profile >= move.wanted else "expired"


ROUTES = (
    Route("POST", "/stations/<identity>/upgrade", start, limit=None),
    Route("GET", "/stations/<identity>/upgrade", show),
)
