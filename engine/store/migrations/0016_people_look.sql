-- A person has looked at a held session: which codes were lifted, when, and by whom.
alter table sessions
    add column released text,
    add column released_at timestamptz,
    add column released_by text;

-- Why a setting was refused, or never sent.
alter table charge_point_settings add column reason text;
