-- What an OCPP 2.x station is made of, what it watches, what its displays show, and the firmware it publishes.

-- One row per attribute of a variable. Absent parts of a name are '' or 0, so that they can be part of the key.
create table device_variables (
    charge_point_id     bigint not null references charge_points on delete cascade,
    component           text not null,
    component_instance  text not null default '',
    evse_number         integer not null default 0,  -- 0: the station
    connector_number    integer not null default 0,  -- 0: none
    variable            text not null,
    variable_instance   text not null default '',
    attribute           text not null default 'Actual',  -- Actual | Target | MinSet | MaxSet
    value               text,  -- null: not known, never told or a secret
    mutability          text,  -- ReadOnly | WriteOnly | ReadWrite; null: not reported
    persistent          boolean,
    constant            boolean,
    data_type           text,
    unit                text,
    min_limit           double precision,
    max_limit           double precision,
    values_list         text,
    supports_monitoring boolean,
    at                  timestamptz not null,
    primary key (charge_point_id, component, component_instance, evse_number, connector_number, variable,
                 variable_instance, attribute)
);
create index device_variables_limits on device_variables (charge_point_id) where lower(variable) = 'itemspermessage';

create table variable_monitors (
    charge_point_id    bigint not null references charge_points on delete cascade,
    monitor_id         bigint not null,
    component          text not null,
    component_instance text not null default '',
    evse_number        integer not null default 0,
    connector_number   integer not null default 0,
    variable           text not null,
    variable_instance  text not null default '',
    type               text not null,  -- UpperThreshold | LowerThreshold | Delta | Periodic | PeriodicClockAligned …
    value              double precision not null,
    severity           integer not null,
    transaction        boolean not null,  -- only while a transaction is going on
    kind               text,  -- HardWiredMonitor | PreconfiguredMonitor | CustomMonitor; null: not told
    active             boolean not null,
    at                 timestamptz not null,
    primary key (charge_point_id, monitor_id)
);

create table display_messages (
    charge_point_id bigint not null references charge_points on delete cascade,
    message_id      bigint not null,
    message         json not null,  -- MessageInfo
    active          boolean not null,
    at              timestamptz not null,
    primary key (charge_point_id, message_id)
);

alter table charge_points
    add column device_model_at        timestamptz,  -- a full inventory was complete
    add column monitoring_base        text,
    add column publish_status         text,
    add column publish_request_id     bigint,
    add column publish_locations      json,
    add column publish_status_at      timestamptz;
