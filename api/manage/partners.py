"""OCPI parties and locations: stored here, used by the OCPI interface."""

from __future__ import annotations

import msgspec

from api.kernel.identities import identity
from api.kernel.operations import Route
from api.manage.schema import Location, Registration
from engine.domain.caller import Caller
from engine.node import Node
from engine.store.edit import Edit
from engine.store.editing import Kind
from engine.store.editings import LOCATIONS, OCPI_PARTIES


async def register_party(node: Node, body: Registration, caller: Caller) -> None:
    """Store a party's first connection details; a known token gets the new ones."""
    values = {"url": body.url or None, "status": body.status}
    await node.store.write(
        Edit(caller=caller, editing=OCPI_PARTIES, kind=Kind.SET, new={"token": body.token}, values=values)
    )


async def register_location(node: Node, location_id: str, body: Location, caller: Caller) -> None:
    """Register a location or replace it as a whole; its texts are in the operator's language."""
    locale = (await node.store.operators.home(caller)).locale
    values = {
        "country_code": body.country_code,
        "party_id": body.party_id,
        "name": [] if body.name is None else [{"locale": locale, "translation": body.name}],
        "address": [{"locale": locale, "translation": body.address}],
        "city": body.city,
        "post_code": body.postal_code,
        "country": body.country,
        "latitude": body.coordinates.latitude,
        "longitude": body.coordinates.longitude,
        "parking_type": body.parking_type,
        "evses": msgspec.to_builtins(body.evses or []),
    }
    new = {"external_id": identity(location_id)}
    await node.store.write(Edit(caller=caller, editing=LOCATIONS, kind=Kind.SET, new=new, values=values))


ROUTES = (
    Route("POST", "/register", register_party, 201),
    Route("POST", "/location/<location_id>", register_location, 201),
)
