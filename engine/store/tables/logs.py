"""What grows with time beside sessions: messages, statuses, and reports that nothing looks at yet."""

from __future__ import annotations

from typing import Final

from engine.store.tables.declare import (
    Owner,
    Series,
    bigint,
    ident,
    index,
    integer,
    moment,
    number_of,
    table,
    text,
    verbatim,
)

# Filters besides station and time (action, direction) run over one station's rows: no index of their own.
message_log: Final = table(
    "message_log",
    ident(key=False),
    number_of("charge_point_id", "charge_points"),
    moment("at"),
    text("direction"),  # in | out
    text("kind"),  # call | result | error
    text("action"),
    text("message_id"),
    text("payload"),
    text("correlation_id"),
    text("repairs", null=True),
    index("message_log_station", "charge_point_id", "at desc", "id desc"),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
    series=Series(column="at", received="at", kept="message_log_days"),
)

status_log: Final = table(
    "status_log",
    ident(key=False),
    number_of("charge_point_id", "charge_points"),
    integer("evse_number", null=True),
    integer("connector_number", null=True),
    text("scope"),  # network | hardware
    text("status"),
    text("error_code", null=True),
    text("info", null=True),
    text("vendor_id", null=True),
    text("vendor_error_code", null=True),
    moment("at"),
    moment("received_at"),
    index("status_log_station", "charge_point_id", "at desc"),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
    series=Series(column="at", received="received_at", kept="status_log_days"),
)

ocpp_reports: Final = table(
    "ocpp_reports",
    number_of("charge_point_id", "charge_points"),
    text("action"),
    bigint("request_id", null=True),
    verbatim("payload"),
    moment("at"),
    index("ocpp_reports_station", "charge_point_id", "action", "at desc"),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
    series=Series(column="at", received="at", kept="meter_values_days"),
)
