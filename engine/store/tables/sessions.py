"""Sessions, and what chargers report about them.

A charger's report is recorded even when what it names was removed a moment ago: it has no foreign key there.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from engine.domain import changes
from engine.store.tables.declare import (
    Owner,
    Series,
    bigint,
    boolean,
    index,
    integer,
    metadata,
    moment,
    number_of,
    ref,
    table,
    text,
    words,
)

# The number of a session is its OCPP 1.6 transactionId, a 32-bit integer; it never repeats. Authorizations
# and orphans are many more, repetitions included: they take theirs from the other sequence.
voltrio_ids: Final = sa.Sequence("voltrio_ids", data_type=sa.Integer, cycle=False, metadata=metadata)
voltrio_row_ids: Final = sa.Sequence(
    "voltrio_row_ids", data_type=sa.BigInteger, minvalue=1 << 31, cycle=False, metadata=metadata
)

sessions: Final = table(
    "sessions",
    bigint("id", key=True),  # from voltrio_ids
    ref("operator_id", "operators"),
    ref("charge_point_id", "charge_points"),
    integer("evse_number"),
    integer("connector_number"),
    # A session that was asked for remotely has none of these three until its station reports its start.
    # A charger may use an id again: an id leads to sessions, it is not one.
    text("transaction_id", null=True),
    text("start_key", null=True),  # what the charger reported as start; the same start is the same session
    text("protocol", null=True),  # in which it reported it: ocpp1.6 | ocpp2.0.1 | ocpp2.1
    text("status"),  # pending | active | finished | expired | failed
    text("reason", null=True),
    text("charging_state", null=True),  # charging | evconnected | suspendedev | suspendedevse | idle
    text("id_tag", null=True),
    number_of("id_tag_id", "id_tags", null=True),
    number_of("user_id", "users", null=True),
    text("asked_id_tag", null=True),  # of the remote start that led to it
    number_of("authorization_id", "authorizations", null=True),
    bigint("reservation_id", null=True),
    integer("remote_start_id", null=True),
    ref("tariff_id", "tariffs", null=True),
    text("waived", null=True),  # why it costs nothing
    bigint("meter_start_wh"),
    bigint("meter_stop_wh", null=True),
    bigint("energy_wh", null=True),  # final total; while it runs, session_totals has it
    moment("started_at"),  # of one that is awaited: when it was asked for
    moment("stopped_at", null=True),
    moment("start_received_at"),
    moment("stop_received_at", null=True),
    moment("stop_asked_at", null=True),  # the charger agreed to end it: an end without a reason is then ours
    moment("expires_at", null=True),  # by then it begins, or it is given up
    text("stop_id_tag", null=True),
    boolean("offline"),
    words("review"),  # why billing is held for a person to look at
    words("released"),  # what a person has lifted of that, when, and who
    moment("released_at", null=True),
    text("released_by", null=True),
    moment("corrected_at", null=True),  # by a person: what is told later changes nothing that is billed
    moment("last_updated_at"),
    sa.UniqueConstraint("charge_point_id", "start_key"),
    index("sessions_open", "charge_point_id", where="status in ('pending', 'active')"),
    index("sessions_open_tag", "id_tag_id", where="status in ('pending', 'active')"),
    index("sessions_awaited", "expires_at", where="status = 'pending'"),
    # Remote starts that no transaction followed, by the number that the station was given.
    index("sessions_never_begun", "charge_point_id", "remote_start_id", where="transaction_id is null"),
    index("sessions_operator", "operator_id", "id desc"),
    index("sessions_charge_point", "charge_point_id", "id desc"),
    index("sessions_evse", "charge_point_id", "evse_number", "started_at"),  # what was on an EVSE beside it
    index("sessions_transaction", "charge_point_id", "transaction_id", "started_at"),
    index("sessions_status", "status", "id desc"),
    index("sessions_tag", "lower(id_tag)", "id desc"),
    index("sessions_started", "started_at"),
    index("sessions_review", "id desc", where="review <> '{}'"),
    owner=Owner.ENGINE,
    tenant="operator_id",
)

charging_periods: Final = table(
    "charging_periods",
    ref("session_id", "sessions", on_delete="cascade"),
    moment("started_at"),
    moment("stopped_at", null=True),
    text("charging_state"),  # charging | idle
    bigint("energy_start_wh"),  # the session's total when the period began …
    bigint("energy_stop_wh", null=True),  # … and when it ended
    sa.PrimaryKeyConstraint("session_id", "started_at"),
    owner=Owner.ENGINE,
    tenant="session_id",
)

# Transaction messages whose transaction is not known (yet).
orphans: Final = table(
    "orphans",
    bigint("id", key=True),  # from voltrio_row_ids
    ref("charge_point_id", "charge_points"),
    number_of("session_id", "sessions", null=True),
    moment("resolved_at", null=True),
    sa.UniqueConstraint("charge_point_id", "key"),
    index("orphans_unresolved", "charge_point_id", "id", where="resolved_at is null"),
    rows=(changes.OrphanKept,),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)

# The history that a session of OCPP 2.x is folded from, in whatever order it came.
transaction_events: Final = table(
    "transaction_events",
    number_of("charge_point_id", "charge_points"),
    number_of("session_id", "sessions"),
    index(
        "transaction_events_key",
        *("charge_point_id", "transaction_id", "seq_no", "timestamp", "event_type", "content"),
        unique=True,
    ),
    rows=(changes.TransactionEventStored,),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
    series=Series(column="timestamp", received="received_at", kept="meter_values_days"),
)

# While a session runs this is its present state, and its end is settled from it. There is none before the
# first sample. It is written with each one: no foreign key.
session_totals: Final = table(
    "session_totals",
    number_of("session_id", "sessions", key=True),
    rows=(changes.SessionMeasured,),
    owner=Owner.ENGINE,
    tenant="session_id",
)

# One row per MeterValue: the samples as received, beside them what the session showed by then. Rows come by
# the thousand per second: no foreign keys.
meter_values: Final = table(
    "meter_values",
    number_of("charge_point_id", "charge_points"),
    number_of("session_id", "sessions", null=True),
    index("meter_values_key", "charge_point_id", "timestamp", "sample_key", unique=True),
    index("meter_values_session", "session_id", "timestamp", "sample_key", where="session_id is not null"),
    rows=(changes.MeterValueAdded,),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
    series=Series(column="timestamp", received="received_at", kept="meter_values_days"),
)
