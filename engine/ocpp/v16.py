"""OCPP 1.6 as two tables: what a charge point may send us and what we may send it.

Covers the six feature profiles and the security whitepaper's messages. A new action is an entry here and a
function in its block.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.ocpp.blocks import (
    authorization,
    availability,
    configuration,
    data_transfer,
    diagnostics,
    firmware,
    local_list,
    metering,
    provisioning,
    remote_control,
    reservation,
    security,
    smart_charging,
    transactions,
)
from engine.ocpp.messages import v16
from engine.ocpp.step import Command, Handler, Protocol

NAME: Final = "ocpp1.6"


def protocol(vendor_hooks: data_transfer.VendorHooks = MappingProxyType({})) -> Protocol:
    """The protocol's tables; `vendor_hooks` answer the DataTransfer messages of the vendors they know."""
    return Protocol(name=NAME, inbound=_inbound(vendor_hooks), outbound=OUTBOUND)


def _inbound(vendor_hooks: data_transfer.VendorHooks) -> Mapping[str, Handler]:
    # before_boot: BootNotification always; while Pending what a trigger can ask for (OCPP 1.6 §4.2).
    return {
        # Core
        "Authorize": Handler(
            request=v16.Authorize,
            response=v16.AuthorizeResponse,
            step=authorization.authorize_v16,
            needs=authorization.authorize_needs_v16,
        ),
        "BootNotification": Handler(
            request=v16.BootNotification,
            response=v16.BootNotificationResponse,
            step=provisioning.boot_notification_v16,
            before_boot=True,
        ),
        "DataTransfer": Handler(
            request=v16.DataTransfer,
            response=v16.DataTransferResponse,
            step=data_transfer.data_transfer_v16(vendor_hooks),
        ),
        "Heartbeat": Handler(
            request=v16.Heartbeat,
            response=v16.HeartbeatResponse,
            step=provisioning.heartbeat_v16,
            before_boot=True,
        ),
        "MeterValues": Handler(
            request=v16.MeterValues,
            response=v16.MeterValuesResponse,
            step=metering.meter_values_v16,
            needs=metering.meter_values_needs_v16,
            before_boot=True,
        ),
        "StartTransaction": Handler(
            request=v16.StartTransaction,
            response=v16.StartTransactionResponse,
            step=transactions.start_transaction_v16,
            needs=transactions.start_transaction_needs_v16,
        ),
        "StatusNotification": Handler(
            request=v16.StatusNotification,
            response=v16.StatusNotificationResponse,
            step=availability.status_notification_v16,
            before_boot=True,
        ),
        "StopTransaction": Handler(
            request=v16.StopTransaction,
            response=v16.StopTransactionResponse,
            step=transactions.stop_transaction_v16,
            needs=transactions.stop_transaction_needs_v16,
        ),
        # FirmwareManagement
        "DiagnosticsStatusNotification": Handler(
            request=v16.DiagnosticsStatusNotification,
            response=v16.DiagnosticsStatusNotificationResponse,
            step=diagnostics.diagnostics_status_notification_v16,
            before_boot=True,
        ),
        "FirmwareStatusNotification": Handler(
            request=v16.FirmwareStatusNotification,
            response=v16.FirmwareStatusNotificationResponse,
            step=firmware.firmware_status_notification_v16,
            before_boot=True,
        ),
        # Security whitepaper
        "LogStatusNotification": Handler(
            request=v16.LogStatusNotification,
            response=v16.LogStatusNotificationResponse,
            step=diagnostics.log_status_notification_v16,
            before_boot=True,
        ),
        "SecurityEventNotification": Handler(
            request=v16.SecurityEventNotification,
            response=v16.SecurityEventNotificationResponse,
            step=security.security_event_notification_v16,
        ),
        "SignCertificate": Handler(
            request=v16.SignCertificate,
            response=v16.SignCertificateResponse,
            step=security.sign_certificate_v16,
            before_boot=True,
        ),
        "SignedFirmwareStatusNotification": Handler(
            request=v16.SignedFirmwareStatusNotification,
            response=v16.SignedFirmwareStatusNotificationResponse,
            step=firmware.signed_firmware_status_notification_v16,
            before_boot=True,
        ),
    }


