-- Variables that rules look at, beside the sizes of messages (engine.domain.device).
drop index device_variables_limits;
create index device_variables_heeded on device_variables (charge_point_id)
    where lower(variable) in ('itemspermessage', 'bytespermessage', 'acphaseswitchingsupported', 'maxexternalconstraintsid');
