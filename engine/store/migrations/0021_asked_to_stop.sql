-- When a charger agreed to end a session that it was asked to end: an end without a reason is then ours.
alter table sessions add column stop_asked_at timestamptz;
