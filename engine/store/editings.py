"""What people write, by table; what interfaces may change of it, they declare themselves."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func

from engine.store import station_settings
from engine.store.editing import Editing
from engine.store.tables.access import api_tokens, ocpi_parties
from engine.store.tables.drivers import id_tags
from engine.store.tables.inventory import charge_point_status, charge_points, locations, operators
from engine.store.tables.security import certificates

API_TOKENS: Final = Editing(
    api_tokens,
    "api_token",
    alive=api_tokens.c.revoked_at.is_(None),
    removal={"revoked_at": func.now()},
)
CERTIFICATES: Final = Editing(certificates, "certificate", key="sha256")
CHARGE_POINTS: Final = Editing(
    charge_points,
    "station",
    key="network_id",
    subject="charge_point",
    alive=charge_points.c.deleted_at.is_(None),
    beside=(charge_point_status.c.charge_point_id,),
    rule=station_settings.check,
)
ID_TAGS: Final = Editing(id_tags, "id_tag", key="uid", unique="id_tags_uid")
LOCATIONS: Final = Editing(
    locations, "location", key="external_id", unique="locations_operator_id_external_id_key"
)
OPERATORS: Final = Editing(operators, "operator")
OCPI_PARTIES: Final = Editing(ocpi_parties, "ocpi_party", unique="ocpi_parties_token_key")
