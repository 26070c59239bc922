-- Sessions, and what chargers report about them.
-- What the columns mean stands in engine/store/tables/sessions.py.

create sequence voltrio_ids as integer no cycle;
create sequence voltrio_row_ids as bigint minvalue 2147483648 no cycle;

create table sessions (
    id bigint primary key,
    operator_id bigint not null references operators,
    charge_point_id bigint not null references charge_points,
    evse_number integer not null,
    connector_number integer not null,
    transaction_id text,
    start_key text,
    protocol text,
    status text not null,
    reason text,
    charging_state text,
    id_tag text,
    id_tag_id bigint,
    user_id bigint,
    asked_id_tag text,
    authorization_id bigint,
    reservation_id bigint,
    remote_start_id integer,
    tariff_id bigint references tariffs,
    waived text,
    meter_start_wh bigint not null,
    meter_stop_wh bigint,
    energy_wh bigint,
    started_at timestamptz not null,
    stopped_at timestamptz,
    start_received_at timestamptz not null,
    stop_received_at timestamptz,
    stop_asked_at timestamptz,
    expires_at timestamptz,
    stop_id_tag text,
    offline boolean not null,
    review text[] not null default '{}',
    released text[] not null default '{}',
    released_at timestamptz,
    released_by text,
    corrected_at timestamptz,
    last_updated_at timestamptz not null,
    unique (charge_point_id, start_key)
);
create index sessions_awaited on sessions (expires_at) where status = 'pending';
create index sessions_operator on sessions (operator_id, id desc);
create index sessions_charge_point on sessions (charge_point_id, id desc);
create index sessions_evse on sessions (charge_point_id, evse_number, started_at);
create index sessions_never_begun on sessions (charge_point_id, remote_start_id) where transaction_id is null;
create index sessions_open on sessions (charge_point_id) where status in ('pending', 'active');
create index sessions_open_tag on sessions (id_tag_id) where status in ('pending', 'active');
create index sessions_review on sessions (id desc) where review <> '{}';
create index sessions_started on sessions (started_at);
create index sessions_status on sessions (status, id desc);
create index sessions_tag on sessions (lower(id_tag), id desc);
create index sessions_transaction on sessions (charge_point_id, transaction_id, started_at);

create table charging_periods (
    session_id bigint not null references sessions on delete cascade,
    started_at timestamptz not null,
    stopped_at timestamptz,
    charging_state text not null,
    energy_start_wh bigint not null,
    energy_stop_wh bigint,
    primary key (session_id, started_at)
);

create table orphans (
    id bigint primary key,
    charge_point_id bigint not null references charge_points,
    key text not null,
    action text not null,
    transaction_id text not null,
    connector_number integer,
    id_tag text,
    meter_wh bigint,
    timestamp timestamptz not null,
    reason text,
    payload json not null,
    received_at timestamptz not null,
    session_id bigint,
    resolved_at timestamptz,
    unique (charge_point_id, key)
);
create index orphans_unresolved on orphans (charge_point_id, id) where resolved_at is null;

create table transaction_events (
    charge_point_id bigint not null,
    transaction_id text not null,
    seq_no bigint not null,
    timestamp timestamptz not null,
    event_type text not null,
    trigger_reason text not null,
    offline boolean not null,
    session_id bigint not null,
    payload json not null,
    received_at timestamptz not null,
    content bigint not null
) partition by range (timestamp);
create table transaction_events_default partition of transaction_events default;
create unique index transaction_events_key
    on transaction_events (charge_point_id, transaction_id, seq_no, timestamp, event_type, content);

create table session_totals (
    session_id bigint primary key,
    energy_wh bigint not null,
    register_wh bigint,
    register_at timestamptz,
    register_series smallint not null,
    resets integer not null,
    power_w double precision,
    current_a double precision,
    voltage_v double precision,
    soc_percent double precision,
    sampled_at timestamptz
);

create table meter_values (
    charge_point_id bigint not null,
    session_id bigint,
    evse_number integer not null,
    timestamp timestamptz not null,
    received_at timestamptz not null,
    sample_key bigint not null,
    energy_wh bigint,
    register_wh bigint,
    power_w double precision,
    current_a double precision,
    voltage_v double precision,
    soc_percent double precision,
    samples json not null
) partition by range (timestamp);
create table meter_values_default partition of meter_values default;
create unique index meter_values_key on meter_values (charge_point_id, timestamp, sample_key);
create index meter_values_session on meter_values (session_id, "timestamp", sample_key) where session_id is not null;
