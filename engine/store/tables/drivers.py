"""Who charges: users, their id tags, what was answered to them, and what they reserved.

A charger's report is recorded even when what it names was removed a moment ago: it has no foreign key there.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from engine.domain import changes
from engine.store.tables.declare import (
    Owner,
    bigint,
    boolean,
    ident,
    index,
    integer,
    moment,
    number_of,
    ref,
    stamps,
    table,
    text,
)

users: Final = table(
    "users",
    ident(),
    ref("operator_id", "operators"),
    text("name", default=""),
    text("email", null=True),
    text("status", default="enabled"),  # enabled | disabled
    *stamps(),
    index("users_operator", "operator_id", "id"),
    owner=Owner.PEOPLE,
    tenant="operator_id",
)

id_tags: Final = table(
    "id_tags",
    ident(),
    ref("operator_id", "operators"),
    text("uid"),
    text("label", null=True),
    text(
        "type",
        default="rfid",
        check="type in ('rfid', 'mac_address', 'emaid', 'key_code', 'central', 'evccid', 'vin', "
        "'direct_payment')",
    ),
    text("status", default="enabled"),  # enabled | disabled | suspended
    ref("user_id", "users", null=True, on_delete="set null"),
    moment("expire_at", null=True),
    integer("max_active_sessions", null=True, check="max_active_sessions >= 0"),
    # OCPI Token
    text("country_code", null=True),
    text("party_id", null=True),
    text("token_type", default="RFID"),
    text("contract_id", null=True),
    text("visual_number", null=True),
    text("issuer", null=True),
    text("group_id", null=True),
    boolean("valid", default=True),
    text("language_code", null=True),
    text("cache_mode", default="ALWAYS"),
    *stamps(),
    # idTag is a CiString: OCPP 1.6 compares it without regard to case.
    index("id_tags_uid", "operator_id", "lower(uid)", unique=True),
    index("id_tags_user", "user_id", where="user_id is not null"),
    owner=Owner.PEOPLE,
    tenant="operator_id",
)

authorizations: Final = table(
    "authorizations",
    bigint("id", key=True),  # from voltrio_row_ids
    ref("operator_id", "operators"),
    ref("charge_point_id", "charge_points"),
    number_of("id_tag_id", "id_tags", null=True),
    number_of("user_id", "users", null=True),
    index("authorizations_charge_point", "charge_point_id", "created_at desc"),
    index("authorizations_tag", "lower(id_tag_uid)", "created_at desc"),
    rows=(changes.AuthorizationMade,),
    owner=Owner.ENGINE,
    tenant="operator_id",
)

# A reservation's number is its station's own, and two stations may use the same one. Its row is made when the
# station accepts it.
reservations: Final = table(
    "reservations",
    bigint("id"),  # the reservationId of OCPP, from voltrio_ids
    ref("operator_id", "operators"),
    ref("charge_point_id", "charge_points"),
    integer("connector_number"),  # the EVSE in OCPP 2.x; 0: any
    text("id_tag"),
    text("parent_id_tag", null=True),
    text("status"),  # active | done | expired | canceled
    moment("expiry_date"),
    number_of("session_id", "sessions", null=True),
    *stamps(),
    sa.PrimaryKeyConstraint("charge_point_id", "id"),
    index("reservations_open", "charge_point_id", where="status = 'active'"),
    owner=Owner.ENGINE,
    tenant="operator_id",
)

# Starts of tags with a limit that were asked about a moment ago: they count before their sessions have rows.
session_claims: Final = table(
    "session_claims",
    number_of("id_tag_id", "id_tags"),
    number_of("charge_point_id", "charge_points"),
    integer("sessions"),  # of the tag there, those that begin included
    moment("claimed_until"),
    sa.PrimaryKeyConstraint("id_tag_id", "charge_point_id"),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)
