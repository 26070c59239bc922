"""Intents in the words of OCPP 1.6. An EVSE is a connector there, and has one connector only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET

from engine.domain.state import ChargePoint
from engine.errors import NotSupported
from engine.ocpp import intents as want
from engine.ocpp.blocks.charging_profiles import PURPOSES, profile_v16_from_v201
from engine.ocpp.blocks.smart_charging import profile_from_v201
from engine.ocpp.intents import Verdict
from engine.ocpp.messages import v16
from engine.ocpp.phrases import Phrase, Said, as_, given, hash_document, plain, settled, told

CERTIFICATES: Final[Mapping[str, str]] = {  # ISO 15118's roots (V2G, MO) came with OCPP 2.0.1
    "CSMS": "CentralSystemRootCertificate",
    "MF": "ManufacturerRootCertificate",
}
TRIGGERS: Final[Mapping[str, tuple[str, str]]] = {
    **{
        name: ("TriggerMessage", name)
        for name in (
            "BootNotification",
            "DiagnosticsStatusNotification",
            "FirmwareStatusNotification",
            "Heartbeat",
            "MeterValues",
            "StatusNotification",
        )
    },
    "LogStatusNotification": ("ExtendedTriggerMessage", "LogStatusNotification"),
    "SignChargingStationCertificate": ("ExtendedTriggerMessage", "SignChargePointCertificate"),
}
RESETS: Final = {"now": "Hard", "idle": "Soft"}
LIST_STATUSES: Final = frozenset({"Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTX"})
MAX_TRANSACTION_ID: Final = 10  # digits


def _unsayable(what: str) -> NotSupported:
    return NotSupported(f"OCPP 1.6 has no {what}")


def _tag_alone(additional: Sequence[want.AdditionalInfo]) -> None:
    if additional:
        raise _unsayable("additional information of an id tag")


def _connector(connector: int | None) -> None:
    if connector not in (None, 0, 1):
        raise _unsayable("connectors within an EVSE")


def _start(intent: want.Start, _cp: ChargePoint) -> Sequence[Said]:
    _tag_alone(intent.additional_info)
    profile = None if intent.profile is None else profile_v16_from_v201(intent.profile)
    members = given(idTag=intent.id_tag, connectorId=intent.evse_number, chargingProfile=profile)
    return [("RemoteStartTransaction", members)]


def _started(_intent: want.Start, answers: Sequence[Any]) -> want.Result:
    return as_(want.Started, told(answers[0]))


def _stop(intent: want.Stop, _cp: ChargePoint) -> Sequence[Said]:
    return [("RemoteStopTransaction", {"transactionId": number_of(intent.transaction_id)})]


def number_of(transaction_id: str) -> int:
    """Transactions of 1.6 have numbers."""
    plain_number = transaction_id.isascii() and transaction_id.isdecimal()
    if not plain_number or len(transaction_id) > MAX_TRANSACTION_ID:
        raise _unsayable(f"transaction {transaction_id!r}: its transactions have numbers")
    return int(transaction_id)


def _unlock(intent: want.Unlock, _cp: ChargePoint) -> Sequence[Said]:
    _connector(intent.connector_number)
    return [("UnlockConnector", {"connectorId": intent.evse_number})]


def _reset(intent: want.Reset, _cp: ChargePoint) -> Sequence[Said]:
    if intent.evse_number:
        raise _unsayable("reset of a single connector")
    if intent.when not in RESETS:
        raise _unsayable("reset that resumes transactions")
    return [("Reset", {"type": RESETS[intent.when]})]


def _availability(intent: want.ChangeAvailability, _cp: ChargePoint) -> Sequence[Said]:
    _connector(intent.connector_number)
    kind = "Operative" if intent.operative else "Inoperative"
    return [("ChangeAvailability", {"connectorId": intent.evse_number, "type": kind})]


def _set_profile(intent: want.SetProfile, cp: ChargePoint) -> Sequence[Said]:
    if intent.evse_number is None:
        request = profile_from_v201(intent.profile, cp)
        place, profile = request.connector_id, request.cs_charging_profiles
    else:
        place, profile = intent.evse_number, profile_v16_from_v201(intent.profile)
    return [("SetChargingProfile", {"connectorId": place, "csChargingProfiles": profile})]


def _clear_profile(intent: want.ClearProfile, _cp: ChargePoint) -> Sequence[Said]:
    if intent.purpose is not None and intent.purpose not in PURPOSES:
        raise _unsayable(f"charging profiles for {intent.purpose}")
    members = given(
        id=intent.profile_id,
        connectorId=intent.evse_number,
        chargingProfilePurpose=PURPOSES[intent.purpose] if intent.purpose else None,
        stackLevel=intent.stack_level,
    )
    return [("ClearChargingProfile", members)]


def _composite(intent: want.GetCompositeSchedule, _cp: ChargePoint) -> Sequence[Said]:
    members = given(connectorId=intent.evse_number, duration=intent.duration, chargingRateUnit=intent.unit)
    return [("GetCompositeSchedule", members)]


def _schedule(
    _intent: want.GetCompositeSchedule, answers: Sequence[v16.GetCompositeScheduleResponse]
) -> want.Result:
    (answer,) = answers
    schedule = answer.charging_schedule
    if not schedule:
        return as_(want.Schedule, told(answer))
    return as_(
        want.Schedule,
        told(answer),
        evse_number=answer.connector_id or 0,
        begins_at=answer.schedule_start or schedule.start_schedule or None,
        duration=schedule.duration or None,
        unit=schedule.charging_rate_unit,
        periods=tuple(
            want.Period(start=p.start_period, limit=float(p.limit), phases=p.number_phases or None)
            for p in schedule.charging_schedule_period
        ),
    )


def _log(intent: want.GetLog, _cp: ChargePoint) -> Sequence[Said]:
    retries = given(retries=intent.retries, retryInterval=intent.retry_interval)
    if intent.kind == "diagnostics":  # every station with firmware management has it, unlike GetLog
        span = given(location=intent.location, startTime=intent.oldest, stopTime=intent.latest)
        return [("GetDiagnostics", {**span, **retries})]
    log = given(remoteLocation=intent.location, oldestTimestamp=intent.oldest, latestTimestamp=intent.latest)
    return [("GetLog", {"logType": "SecurityLog", "requestId": intent.request_id, "log": log, **retries})]


def _upload(_intent: want.GetLog, answers: Sequence[Any]) -> want.Result:
    answer = answers[0]
    name = answer.file_name if isinstance(answer, v16.GetDiagnosticsResponse) else answer.filename
    return as_(want.Upload, told(answer), filename=name or None)


def _firmware(intent: want.UpdateFirmware, _cp: ChargePoint) -> Sequence[Said]:
    retries = given(retries=intent.retries, retryInterval=intent.retry_interval)
    if intent.signing_certificate is None:
        if intent.install_at is not None:
            raise _unsayable("time to install an unsigned firmware")
        return [
            ("UpdateFirmware", {"location": intent.location, "retrieveDate": intent.retrieve_at, **retries})
        ]
    firmware = given(
        location=intent.location,
        retrieveDateTime=intent.retrieve_at,
        installDateTime=intent.install_at,
        signingCertificate=intent.signing_certificate,
        signature=intent.signature,
    )
    return [("SignedUpdateFirmware", {"requestId": intent.request_id, "firmware": firmware, **retries})]


def _certificate_type(name: str) -> str:
    if name not in CERTIFICATES:
        raise _unsayable(f"{name} certificates")
    return CERTIFICATES[name]


def _install(intent: want.InstallCertificate, _cp: ChargePoint) -> Sequence[Said]:
    members = {"certificateType": _certificate_type(intent.type), "certificate": intent.certificate}
    return [("InstallCertificate", members)]


def _delete(intent: want.DeleteCertificate, _cp: ChargePoint) -> Sequence[Said]:
    return [("DeleteCertificate", {"certificateHashData": hash_document(intent.certificate)})]


def _installed(intent: want.ListCertificates, _cp: ChargePoint) -> Sequence[Said]:
    return [
        ("GetInstalledCertificateIds", {"certificateType": _certificate_type(name)}) for name in intent.types
    ]


def _certificates(intent: want.ListCertificates, answers: Sequence[Any]) -> want.Result:
    found = tuple(
        want.Certificate(
            type=name,
            hash=want.CertificateHash(
                hash_algorithm=data.hash_algorithm,
                issuer_name_hash=data.issuer_name_hash,
                issuer_key_hash=data.issuer_key_hash,
                serial_number=data.serial_number,
            ),
        )
        for name, answer in zip(intent.types, answers, strict=True)
        for data in answer.certificate_hash_data or ()
    )
    verdict, word = (Verdict.ACCEPTED, "Accepted") if found else (Verdict.NOT_FOUND, "NotFound")
    return want.Certificates(verdict=verdict, word=word, certificates=found)


def _get_configuration(intent: want.GetConfiguration, _cp: ChargePoint) -> Sequence[Said]:
    return [("GetConfiguration", {"key": list(intent.names)})]


def _report(intent: want.ReportConfiguration, _cp: ChargePoint) -> Sequence[Said]:
    if intent.part != "all":
        raise _unsayable("reports of a part of its configuration")
    return [("GetConfiguration", {})]  # §5.8: no keys, all keys


def _values(_intent: object, answers: Sequence[v16.GetConfigurationResponse]) -> want.Result:
    (answer,) = answers
    return want.Values(
        verdict=Verdict.ACCEPTED,
        word="Accepted",
        values=tuple(
            want.Value(
                name=pair.key, value=None if pair.value is UNSET else pair.value, readonly=pair.readonly
            )
            for pair in answer.configuration_key or ()
        ),
        unknown=tuple(answer.unknown_key or ()),
    )


def _set_configuration(intent: want.SetConfiguration, _cp: ChargePoint) -> Sequence[Said]:
    return [("ChangeConfiguration", {"key": key, "value": value}) for key, value in intent.values.items()]


def _settled(intent: want.SetConfiguration, answers: Sequence[Any]) -> want.Result:
    return settled(zip(intent.values, map(told, answers), strict=True))


def _reserve(intent: want.Reserve, _cp: ChargePoint) -> Sequence[Said]:
    if intent.connector_type is not None:
        raise _unsayable("reservation of a kind of connector")
    _tag_alone(intent.additional_info)
    members = given(
        reservationId=intent.reservation_id,
        connectorId=intent.evse_number,
        expiryDate=intent.expires_at,
        idTag=intent.id_tag,
        parentIdTag=intent.group_id,
    )
    return [("ReserveNow", members)]


def _cancel(intent: want.CancelReservation, _cp: ChargePoint) -> Sequence[Said]:
    return [("CancelReservation", {"reservationId": intent.reservation_id})]


def _trigger(intent: want.Trigger, _cp: ChargePoint) -> Sequence[Said]:
    if intent.custom_trigger is not None:
        raise _unsayable("triggers of a vendor's own")
    if intent.message not in TRIGGERS:
        raise _unsayable(f"trigger for {intent.message}")
    _connector(intent.connector_number)
    action, name = TRIGGERS[intent.message]
    return [(action, given(requestedMessage=name, connectorId=intent.evse_number))]


def _clear_cache(_intent: want.ClearCache, _cp: ChargePoint) -> Sequence[Said]:
    return [("ClearCache", {})]


def _send_list(intent: want.SendLocalList, _cp: ChargePoint) -> Sequence[Said]:
    members = given(
        listVersion=intent.version,
        updateType="Full" if intent.full else "Differential",
        localAuthorizationList=[_entry(entry) for entry in intent.entries] or None,
    )
    return [("SendLocalList", members)]


def _entry(entry: want.ListEntry) -> Mapping[str, Any]:
    _tag_alone(entry.additional_info)
    if entry.status is None:
        return {"idTag": entry.id_tag}
    # Later versions know more reasons to refuse a tag.
    status = entry.status if entry.status in LIST_STATUSES else "Invalid"
    info = given(
        status="ConcurrentTx" if status == "ConcurrentTX" else status,
        expiryDate=entry.expires_at,
        parentIdTag=entry.group_id,
    )
    return {"idTag": entry.id_tag, "idTagInfo": info}


def _get_list_version(_intent: want.GetLocalListVersion, _cp: ChargePoint) -> Sequence[Said]:
    return [("GetLocalListVersion", {})]


def _list_version(_intent: object, answers: Sequence[v16.GetLocalListVersionResponse]) -> want.Result:
    return want.ListVersion(verdict=Verdict.ACCEPTED, word="Accepted", version=answers[0].list_version)


def _transfer(intent: want.TransferData, _cp: ChargePoint) -> Sequence[Said]:
    if intent.data is not None and not isinstance(intent.data, str):
        raise _unsayable("data but text")
    members = given(vendorId=intent.vendor_id, messageId=intent.message_id, data=intent.data)
    return [("DataTransfer", members)]


def transferred(_intent: object, answers: Sequence[Any]) -> want.Result:
    """The data that came back, if any; the same in every version."""
    answer = answers[0]
    return as_(want.Transferred, told(answer), data=answer.data or None)


PHRASES: Final[Mapping[type[want.Intent], Phrase]] = {
    want.CancelReservation: Phrase(say=_cancel, read=plain),
    want.ChangeAvailability: Phrase(say=_availability, read=plain),
    want.ClearCache: Phrase(say=_clear_cache, read=plain),
    want.ClearProfile: Phrase(say=_clear_profile, read=plain),
    want.DeleteCertificate: Phrase(say=_delete, read=plain),
    want.GetCompositeSchedule: Phrase(say=_composite, read=_schedule),
    want.GetConfiguration: Phrase(say=_get_configuration, read=_values),
    want.GetLocalListVersion: Phrase(say=_get_list_version, read=_list_version),
    want.GetLog: Phrase(say=_log, read=_upload),
    want.InstallCertificate: Phrase(say=_install, read=plain),
    want.ListCertificates: Phrase(say=_installed, read=_certificates),
    want.ReportConfiguration: Phrase(say=_report, read=_values),
    want.Reserve: Phrase(say=_reserve, read=plain),
    want.Reset: Phrase(say=_reset, read=plain),
    want.SendLocalList: Phrase(say=_send_list, read=plain),
    want.SetConfiguration: Phrase(say=_set_configuration, read=_settled),
    want.SetProfile: Phrase(say=_set_profile, read=plain),
    want.Start: Phrase(say=_start, read=_started),
    want.Stop: Phrase(say=_stop, read=plain),
    want.TransferData: Phrase(say=_transfer, read=transferred),
    want.Trigger: Phrase(say=_trigger, read=plain),
    want.Unlock: Phrase(say=_unlock, read=plain),
    want.UpdateFirmware: Phrase(say=_firmware, read=plain),
}
