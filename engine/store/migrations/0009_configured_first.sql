-- A station that the management API registered stays pending until what is queued for it was delivered at its first boot.

alter table charge_points add column accept_when_configured boolean not null default false;
create index charge_points_to_accept on charge_points (id) where accept_when_configured and deleted_at is null;
