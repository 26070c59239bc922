-- What only one node at a time may do, and starts of sessions that count before their rows are there.
-- What the columns mean stands in engine/store/tables/nodes.py and drivers.py.

create table duties (
    name text primary key,
    holder text not null,
    leased_until timestamptz not null
);

create table session_claims (
    id_tag_id bigint not null,
    charge_point_id bigint not null,
    sessions integer not null,
    claimed_until timestamptz not null,
    primary key (id_tag_id, charge_point_id)
);
