"""What this program does with each message, in one sentence for people; the reference page is made of them.

A message is keyed by its action, or by `"1.6 Action"` and `"2.x Action"` where the two differ. Tests hold the
tables complete and free of entries that no message has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KEPT: Final = "Stored whole and published to subscribers, then acknowledged; nothing here acts on it yet."
PLAIN: Final = "Sent as asked; the station's answer goes to the caller, and changes nothing here."

FROM_STATION: Final[Mapping[str, str]] = {
    "1.6 Authorize": "Answers whether the tag may charge, with its group and its end; the verdict is kept.",
    "2.x Authorize": "Answers whether the token may charge, with its group and its end. A contract is "
    "judged by its certificates too, and a reserved EVSE only serves whom it is reserved for.",
    "BatterySwap": "Stored whole and published to subscribers, then acknowledged; a transaction that charges "
    "a battery which was put in costs nothing.",
    "BootNotification": "Stores who the station is, and answers with its registration (Accepted, Pending, "
    "Rejected), the time and the interval to come again. Calls that were switched on for it follow.",
    "ClearedChargingLimit": "Ends the outside limit of that source, and publishes it.",
    "ClosePeriodicEventStream": KEPT,
    "DataTransfer": "Publishes the data and answers what the vendor's hook says; without a hook "
    "UnknownVendorId, beyond 64 Ki characters Rejected.",
    "DiagnosticsStatusNotification": "Keeps and publishes how far an upload of diagnostics has come.",
    "1.6 FirmwareStatusNotification": "Keeps and publishes how far an update of the firmware has come.",
    "2.x FirmwareStatusNotification": "Keeps and publishes how far an update of the firmware has come, "
    "under the number of its request.",
    "Get15118EVCertificate": "Asks the provider of contract certificates and passes its answer on "
    "untouched; Failed where there is none.",
    "GetCertificateChainStatus": "Asks the responder of every certificate named; Failed for those that only "
    "a revocation list could tell of.",
    "GetCertificateStatus": "Asks the certificate's OCSP responder, or answers from its last, still valid "
    "word; Failed where nobody answers.",
    "Heartbeat": "Answers the time, to the second; nothing is stored.",
    "LogStatusNotification": "Keeps and publishes how far the upload of a log has come.",
    "1.6 MeterValues": "Stores the samples once each and folds them into their session; without a session "
    "they are the connector's own.",
    "2.x MeterValues": "Stores the samples as the EVSE's own; those of a transaction come with its events.",
    "NotifyChargingLimit": "Keeps and publishes that a limit from outside holds.",
    "NotifyCustomerInformation": "Stores each part of what the station knows of a customer, and publishes "
    "that the last one is in, never the data.",
    "NotifyDERAlarm": KEPT,
    "NotifyDERStartStop": KEPT,
    "NotifyDisplayMessages": "Keeps which messages the station shows; a report of all of them that came "
    "whole ends those that it does not name.",
    "NotifyEVChargingNeeds": "Keeps and publishes what the vehicle needs, and promises no schedule.",
    "NotifyEVChargingSchedule": "Accepts the vehicle's plan where it stays within its transaction's "
    "profile, and keeps it.",
    "NotifyEvent": "Stores and publishes each event, without values of secrets; an event on a connector's "
    "availability is its status.",
    "NotifyMonitoringReport": "Keeps which variables the station watches; a report of all monitors that "
    "came whole ends those that it does not name.",
    "NotifyPeriodicEventStream": "Stores the values of the stream; it is never answered.",
    "NotifyPriorityCharging": KEPT,
    "NotifyReport": "Writes the variables told into the station's device model, without values of secrets; "
    "a full inventory that came whole ends those that it does not name.",
    "NotifySettlement": KEPT,
    "NotifyWebPaymentStarted": KEPT,
    "OpenPeriodicEventStream": "Accepts every stream, and keeps what it is of.",
    "PublishFirmwareStatusNotification": "Keeps and publishes how far a local controller has come in "
    "offering a firmware, and where it is offered.",
    "PullDynamicScheduleUpdate": "Answers the present values of a dynamic profile that was set from here; "
    "Rejected for any other.",
    "ReportChargingProfiles": "Keeps which profiles the station holds, by whomever they were set; a report "
    "that came whole ends those that were asked for and are not named.",
    "ReportDERControl": KEPT,
    "ReservationStatusUpdate": "Ends the reservation as expired or removed, and publishes it.",
    "1.6 SecurityEventNotification": "Stores and publishes the event; the whitepaper's list says which are "
    "critical.",
    "2.x SecurityEventNotification": "Stores and publishes the event; the specification's list says which "
    "are critical.",
    "SignCertificate": "Accepts a sound request and has the certificate authority sign it, after which "
    "CertificateSigned follows; Rejected at once where no authority could sign.",
    "SignedFirmwareStatusNotification": "Keeps and publishes how far a signed update has come, under the "
    "number of its request.",
    "StartTransaction": "Opens a session, always, once however often it is told, and answers its number and "
    "the verdict on the tag.",
    "1.6 StatusNotification": "Keeps a connector's newest status and logs late ones; connector 0 is the "
    "charge point. Available after a boot ends a session whose stop is missing.",
    "2.x StatusNotification": "Keeps a connector's newest status and logs late ones. Available after a boot "
    "ends a session whose end is missing.",
    "StopTransaction": "Ends the session and merges its data, once; a stop that fits no session is "
    "acknowledged and kept aside.",
    "TransactionEvent": "Stores the event once and folds it into its session in the station's own order, "
    "whatever order they come in; answers the verdict on a token, and is always acknowledged.",
    "VatNumberValidation": "Accepted where the number has its country's form; no register is asked.",
}

TO_STATION: Final[Mapping[str, str]] = {
    "AdjustPeriodicEventStream": "Sent if it names an interval or a number of values to change.",
    "AFRRSignal": PLAIN,
    "CancelReservation": "Any answer ends the reservation here: what is refused was not held over there.",
    "CertificateSigned": "Sent if it is a chain of PEM certificates, the station's first.",
    "1.6 ChangeAvailability": "Sent for a connector, or for 0, the whole charge point.",
    "2.x ChangeAvailability": "Sent for an EVSE, a connector of one, or the whole station.",
    "ChangeConfiguration": "Sent if a standard key's value has its type; what the station accepts is kept "
    "as its configuration, except secrets; a password is the one it is let in with from then on.",
    "ChangeTransactionTariff": "Sent for a transaction that runs, with a tariff that prices something in "
    "some money.",
    "ClearCache": PLAIN,
    "ClearChargingProfile": "Accepted or Unknown, the profiles that fit are held no more.",
    "ClearDERControl": "Sent for one control by its id, for those of a type, or for all.",
    "ClearDisplayMessage": "Accepted or Unknown, the message is shown no more.",
    "ClearTariffs": "The answer is stored as the station's last word on its tariffs.",
    "ClearVariableMonitoring": "Accepted or NotFound, the monitor is gone. Sent within the station's own "
    "limits.",
    "CostUpdated": "Sent for a transaction that runs at this station.",
    "CustomerInformation": "Sent if there is something to do, for a customer named in one way; the report "
    "follows.",
    "DataTransfer": "Sent to a named vendor, up to 64 Ki characters.",
    "DeleteCertificate": "Sent with the hashes as the station reported them.",
    "ExtendedTriggerMessage": "Sent with a connector only where the message wanted has one.",
    "GetBaseReport": "Accepted: a report is awaited, and its parts fill the device model.",
    "GetChargingProfiles": "Accepted: reports follow. NoProfiles: those that fit are held no more.",
    "GetCompositeSchedule": "Sent for a span of time; the schedule goes to the caller.",
    "GetConfiguration": "Every key that is told is kept as the station's configuration, except secrets.",
    "GetDERControl": "Sent for one control by its id, or for those of a type; ReportDERControl follows.",
    "GetDiagnostics": "Sent with a URL for the upload and a span of time that ends after it begins.",
    "GetDisplayMessages": "Accepted: reports follow. Unknown, when all were asked for: none is shown.",
    "1.6 GetInstalledCertificateIds": PLAIN,
    "2.x GetInstalledCertificateIds": "The answer is stored as the station's last word on its certificates.",
    "GetLocalListVersion": "The version told is kept as the one that the station holds.",
    "1.6 GetLog": "Sent with a URL for the upload and a span of time that ends after it begins.",
    "2.x GetLog": "Sent with a URL for the upload and a span of time that ends after it begins; "
    "LogStatusNotification is then taken even before the boot is accepted.",
    "GetMonitoringReport": "Accepted: a report is awaited. EmptyResultSet, when all was asked for: nothing "
    "is watched.",
    "GetPeriodicEventStream": "The answer is stored as the station's last word on its streams.",
    "GetReport": "Accepted: a report of these variables is awaited and fills the device model. Sent within "
    "the station's own limits.",
    "GetTariffs": "The answer is stored as the station's last word on its tariffs.",
    "GetTransactionStatus": "Asked about open transactions when a station comes back; one that is over and "
    "has nothing more to tell is closed.",
    "GetVariables": "Values that are told are kept in the device model. Sent within the station's own "
    "limits.",
    "InstallCertificate": "Sent if it is one PEM certificate that is valid.",
    "NotifyAllowedEnergyTransfer": "Sent for a transaction that runs at this station.",
    "NotifyWebPaymentStarted": PLAIN,
    "PublishFirmware": "Sent with a URL and an MD5 checksum; PublishFirmwareStatusNotification follows.",
    "RemoteStartTransaction": "Sent for a connector or for any, with a profile of the transaction at most.",
    "RemoteStopTransaction": "Sent as asked; accepted, an end that tells no reason is `remote`.",
    "RequestBatterySwap": PLAIN,
    "RequestStartTransaction": "Sent for somebody, at an EVSE or at any, with a profile of the transaction "
    "at most.",
    "RequestStopTransaction": "Sent with the id that the station gave the transaction; accepted, an end that "
    "tells no reason is `remote`.",
    "ReserveNow": "Accepted: the reservation holds, in place of one with its id. Sent if it ends in the "
    "future.",
    "1.6 Reset": PLAIN,
    "2.x Reset": "Sent for one EVSE, or for the whole station.",
    "SendLocalList": "Accepted: the station holds that version. Sent if versions grow and no token comes "
    "twice.",
    "SetChargingProfile": "Accepted: the profile is held, and those that it replaces or that have ended are "
    "not. Sent if purpose, place and times go together.",
    "SetDefaultTariff": "Sent if the tariff prices something in some money.",
    "SetDERControl": "Sent if it carries the setting of its type and no other; a default has no beginning "
    "and no end.",
    "SetDisplayMessage": "Accepted: the message is shown, in place of one with its id.",
    "SetMonitoringBase": "Accepted: monitors that this base does not have are gone.",
    "SetMonitoringLevel": "Sent for a severity of 0 (danger) to 9 (debug).",
    "SetNetworkProfile": "Sent if the URL is a WebSocket's and goes with the security profile.",
    "SetVariableMonitoring": "Accepted: the monitor is kept under the id that the station gave it. Sent "
    "within the station's own limits.",
    "SetVariables": "What is accepted, at once or after a restart, is kept in the device model, except "
    "secrets; a password is the one it is let in with from then on. Sent within the station's own limits.",
    "SignedUpdateFirmware": "Sent with a URL, a certificate and a signature, to be installed after it is "
    "fetched.",
    "1.6 TriggerMessage": "Sent with a connector only where the message wanted has one.",
    "2.x TriggerMessage": "Sent with an EVSE only where the message wanted has one, which is then taken "
    "even before the boot is accepted.",
    "1.6 UnlockConnector": "Sent for one connector, never for the charge point.",
    "2.x UnlockConnector": "Sent for one connector of one EVSE.",
    "UnpublishFirmware": "Unpublished or NoFirmware, it is offered no more.",
    "UpdateDynamicSchedule": "Accepted: the dynamic profile that is held has these values from now on.",
    "1.6 UpdateFirmware": "Sent with a URL that a charger can fetch from.",
    "2.x UpdateFirmware": "Sent with a URL, to be installed after it is fetched; FirmwareStatusNotification "
    "is then taken even before the boot is accepted.",
    "UsePriorityCharging": "Sent for a transaction that runs at this station.",
}


def behaviour(version: str, direction: str, action: str) -> str:
    """The sentence of a message: `version` "2.0.1", `direction` "in" or "out". KeyError: there is none."""
    texts = FROM_STATION if direction == "in" else TO_STATION
    generation = "1.6" if version == "1.6" else "2.x"
    return texts.get(f"{generation} {action}") or texts[action]
