"""What an OCPP 2.x station is made of, what it watches and what its displays show."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from engine.domain import changes
from engine.store.tables.declare import (
    Owner,
    index,
    station,
    table,
)

# One row per attribute of a variable. Absent parts of a name are '' or 0, so that they can be in the key.
device_variables: Final = table(
    "device_variables",
    station(),
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
    rows=(changes.DeviceVariableRead,),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)

variable_monitors: Final = table(
    "variable_monitors",
    station(),
    sa.PrimaryKeyConstraint("charge_point_id", "monitor_id"),
    rows=(changes.VariableMonitorSet,),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)

display_messages: Final = table(
    "display_messages",
    station(),
    sa.PrimaryKeyConstraint("charge_point_id", "message_id"),
    rows=(changes.DisplayMessageSet,),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)
