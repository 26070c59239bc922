"""Charging profiles that stations hold, and limits that others set."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from engine.domain import changes
from engine.store.tables.declare import (
    Owner,
    station,
    table,
)

charging_profiles: Final = table(
    "charging_profiles",
    station(),
    sa.PrimaryKeyConstraint("charge_point_id", "evse_number", "profile_id"),
    rows=(changes.ChargingProfileChanged,),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)

charging_limits: Final = table(
    "charging_limits",
    station(),
    sa.PrimaryKeyConstraint("charge_point_id", "evse_number", "source"),
    rows=(changes.ChargingLimitChanged,),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)
