-- A reservation's number is its station's own: commands choose it, and two stations may use the same one. Its row
-- is made when the station accepts it, so none waits for an answer.
alter table reservations drop constraint reservations_pkey;
alter table reservations add primary key (charge_point_id, id);
alter table reservations alter column id drop default;
drop index reservations_open;
update reservations set status = 'rejected' where status = 'pending';
alter table reservations alter column status drop default;
create index reservations_open on reservations (charge_point_id) where status = 'active';
