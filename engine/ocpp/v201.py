"""OCPP 2.0.1 as two tables: what a charging station may send us and what we may send it.

A new action is an entry here and a function in its block; `engine.ocpp.v21` begins with these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from engine.ocpp.blocks import (
    asked,
    authorization_v2x,
    availability,
    certificates,
    data_transfer,
    device_model,
    diagnostics,
    display,
    ev_charging,
    external_limits,
    firmware,
    local_list,
    metering,
    monitoring,
    provisioning,
    remote_control,
    reports,
    reservation,
    security,
    smart_charging_v2x,
    transactions_v2x,
)
from engine.ocpp.blocks.contract_chains import ContractCheck
from engine.ocpp.messages import v201
from engine.ocpp.step import Command, Handler, Message, Protocol

NAME: Final = "ocpp2.0.1"


def protocol(
    vendor_hooks: data_transfer.VendorHooks = MappingProxyType({}),
    contracts: ContractCheck = authorization_v2x.NO_CONTRACTS,
) -> Protocol:
    """The protocol's tables; `vendor_hooks` answer the DataTransfer messages of the vendors they know.

    `contracts` judges the certificates of vehicles that an Authorize brings.
    """
    return Protocol(
        name=NAME,
        inbound=_inbound(vendor_hooks, contracts),
        outbound=OUTBOUND,
        greeting=transactions_v2x.ask_open_transactions_v201,
    )


def _handler(request: type[Message], step: Any, **more: Any) -> Handler:
    return Handler(request=request, response=v201.ACTIONS[request.__name__][1], step=step, **more)


def _command(request: type[Message], **more: Any) -> Command:
    return Command(request=request, response=v201.ACTIONS[request.__name__][1], **more)


def _table(entries: list[Any]) -> dict[str, Any]:
    return {entry.request.__name__: entry for entry in entries}


def _inbound(vendor_hooks: data_transfer.VendorHooks, contracts: ContractCheck) -> Mapping[str, Handler]:
    handlers = _table(
        [
            _handler(
                v201.Authorize,
                authorization_v2x.authorize_v2x(contracts),
                needs=authorization_v2x.authorize_needs_v2x(contracts),
            ),
            _handler(v201.BootNotification, provisioning.boot_notification_v2x, before_boot=True),
            _handler(v201.ClearedChargingLimit, external_limits.cleared_charging_limit_v2x),
            _handler(v201.DataTransfer, data_transfer.data_transfer_v2x(vendor_hooks)),
            _handler(
                v201.FirmwareStatusNotification, firmware.firmware_status_notification_v2x, before_boot=True
            ),
            _handler(
                v201.Get15118EVCertificate,
                certificates.get_15118_ev_certificate_v2x,
                needs=certificates.contract_needs_v2x,
            ),
            _handler(
                v201.GetCertificateStatus,
                certificates.get_certificate_status_v2x,
                needs=certificates.certificate_status_needs_v2x,
            ),
            _handler(v201.Heartbeat, provisioning.heartbeat_v2x),
            _handler(v201.LogStatusNotification, diagnostics.log_status_notification_v2x),
            _handler(v201.MeterValues, metering.meter_values_v2x),
            _handler(v201.NotifyChargingLimit, external_limits.notify_charging_limit_v2x),
            _handler(v201.NotifyCustomerInformation, diagnostics.notify_customer_information_v2x),
            _handler(v201.NotifyDisplayMessages, display.notify_display_messages_v2x),
            _handler(v201.NotifyEVChargingNeeds, ev_charging.notify_ev_charging_needs_v2x),
            _handler(v201.NotifyEVChargingSchedule, ev_charging.notify_ev_charging_schedule_v2x),
            _handler(v201.NotifyEvent, monitoring.notify_event_v2x),
            _handler(v201.NotifyMonitoringReport, monitoring.notify_monitoring_report_v2x),
            _handler(v201.NotifyReport, device_model.notify_report_v2x),
            _handler(
                v201.PublishFirmwareStatusNotification,
                firmware.publish_firmware_status_notification_v2x,
            ),
            _handler(v201.ReportChargingProfiles, smart_charging_v2x.report_charging_profiles_v2x),
            _handler(v201.ReservationStatusUpdate, reservation.reservation_status_update_v2x),
            _handler(v201.SecurityEventNotification, security.security_event_notification_v2x),
            _handler(v201.SignCertificate, certificates.sign_certificate_v2x),
            _handler(v201.StatusNotification, availability.status_notification_v2x),
            _handler(
                v201.TransactionEvent,
                transactions_v2x.transaction_event_v2x(),
                needs=transactions_v2x.transaction_event_needs_v2x,
            ),
        ]
    )
    # Before its boot is accepted a station sends only what it was asked for (B02.FR.02).
    return {
        action: asked.only_if_asked(handler) if action in asked.CAN_BE_ASKED else handler
        for action, handler in handlers.items()
    }


_COMMANDS: Final[Mapping[str, Command]] = _table(
    [
        _command(
            v201.CancelReservation,
            answered=reservation.cancel_reservation_answered_v2x,
        ),
        _command(v201.CertificateSigned, check=certificates.check_certificate_signed_v2x),
        _command(v201.ChangeAvailability, check=availability.check_change_availability_v2x),
        _command(v201.ClearCache),
        _command(
            v201.ClearChargingProfile,
            check=smart_charging_v2x.check_clear_charging_profile_v2x,
            answered=smart_charging_v2x.clear_charging_profile_answered_v2x,
        ),
        _command(v201.ClearDisplayMessage, answered=display.clear_display_message_answered_v2x),
        _command(
            v201.ClearVariableMonitoring,
            check=device_model.check_size_v2x,
            answered=monitoring.clear_variable_monitoring_answered_v2x,
        ),
        _command(v201.CustomerInformation, check=diagnostics.check_customer_information_v2x),
        _command(v201.DataTransfer, check=data_transfer.check_data_transfer_v2x),
        _command(v201.CostUpdated, check=transactions_v2x.check_cost_updated_v2x),
        _command(v201.DeleteCertificate, check=certificates.check_delete_certificate_v2x),
        _command(v201.GetBaseReport, answered=device_model.get_base_report_answered_v2x),
        _command(
            v201.GetChargingProfiles,
            check=smart_charging_v2x.check_get_charging_profiles_v2x,
            answered=smart_charging_v2x.get_charging_profiles_answered_v2x,
        ),
        _command(v201.GetCompositeSchedule, check=smart_charging_v2x.check_get_composite_schedule_v2x),
        _command(v201.GetDisplayMessages, answered=display.get_display_messages_answered_v2x),
        _command(v201.GetInstalledCertificateIds, answered=reports.answer_kept),
        _command(v201.GetLocalListVersion, answered=local_list.get_local_list_version_answered_v2x),
        _command(v201.GetLog, check=diagnostics.check_get_log_v2x),
        _command(
            v201.GetMonitoringReport,
            check=device_model.check_size_v2x,
            answered=monitoring.get_monitoring_report_answered_v2x,
        ),
        _command(
            v201.GetReport,
            check=device_model.check_size_v2x,
            answered=device_model.get_report_answered_v2x,
        ),
        _command(
            v201.GetVariables,
            check=device_model.check_size_v2x,
            answered=device_model.get_variables_answered_v2x,
        ),
        _command(v201.GetTransactionStatus, answered=transactions_v2x.get_transaction_status_answered_v2x),
        _command(v201.InstallCertificate, check=certificates.check_install_certificate_v2x),
        _command(v201.PublishFirmware, check=firmware.check_publish_firmware_v2x),
        _command(v201.RequestStartTransaction, check=remote_control.check_request_start_transaction_v2x),
        _command(
            v201.RequestStopTransaction,
            check=remote_control.check_request_stop_transaction_v2x,
            answered=remote_control.request_stop_answered_v2x,
        ),
        _command(
            v201.ReserveNow,
            check=reservation.check_reserve_now_v2x,
            answered=reservation.reserve_now_answered_v2x,
        ),
        _command(v201.Reset, check=provisioning.check_reset_v2x),
        _command(
            v201.SendLocalList,
            check=local_list.check_send_local_list_v2x,
            answered=local_list.send_local_list_answered_v2x,
        ),
        _command(
            v201.SetChargingProfile,
            check=smart_charging_v2x.check_set_charging_profile_v2x,
            answered=smart_charging_v2x.set_charging_profile_answered_v2x,
        ),
        _command(
            v201.SetDisplayMessage,
            check=display.check_set_display_message_v2x,
            answered=display.set_display_message_answered_v2x,
        ),
        _command(v201.SetMonitoringBase, answered=monitoring.set_monitoring_base_answered_v2x),
        _command(v201.SetMonitoringLevel, check=monitoring.check_set_monitoring_level_v2x),
        _command(v201.SetNetworkProfile, check=provisioning.check_set_network_profile_v2x),
        _command(
            v201.SetVariableMonitoring,
            check=monitoring.check_set_variable_monitoring_v2x,
            answered=monitoring.set_variable_monitoring_answered_v2x,
        ),
        _command(
            v201.SetVariables,
            check=device_model.check_set_variables_v2x,
            answered=device_model.set_variables_answered_v2x,
        ),
        _command(v201.TriggerMessage, check=remote_control.check_trigger_message_v2x),
        _command(v201.UnlockConnector, check=remote_control.check_unlock_connector_v2x),
        _command(
            v201.UnpublishFirmware,
            check=firmware.check_unpublish_firmware_v2x,
            answered=firmware.unpublish_firmware_answered_v2x,
        ),
        _command(v201.UpdateFirmware, check=firmware.check_update_firmware_v2x),
    ]
)
OUTBOUND: Final[Mapping[str, Command]] = {
    action: asked.asking(command) if action == asked.TRIGGER or action in asked.RESULTS else command
    for action, command in _COMMANDS.items()
}

PROTOCOL: Final = protocol()
