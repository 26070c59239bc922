-- Each change of a row that people own is an event, recorded in the transaction that makes it, whoever does.
-- Arguments: what the row is, the columns that chargers report, which do not count, and `charger` where chargers
-- make rows too, through the journal. Values are not told: some are secrets, and who needs them reads the row.

create function record_change() returns trigger language plpgsql as $$
declare
    _reported text[] := string_to_array(tg_argv[1], ',');
    _old jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - _reported end;
    _new jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - _reported end;
    _row jsonb := coalesce(_new, _old);
    _what text := case tg_op when 'INSERT' then 'created' when 'UPDATE' then 'updated' else 'deleted' end;
    _operator bigint := coalesce(_row ->> 'operator_id', case tg_argv[0] when 'operator' then _row ->> 'id' end);
    _identity text := _row ->> 'network_id';
    _by_people boolean := tg_argv[2] is null
        or current_setting('voltrio.writer', true) is distinct from 'journal';
    _changed text[] := array(
        select key from jsonb_each(_row)
        where (_new -> key) is distinct from (_old -> key) order by key
    );
begin
    if tg_op = 'UPDATE' and _old = _new then
        return null;
    end if;
    if _row ? 'charge_point_id' then
        select operator_id, network_id into _operator, _identity
        from charge_points where id = (_row ->> 'charge_point_id')::bigint;
    end if;
    if tg_op = 'UPDATE' and _new ->> 'deleted_at' is not null and _old ->> 'deleted_at' is null then
        _what := 'deleted';
    end if;
    insert into events (type, subject, operator_id, payload, created_at, by_people)
    values (
        tg_argv[0] || '.' || _what,
        tg_argv[0] || ':' || coalesce(_row ->> 'id', _row ->> 'name', _row ->> 'sha256'),
        _operator,
        json_strip_nulls(json_build_object(
            'identity', _identity,
            'uid', _row ->> 'uid',
            'changed', case when tg_op = 'UPDATE' then array_to_json(_changed) end
        )),
        now(),
        _by_people
    );
    if _by_people then
        perform pg_notify('voltrio_changes', '');
    end if;
    return null;
end $$;

create trigger record_change after insert or update or delete on operators
    for each row execute function record_change('operator', '');
create trigger record_change after insert or update or delete on tariffs
    for each row execute function record_change('tariff', '');
create trigger record_change after insert or update or delete on locations
    for each row execute function record_change('location', '');
create trigger record_change after insert or update or delete on charge_points
    for each row execute function record_change('charge_point', '');
create trigger record_change after insert or update or delete on evses
    for each row execute function record_change('evse', '', 'charger');
create trigger record_change after insert or update or delete on connectors
    for each row execute function record_change('connector', '', 'charger');
create trigger record_change after insert or update or delete on charge_point_settings
    for each row execute function record_change('charge_point_setting', 'status,reason,answered_at');
create trigger record_change after insert or update or delete on charge_point_certificates
    for each row execute function record_change('charge_point_certificate', 'status,reason,answered_at');
create trigger record_change after insert or update or delete on security_profile_moves
    for each row execute function record_change('security_profile_move', '');
create trigger record_change after insert or update or delete on certificates
    for each row execute function record_change('certificate', '');
create trigger record_change after insert or update or delete on users
    for each row execute function record_change('user', '');
create trigger record_change after insert or update or delete on id_tags
    for each row execute function record_change('id_tag', '');
create trigger record_change after insert or update or delete on api_tokens
    for each row execute function record_change('api_token', 'last_used_at');
create trigger record_change after insert or update or delete on ocpi_parties
    for each row execute function record_change('ocpi_party', '');
