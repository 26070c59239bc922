"""What an OCPP 1.6 charger does when the server calls: one function per action, in one table.

A function takes the charger and the typed request and returns the response, and the work that follows it, if
any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.ocpp.messages import v16
from engine.ocpp.rpc import encode
from engine.simulator.link import Answer, Refusal
from engine.simulator.v16 import core, smart_charging, upkeep
from engine.simulator.v16.reply import Reply

if TYPE_CHECKING:
    from engine.simulator.v16.charger import Charger16


def answer(charger: Charger16, action: str, payload: bytes) -> Answer | Refusal:
    """Decode, act, encode. What cannot be decoded strictly is refused, and so noted as the server's fault."""
    charger.world.counts.received[action] += 1
    command = COMMANDS.get(action)
    if command is None:
        known = action in v16.ACTIONS
        return Refusal("NotSupported" if known else "NotImplemented", action)
    try:
        request = msgspec.json.decode(payload, type=v16.ACTIONS[action][0])
    except msgspec.DecodeError as error:
        return Refusal("FormationViolation", str(error))
    reply = command(charger, request)
    then = reply.then
    return Answer(encode(reply.response), None if then is None else lambda: charger.spawn(then))


COMMANDS: Final[Mapping[str, Callable[[Charger16, Any], Reply]]] = {
    "CancelReservation": core.cancel_reservation,
    "CertificateSigned": upkeep.certificate_signed,
    "ChangeAvailability": core.change_availability,
    "ChangeConfiguration": core.change_configuration,
    "ClearCache": core.clear_cache,
    "ClearChargingProfile": smart_charging.clear_charging_profile,
    "DataTransfer": core.data_transfer,
    "DeleteCertificate": upkeep.delete_certificate,
    "ExtendedTriggerMessage": core.extended_trigger_message,
    "GetCompositeSchedule": smart_charging.get_composite_schedule,
    "GetConfiguration": core.get_configuration,
    "GetDiagnostics": upkeep.get_diagnostics,
    "GetInstalledCertificateIds": upkeep.get_installed_certificate_ids,
    "GetLocalListVersion": core.get_local_list_version,
    "GetLog": upkeep.get_log,
    "InstallCertificate": upkeep.install_certificate,
    "RemoteStartTransaction": core.remote_start,
    "RemoteStopTransaction": core.remote_stop,
    "ReserveNow": core.reserve_now,
    "Reset": core.reset,
    "SendLocalList": core.send_local_list,
    "SetChargingProfile": smart_charging.set_charging_profile,
    "SignedUpdateFirmware": upkeep.signed_update_firmware,
    "TriggerMessage": core.trigger_message,
    "UnlockConnector": core.unlock_connector,
    "UpdateFirmware": upkeep.update_firmware,
}
