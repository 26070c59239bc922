-- What a session's totals need besides themselves to go on from a row: when and of which register they are.
alter table meter_values
    add column register_at timestamptz,  -- null: as timestamp
    add column sampled_at timestamptz,  -- of the newest sample by then; null: as timestamp
    add column register_series smallint;  -- location and phases (ext.metering)
