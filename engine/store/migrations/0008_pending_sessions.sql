-- Sessions that were asked for remotely and have not begun: no station has told of them yet, so they have
-- neither a transaction nor a start. Their started_at is the time at which they were asked for.
alter table sessions
    alter column transaction_id drop not null,
    alter column start_key drop not null,
    add column expires_at timestamptz;  -- by then it begins, or it is given up

create index sessions_awaited on sessions (expires_at) where status = 'pending';
