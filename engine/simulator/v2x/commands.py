"""What an OCPP 2.x station does when the server calls: one function per action, in one table.

A function takes the charger and the typed request and returns the members of the response, and the work that
follows it, if any. What is not in the table is answered NotSupported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.ocpp.messages import decode_hook
from engine.ocpp.rpc import encode
from engine.simulator.link import Answer, Refusal
from engine.simulator.v2x import (
    availability,
    certificates,
    display,
    monitoring,
    provisioning,
    remote_control,
    smart_charging,
    tariffs,
    upkeep,
)
from engine.simulator.v2x.reply import Reply

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x


def answer(charger: Charger2x, action: str, payload: bytes) -> Answer | Refusal:
    """Decode, act, encode. What cannot be decoded strictly is refused, and so noted as the server's fault."""
    charger.world.counts.received[action] += 1
    if action not in charger.messages:
        return Refusal("NotImplemented", action)
    command = COMMANDS.get(action)
    if command is None:
        return Refusal("NotSupported", action)
    try:
        request = msgspec.json.decode(payload, type=charger.messages[action][0], dec_hook=decode_hook)
    except msgspec.DecodeError as error:
        return Refusal("FormatViolation", str(error))
    reply = command(charger, request)
    response = msgspec.convert(reply.members, charger.messages[action][1], dec_hook=decode_hook)
    then = reply.then
    return Answer(encode(response), None if then is None else lambda: charger.spawn(then))


COMMANDS: Final[Mapping[str, Callable[[Charger2x, Any], Reply]]] = {
    "CancelReservation": availability.cancel_reservation,
    "CertificateSigned": certificates.certificate_signed,
    "ChangeAvailability": availability.change_availability,
    "ChangeTransactionTariff": tariffs.change_transaction_tariff,
    "ClearCache": availability.clear_cache,
    "ClearChargingProfile": smart_charging.clear_profile,
    "ClearDisplayMessage": display.clear_display_message,
    "ClearTariffs": tariffs.clear_tariffs,
    "ClearVariableMonitoring": monitoring.clear_variable_monitoring,
    "CostUpdated": upkeep.cost_updated,
    "CustomerInformation": upkeep.customer_information,
    "DataTransfer": upkeep.data_transfer,
    "DeleteCertificate": certificates.delete_certificate,
    "GetBaseReport": provisioning.get_base_report,
    "GetChargingProfiles": smart_charging.get_profiles,
    "GetCompositeSchedule": smart_charging.composite_schedule,
    "GetDisplayMessages": display.get_display_messages,
    "GetInstalledCertificateIds": certificates.installed_certificates,
    "GetLocalListVersion": availability.local_list_version,
    "GetLog": upkeep.get_log,
    "GetMonitoringReport": monitoring.get_monitoring_report,
    "GetReport": provisioning.get_report,
    "GetTariffs": tariffs.get_tariffs,
    "GetTransactionStatus": remote_control.transaction_status,
    "GetVariables": provisioning.get_variables,
    "InstallCertificate": certificates.install_certificate,
    "NotifyAllowedEnergyTransfer": smart_charging.allowed_energy_transfer,
    "RequestStartTransaction": remote_control.request_start,
    "RequestStopTransaction": remote_control.request_stop,
    "ReserveNow": availability.reserve_now,
    "Reset": provisioning.reset,
    "SendLocalList": availability.send_local_list,
    "SetChargingProfile": smart_charging.set_profile,
    "SetDefaultTariff": tariffs.set_default_tariff,
    "SetDisplayMessage": display.set_display_message,
    "SetMonitoringBase": monitoring.set_monitoring_base,
    "SetMonitoringLevel": monitoring.set_monitoring_level,
    "SetVariableMonitoring": monitoring.set_variable_monitoring,
    "SetVariables": provisioning.set_variables,
    "TriggerMessage": remote_control.trigger,
    "UnlockConnector": remote_control.unlock,
    "UpdateDynamicSchedule": smart_charging.update_dynamic_schedule,
    "UpdateFirmware": upkeep.update_firmware,
    "UsePriorityCharging": smart_charging.use_priority_charging,
}
