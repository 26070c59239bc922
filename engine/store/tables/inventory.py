"""Operators, prices, locations, charge points, EVSEs and connectors."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from engine.domain import changes
from engine.store.tables.declare import (
    NOW,
    Owner,
    bigint,
    boolean,
    document,
    ident,
    index,
    integer,
    moment,
    money,
    number_of,
    ref,
    sha256,
    smallint,
    stamps,
    station,
    table,
    text,
)

operators: Final = table(
    "operators",
    ident(),
    text("name"),
    text("currency", default="EUR"),
    text("timezone", default="UTC"),
    text("locale", default="en"),
    ref("tariff_id", "tariffs", null=True, later=True),  # the price of new sessions; null: free
    boolean("is_default", default=False),
    moment("created_at", default=NOW),
    index("operators_default", "is_default", unique=True, where="is_default"),
    owner=Owner.PEOPLE,
    tenant="id",
)

# A tariff never changes: a new price is a new row, so a session keeps the price it started with.
tariffs: Final = table(
    "tariffs",
    ident(),
    ref("operator_id", "operators"),
    text("currency"),
    money("price_per_session", default=0),
    money("price_per_kwh", default=0),
    money("price_per_minute", default=0),
    moment("created_at", default=NOW),
    owner=Owner.PEOPLE,
    tenant="operator_id",
)

locations: Final = table(
    "locations",
    ident(),
    ref("operator_id", "operators"),
    text("external_id"),
    text("status", default="enabled"),
    text("country_code", null=True),
    text("party_id", null=True),
    document("name", default="[]"),  # of {"locale", "translation"}, as the address
    document("address", default="[]"),
    text("city", null=True),
    text("post_code", null=True),
    text("country", null=True),
    text("latitude", null=True),  # decimal degrees as given: OCPI compares the digits
    text("longitude", null=True),
    text("parking_type", null=True),
    document("evses", default="[]"),  # as registered, before they are bound to charge points
    *stamps(),
    sa.UniqueConstraint("operator_id", "external_id"),
    owner=Owner.PEOPLE,
    tenant="operator_id",
)

# What people set of a charge point.
charge_points: Final = table(
    "charge_points",
    ident(),
    ref("operator_id", "operators"),
    text("name"),
    text("type", default="public"),
    text("status", default="enabled"),
    ref("location_id", "locations", null=True, on_delete="set null"),
    text("external_id", null=True),
    text("network_id"),  # what it calls itself in the URL
    # who may connect as it (OCPP's security profiles 0–3)
    smallint("security_profile", default=1, check="security_profile between 0 and 3"),
    sha256("password_sha256", null=True),
    boolean("invalid_username_allowed", default=False),
    text("certificate_serial", null=True),
    text(
        "registration_status",
        default="accepted",
        check="registration_status in ('accepted', 'pending', 'rejected')",
    ),
    # registered by the management API: pending until what is queued for it was delivered at its first boot
    boolean("accept_when_configured", default=False),
    document("settings", default="{}"),  # what differs from the node's StationSettings
    *stamps(),
    moment("deleted_at", null=True),  # sessions outlive their station
    index("charge_points_network_id", "network_id", unique=True, where="deleted_at is null"),
    # Deleted stations included; for what begins so, too.
    index("charge_points_identity", "network_id text_pattern_ops"),
    index("charge_points_location", "location_id", where="location_id is not null"),
    index("charge_points_operator", "operator_id", "id", where="deleted_at is null"),
    index("charge_points_to_accept", "id", where="accept_when_configured and deleted_at is null"),
    owner=Owner.PEOPLE,
    tenant="operator_id",
)

# What the engine knows of a charge point. The row is made with that of the charge point.
charge_point_status: Final = table(
    "charge_point_status",
    station(),
    text("node_id", null=True),  # where it connected last, or who looks after its absence
    bigint("generation", default=0),  # how often it has connected: what an older connection writes is late
    text("network_status", default="never_connected"),
    moment("network_status_at", null=True),
    moment("first_contact_at", null=True),
    text("vendor", default=""),
    text("model", default=""),
    moment("device_model_at", null=True),  # a full inventory was complete
    text("monitoring_base", null=True),
    sa.PrimaryKeyConstraint("charge_point_id"),
    index(
        "charge_point_status_present",
        "charge_point_id",
        where="network_status in ('available', 'temporarily_unavailable')",
    ),
    rows=(
        changes.ChargePointConnected,
        changes.ChargePointBooted,
        changes.FirmwareStatusChanged,
        changes.LogStatusChanged,
        changes.FirmwarePublicationChanged,
        changes.LocalListVersionRead,
    ),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)

# What people set of EVSEs and connectors. Their rows are made when a station first reports them.
evses: Final = table(
    "evses",
    ident(),
    station(),
    integer("network_id", check="network_id > 0"),  # connectorId in OCPP 1.6
    text("physical_reference", null=True),
    text("status", default="enabled"),
    *stamps(),
    sa.UniqueConstraint("charge_point_id", "network_id"),
    owner=Owner.PEOPLE,
    tenant="charge_point_id",
)

connectors: Final = table(
    "connectors",
    ident(),
    number_of("charge_point_id", "charge_points"),
    integer("evse_network_id"),
    integer("number"),
    text("type", null=True),
    text("format", null=True),
    text("status", default="enabled"),
    sa.UniqueConstraint("charge_point_id", "evse_network_id", "number"),
    sa.ForeignKeyConstraint(
        ["charge_point_id", "evse_network_id"],
        ["evses.charge_point_id", "evses.network_id"],
        ondelete="cascade",
    ),
    owner=Owner.PEOPLE,
    tenant="charge_point_id",
)

# The newest status of each connector; EVSE 0 and connector 0 are the station as a whole.
connector_status: Final = table(
    "connector_status",
    station(),
    sa.PrimaryKeyConstraint("charge_point_id", "evse_number", "connector_number"),
    rows=(changes.HardwareStatusChanged,),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)

evse_status: Final = table(
    "evse_status",
    station(),
    sa.PrimaryKeyConstraint("charge_point_id", "evse_number"),
    rows=(changes.BatteryMoved,),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)
