-- A charger may use a transaction id again, and one that spoke OCPP 1.6 before may come to the number of one of
-- those transactions: an id leads to sessions, it is not one. Events belong to a session by its number.
alter table sessions drop constraint sessions_charge_point_id_transaction_id_key;
create index sessions_transaction on sessions (charge_point_id, transaction_id, started_at);
-- What was on an EVSE beside a session.
create index sessions_evse on sessions (charge_point_id, evse_number, started_at);

-- Two events may have one number, time and type and yet say different things. 0: stored before this was told apart.
alter table transaction_events add column content bigint not null default 0;
drop index transaction_events_key;
create unique index transaction_events_key
    on transaction_events (charge_point_id, transaction_id, seq_no, timestamp, event_type, content);
