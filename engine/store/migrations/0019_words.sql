-- Reasons and statuses are words of ours now, each with its parts apart, and no longer OCPP words.
update sessions s set reason = w.ours
from (values
    ('emergencystop', 'emergency_stop'), ('energylimitreached', 'energy_limit_reached'),
    ('reqenergytransferrejected', 'energy_transfer_rejected'), ('evdisconnected', 'ev_disconnected'),
    ('groundfault', 'ground_fault'), ('hardreset', 'hard_reset'), ('immediatereset', 'immediate_reset'),
    ('localoutofcredit', 'local_out_of_credit'), ('masterpass', 'master_pass'),
    ('overcurrentfault', 'overcurrent_fault'), ('powerloss', 'power_loss'), ('powerquality', 'power_quality'),
    ('soclimitreached', 'soc_limit_reached'), ('softreset', 'soft_reset'), ('stoppedbyev', 'stopped_by_ev'),
    ('timelimitreached', 'time_limit_reached'), ('unlockcommand', 'unlock_command'), ('expired', 'timeout')
) w (theirs, ours)
where s.reason = w.theirs;

update orphans o set reason = w.ours
from (values
    ('DeAuthorized', 'deauthorized'), ('EmergencyStop', 'emergency_stop'), ('EVDisconnected', 'ev_disconnected'),
    ('HardReset', 'hard_reset'), ('Local', 'local'), ('Other', 'other'), ('PowerLoss', 'power_loss'),
    ('Reboot', 'reboot'), ('Remote', 'remote'), ('SoftReset', 'soft_reset'), ('UnlockCommand', 'unlock_command')
) w (theirs, ours)
where o.reason = w.theirs;

update charge_points set registration_status = lower(registration_status);
alter table charge_points
    alter column registration_status set default 'accepted',
    add check (registration_status in ('accepted', 'pending', 'rejected'));

update charge_points c set log_status = w.ours
from (values
    ('Idle', 'idle'), ('Uploading', 'uploading'), ('Uploaded', 'uploaded'), ('UploadFailed', 'upload_failed'),
    ('UploadFailure', 'upload_failed'), ('BadMessage', 'bad_message'),
    ('NotSupportedOperation', 'not_supported_operation'), ('PermissionDenied', 'permission_denied'),
    ('AcceptedCanceled', 'accepted_canceled')
) w (theirs, ours)
where c.log_status = w.theirs;

-- No station ever held these.
delete from reservations where status = 'rejected';
