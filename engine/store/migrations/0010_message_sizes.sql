-- A station says how many bytes it takes in a message, too.
drop index device_variables_limits;
create index device_variables_limits on device_variables (charge_point_id)
    where lower(variable) in ('itemspermessage', 'bytespermessage');
