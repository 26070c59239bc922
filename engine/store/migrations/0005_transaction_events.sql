-- Transactions that a charger numbers itself (OCPP 2.x): every event as told, and what it says beyond OCPP 1.6.

alter table sessions
    add column charging_state text,  -- charging | evconnected | suspendedev | suspendedevse | idle
    add column remote_start_id integer;

-- The history a session is folded from, in whatever order it came. Kept as long as meter values are.
create table transaction_events (
    charge_point_id bigint not null,
    transaction_id  text not null,
    seq_no          bigint not null,
    timestamp       timestamptz not null,
    event_type      text not null,  -- Started | Updated | Ended
    trigger_reason  text not null,
    offline         boolean not null,
    session_id      bigint not null,
    payload         json not null,  -- json, not jsonb: signed values must stay as they came
    received_at     timestamptz not null
) partition by range (timestamp);
create table transaction_events_default partition of transaction_events default;
create unique index transaction_events_key
    on transaction_events (charge_point_id, transaction_id, seq_no, timestamp, event_type);
