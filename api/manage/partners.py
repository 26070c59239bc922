"""OCPI parties and locations: stored here, used by the OCPI interface."""

from __future__ import annotations

import msgspec

from api.kernel.identities import identity
from api.kernel.operations import Route
from api.manage.schema import Location, Registration
from engine.domain.caller import Caller
from engine.node import Node
from engine.store.repositories import network


async def register_party(node: Node, body: Registration, caller: Caller) -> None:
    await node.store.parties.register(body.token, body.url or None, body.status, actor=caller.actor)


async def register_location(node: Node, location_id: str, body: Location, caller: Caller) -> None:
    """Register a location or replace it as a whole."""
    location = network.Location(
        external_id=identity(location_id),
        country_code=body.country_code,
        party_id=body.party_id,
        name=body.name,
        address=body.address,
        city=body.city,
        post_code=body.postal_code,
        country=body.country,
        latitude=body.coordinates.latitude,
        longitude=body.coordinates.longitude,
        parking_type=body.parking_type,
        evses=msgspec.to_builtins(body.evses or []),
    )
    await node.store.locations.put(location, actor=caller.actor)


ROUTES = (
    Route("POST", "/register", register_party, 201),
    Route("POST", "/location/<location_id>", register_location, 201),
)
