-- Settings of stations have bounds now: what lies outside them is forgotten, so that the node's value holds.
update charge_points set settings = settings - 'heartbeat_interval'
where case when jsonb_typeof(settings -> 'heartbeat_interval') = 'number'
      then not (settings ->> 'heartbeat_interval')::numeric between 1 and 604800 end;
update charge_points set settings = settings - 'boot_retry_interval'
where case when jsonb_typeof(settings -> 'boot_retry_interval') = 'number'
      then not (settings ->> 'boot_retry_interval')::numeric between 1 and 604800 end;
update charge_points set settings = settings - 'max_power_w'
where case when jsonb_typeof(settings -> 'max_power_w') = 'number'
      then not (settings ->> 'max_power_w')::numeric between 1 and 20000000 end;
update charge_points set settings = settings - 'max_session_wh'
where case when jsonb_typeof(settings -> 'max_session_wh') = 'number'
      then not (settings ->> 'max_session_wh')::numeric between 1 and 100000000 end;
update charge_points set settings = settings - 'master_pass_group'
where not length(settings ->> 'master_pass_group') between 1 and 36;
