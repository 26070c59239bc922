-- How a tag is presented counts (OCPP 2.x). Tags that came by OCPI have had the default until now.
update id_tags
set type = case token_type when 'OTHER' then 'emaid' else 'central' end
where type = 'rfid' and token_type in ('APP_USER', 'AD_HOC_USER', 'OTHER');
alter table id_tags add constraint id_tags_type check (type in (
    'rfid', 'mac_address', 'emaid', 'key_code', 'central', 'evccid', 'vin', 'direct_payment'
));
