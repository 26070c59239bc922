"""Charging profiles that stations hold, and limits that others set."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from engine.store.tables.declare import (
    Owner,
    bigint,
    boolean,
    integer,
    moment,
    station,
    table,
    text,
    verbatim,
)

charging_profiles: Final = table(
    "charging_profiles",
    station(),
    integer("evse_number"),
    bigint("profile_id"),
    text("purpose"),
    integer("stack_level"),
    verbatim("profile"),
    boolean("active"),
    moment("at"),
    text("source", default="CSO"),  # who set it: CSO (we), EMS, SO, Other or a name of the station's own
    sa.PrimaryKeyConstraint("charge_point_id", "evse_number", "profile_id"),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)

charging_limits: Final = table(
    "charging_limits",
    station(),
    integer("evse_number"),
    text("source"),
    boolean("grid_critical"),
    verbatim("schedules"),  # as reported, [] where only the limit's existence was
    boolean("active"),
    moment("at"),
    sa.PrimaryKeyConstraint("charge_point_id", "evse_number", "source"),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)
