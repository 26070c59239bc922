"""What a charge point is configured to: what it says itself, and what people want it to be."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from engine.domain import changes
from engine.store.tables.declare import NOW, Owner, ident, index, moment, station, table, text

# What the charger says its configuration is (OCPP 1.6).
charge_point_configuration: Final = table(
    "charge_point_configuration",
    station(),
    sa.PrimaryKeyConstraint("charge_point_id", "name"),
    rows=(changes.ConfigurationKeyRead,),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)

# What people want it to be.
charge_point_settings: Final = table(
    "charge_point_settings",
    station(),
    text("name"),
    text("value"),
    text("status", default="Pending"),  # Pending | Accepted | Rejected | RebootRequired | NotSupported
    text("reason", null=True),  # of a refusal, or why it was never sent
    moment("requested_at", default=NOW),
    moment("answered_at", null=True),
    sa.PrimaryKeyConstraint("charge_point_id", "name"),
    index("charge_point_settings_pending", "charge_point_id", where="status = 'Pending'"),
    owner=Owner.PEOPLE,
    tenant="charge_point_id",
    reported=("status", "reason", "answered_at"),
)

# Certificates to be installed on a charger, in the order asked for.
charge_point_certificates: Final = table(
    "charge_point_certificates",
    ident(),
    station(),
    text("type"),
    text("certificate"),  # PEM
    text("status", default="Pending"),  # Pending | Accepted | Rejected
    text("reason", null=True),
    moment("requested_at", default=NOW),
    moment("answered_at", null=True),
    index("charge_point_certificates_station", "charge_point_id", "id"),
    owner=Owner.PEOPLE,
    tenant="charge_point_id",
    reported=("status", "reason", "answered_at"),
)
