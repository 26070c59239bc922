-- What an OCPP 2.x station is made of, what it watches and what its displays show.
-- What the columns mean stands in engine/store/tables/device.py.

create table device_variables (
    charge_point_id bigint not null references charge_points on delete cascade,
    component text not null,
    component_instance text not null,
    evse_number integer not null,
    connector_number integer not null,
    variable text not null,
    variable_instance text not null,
    attribute text not null,
    value text,
    mutability text,
    persistent boolean,
    constant boolean,
    data_type text,
    unit text,
    min_limit double precision,
    max_limit double precision,
    values_list text,
    supports_monitoring boolean,
    at timestamptz not null,
    primary key (charge_point_id, component, component_instance, evse_number, connector_number, variable,
                 variable_instance, attribute)
);
create index device_variables_heeded on device_variables (charge_point_id)
    where lower(variable) in (
        'itemspermessage', 'bytespermessage', 'acphaseswitchingsupported', 'maxexternalconstraintsid'
    );

create table variable_monitors (
    charge_point_id bigint not null references charge_points on delete cascade,
    monitor_id bigint not null,
    component text not null,
    component_instance text not null,
    evse_number integer not null,
    connector_number integer not null,
    variable text not null,
    variable_instance text not null,
    type text not null,
    value double precision not null,
    severity integer not null,
    transaction boolean not null,
    kind text,
    active boolean not null,
    at timestamptz not null,
    primary key (charge_point_id, monitor_id)
);

create table display_messages (
    charge_point_id bigint not null references charge_points on delete cascade,
    message_id bigint not null,
    message json not null,
    active boolean not null,
    at timestamptz not null,
    primary key (charge_point_id, message_id)
);
