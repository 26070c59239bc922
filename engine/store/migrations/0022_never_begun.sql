-- Remote starts that no transaction followed, by the number that the station was told.
create index sessions_never_begun on sessions (charge_point_id, remote_start_id) where transaction_id is null;
