-- Charging profiles that stations hold, and limits that others set.
-- What the columns mean stands in engine/store/tables/energy.py.

create table charging_profiles (
    charge_point_id bigint not null references charge_points on delete cascade,
    evse_number integer not null,
    profile_id bigint not null,
    purpose text not null,
    stack_level integer not null,
    profile json not null,
    active boolean not null,
    at timestamptz not null,
    source text not null,
    primary key (charge_point_id, evse_number, profile_id)
);

create table charging_limits (
    charge_point_id bigint not null references charge_points on delete cascade,
    evse_number integer not null,
    source text not null,
    grid_critical boolean not null,
    schedules json not null,
    active boolean not null,
    at timestamptz not null,
    primary key (charge_point_id, evse_number, source)
);
