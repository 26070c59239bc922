"""What an OCPP 2.x station is made of, what it watches and what its displays show."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from engine.store.tables.declare import (
    Owner,
    bigint,
    boolean,
    double,
    index,
    integer,
    moment,
    station,
    table,
    text,
    verbatim,
)

# One row per attribute of a variable. Absent parts of a name are '' or 0, so that they can be in the key.
device_variables: Final = table(
    "device_variables",
    station(),
    text("component"),
    text("component_instance", default=""),
    integer("evse_number", default=0),  # 0: the station
    integer("connector_number", default=0),  # 0: none
    text("variable"),
    text("variable_instance", default=""),
    text("attribute", default="Actual"),  # Actual | Target | MinSet | MaxSet
    text("value", null=True),  # null: not known, not reported, or a secret
    text("mutability", null=True),  # ReadOnly | WriteOnly | ReadWrite; null: not reported
    boolean("persistent", null=True),
    boolean("constant", null=True),
    text("data_type", null=True),
    text("unit", null=True),
    double("min_limit", null=True),
    double("max_limit", null=True),
    text("values_list", null=True),
    boolean("supports_monitoring", null=True),
    moment("at"),
    sa.PrimaryKeyConstraint(
        "charge_point_id",
        "component",
        "component_instance",
        "evse_number",
        "connector_number",
        "variable",
        "variable_instance",
        "attribute",
    ),
    # Variables that rules look at (engine.domain.device).
    index(
        "device_variables_heeded",
        "charge_point_id",
        where="lower(variable) in "
        "('itemspermessage', 'bytespermessage', 'acphaseswitchingsupported', 'maxexternalconstraintsid')",
    ),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)

variable_monitors: Final = table(
    "variable_monitors",
    station(),
    bigint("monitor_id"),
    text("component"),
    text("component_instance", default=""),
    integer("evse_number", default=0),
    integer("connector_number", default=0),
    text("variable"),
    text("variable_instance", default=""),
    text("type"),  # UpperThreshold | LowerThreshold | Delta | Periodic | PeriodicClockAligned …
    double("value"),
    integer("severity"),
    boolean("transaction"),  # only while a transaction is going on
    text("kind", null=True),  # HardWiredMonitor | PreconfiguredMonitor | CustomMonitor; null: not reported
    boolean("active"),
    moment("at"),
    sa.PrimaryKeyConstraint("charge_point_id", "monitor_id"),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)

display_messages: Final = table(
    "display_messages",
    station(),
    bigint("message_id"),
    verbatim("message"),  # MessageInfo
    boolean("active"),
    moment("at"),
    sa.PrimaryKeyConstraint("charge_point_id", "message_id"),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)
