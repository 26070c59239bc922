-- The tag of the remote start that led to a session, and why a session costs nothing.
alter table sessions
    add column asked_id_tag text,
    add column waived text;
update sessions s
set waived = case when a.status = 'rejected' then 'refused' end,
    asked_id_tag = case when a.method = 'admin' and a.status = 'accepted' then a.id_tag_uid end
from authorizations a
where a.id = s.authorization_id and s.transaction_id is not null
      and (a.status = 'rejected' or a.method = 'admin');

-- Where the station keeps a battery that was put in for another one (OCPP 2.1 S): charging it is nobody's session.
alter table evses add column holds_battery boolean not null default false;
