"""What grows with time beside sessions: messages, statuses, and reports that nothing looks at yet."""

from __future__ import annotations

from typing import Final

from engine.domain import changes
from engine.store.tables.declare import (
    Owner,
    Series,
    ident,
    index,
    integer,
    number_of,
    table,
    text,
)

# Filters besides station and time (action, direction) run over one station's rows: no index of their own.
message_log: Final = table(
    "message_log",
    ident(key=False),
    number_of("charge_point_id", "charge_points"),
    number_of("operator_id", "operators"),  # the station's at that time
    index("message_log_operator", "operator_id", "at desc", "id desc"),
    index("message_log_station", "charge_point_id", "at desc", "id desc"),
    index("message_log_newest", "at desc", "id desc"),  # of all stations; rows come in this order
    index("message_log_mended", "at desc", "id desc", where="repairs is not null"),
    rows=(changes.MessageLogged,),
    owner=Owner.ENGINE,
    tenant="operator_id",
    series=Series(column="at", received="at", kept="message_log_days"),
)

status_log: Final = table(
    "status_log",
    ident(key=False),
    number_of("charge_point_id", "charge_points"),
    text("scope"),  # network | hardware; of network the next three are null
    integer("evse_number", null=True),
    integer("connector_number", null=True),
    text("error_code", null=True),
    index("status_log_station", "charge_point_id", "at desc"),
    rows=(changes.HardwareStatusChanged,),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
    series=Series(column="at", received="received_at", kept="status_log_days"),
)

ocpp_reports: Final = table(
    "ocpp_reports",
    number_of("charge_point_id", "charge_points"),
    index("ocpp_reports_station", "charge_point_id", "action", "at desc"),
    rows=(changes.ReportStored,),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
    series=Series(column="at", received="at", kept="meter_values_days"),
)