OUTBOUND: Final[Mapping[str, Command]] = {
    # Core
    "ChangeAvailability": Command(
        request=v16.ChangeAvailability,
        response=v16.ChangeAvailabilityResponse,
        check=availability.check_change_availability_v16,
    ),
    "ChangeConfiguration": Command(
        request=v16.ChangeConfiguration,
        response=v16.ChangeConfigurationResponse,
        check=configuration.check_change_configuration_v16,
        answered=configuration.change_configuration_answered_v16,
    ),
    "ClearCache": Command(request=v16.ClearCache, response=v16.ClearCacheResponse),
    "DataTransfer": Command(
        request=v16.DataTransfer,
        response=v16.DataTransferResponse,
        check=data_transfer.check_data_transfer_v16,
    ),
    "GetConfiguration": Command(
        request=v16.GetConfiguration,
        response=v16.GetConfigurationResponse,
        answered=configuration.get_configuration_answered_v16,
    ),
    "RemoteStartTransaction": Command(
        request=v16.RemoteStartTransaction,
        response=v16.RemoteStartTransactionResponse,
        check=remote_control.check_remote_start_transaction_v16,
    ),
    "RemoteStopTransaction": Command(
        request=v16.RemoteStopTransaction,
        response=v16.RemoteStopTransactionResponse,
        answered=remote_control.remote_stop_answered_v16,
    ),
    "Reset": Command(request=v16.Reset, response=v16.ResetResponse),
    "UnlockConnector": Command(
        request=v16.UnlockConnector,
        response=v16.UnlockConnectorResponse,
        check=remote_control.check_unlock_connector_v16,
    ),
    # FirmwareManagement
    "GetDiagnostics": Command(
        request=v16.GetDiagnostics,
        response=v16.GetDiagnosticsResponse,
        check=diagnostics.check_get_diagnostics_v16,
    ),
    "UpdateFirmware": Command(
        request=v16.UpdateFirmware,
        response=v16.UpdateFirmwareResponse,
        check=firmware.check_update_firmware_v16,
    ),
    # LocalAuthListManagement
    "GetLocalListVersion": Command(
        request=v16.GetLocalListVersion,
        response=v16.GetLocalListVersionResponse,
        answered=local_list.get_local_list_version_answered_v16,
    ),
    "SendLocalList": Command(
        request=v16.SendLocalList,
        response=v16.SendLocalListResponse,
        check=local_list.check_send_local_list_v16,
        answered=local_list.send_local_list_answered_v16,
    ),
    # Reservation
    "CancelReservation": Command(
        request=v16.CancelReservation,
        response=v16.CancelReservationResponse,
        answered=reservation.cancel_reservation_answered_v16,
    ),
    "ReserveNow": Command(
        request=v16.ReserveNow,
        response=v16.ReserveNowResponse,
        check=reservation.check_reserve_now_v16,
        answered=reservation.reserve_now_answered_v16,
    ),
    # SmartCharging
    "ClearChargingProfile": Command(
        request=v16.ClearChargingProfile,
        response=v16.ClearChargingProfileResponse,
        check=smart_charging.check_clear_charging_profile_v16,
        answered=smart_charging.clear_charging_profile_answered_v16,
    ),
    "GetCompositeSchedule": Command(
        request=v16.GetCompositeSchedule,
        response=v16.GetCompositeScheduleResponse,
        check=smart_charging.check_get_composite_schedule_v16,
    ),
    "SetChargingProfile": Command(
        request=v16.SetChargingProfile,
        response=v16.SetChargingProfileResponse,
        check=smart_charging.check_set_charging_profile_v16,
        answered=smart_charging.set_charging_profile_answered_v16,
    ),
    # RemoteTrigger
    "TriggerMessage": Command(
        request=v16.TriggerMessage,
        response=v16.TriggerMessageResponse,
        check=remote_control.check_trigger_message_v16,
    ),
    # Security whitepaper
    "CertificateSigned": Command(
        request=v16.CertificateSigned,
        response=v16.CertificateSignedResponse,
        check=security.check_certificate_signed_v16,
    ),
    "DeleteCertificate": Command(
        request=v16.DeleteCertificate,
        response=v16.DeleteCertificateResponse,
        check=security.check_delete_certificate_v16,
    ),
    "ExtendedTriggerMessage": Command(
        request=v16.ExtendedTriggerMessage,
        response=v16.ExtendedTriggerMessageResponse,
        check=remote_control.check_trigger_message_v16,
    ),
    "GetInstalledCertificateIds": Command(
        request=v16.GetInstalledCertificateIds, response=v16.GetInstalledCertificateIdsResponse
    ),
    "GetLog": Command(request=v16.GetLog, response=v16.GetLogResponse, check=diagnostics.check_get_log_v16),
    "InstallCertificate": Command(
        request=v16.InstallCertificate,
        response=v16.InstallCertificateResponse,
        check=security.check_install_certificate_v16,
    ),
    "SignedUpdateFirmware": Command(
        request=v16.SignedUpdateFirmware,
        response=v16.SignedUpdateFirmwareResponse,
        check=firmware.check_signed_update_firmware_v16,
    ),
}

PROTOCOL: Final = protocol()
