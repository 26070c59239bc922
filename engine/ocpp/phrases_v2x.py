"""Intents that 1.6 knows too, in the words of OCPP 2.0.1 and 2.1, which say all of them alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET

from engine.domain.state import ChargePoint
from engine.errors import Invalid, NotSupported
from engine.ocpp import intents as want
from engine.ocpp import variable_names
from engine.ocpp.blocks.device_model import DEFAULT_ATTRIBUTE, name_of, only
from engine.ocpp.blocks.local_list import lists_in_parts_v2x
from engine.ocpp.intents import Verdict
from engine.ocpp.phrases import (
    Phrase,
    Said,
    as_,
    given,
    hash_document,
    plain,
    reason_of,
    settled,
    told,
)
from engine.ocpp.phrases_v16 import transferred

V201: Final = "ocpp2.0.1"
OEM: Final = "OEM"
CERTIFICATES: Final[Mapping[str, str]] = {
    "V2G": "V2GRootCertificate",
    "MO": "MORootCertificate",
    "MF": "ManufacturerRootCertificate",
    "CSMS": "CSMSRootCertificate",
    OEM: "OEMRootCertificate",
    "V2GChain": "V2GCertificateChain",  # the station's own: listed, never installed
}
TYPES: Final = {word: name for name, word in CERTIFICATES.items()}
RESETS: Final = {"now": "Immediate", "idle": "OnIdle", "now_and_resume": "ImmediateAndResume"}
TRIGGERS: Final = {"DiagnosticsStatusNotification": "LogStatusNotification"}  # all others have their own name
REPORTS: Final[Mapping[str, str]] = {  # ReportBaseEnumType (B07)
    "all": "FullInventory",
    "settings": "ConfigurationInventory",
    "summary": "SummaryInventory",
}
TX_PROFILE: Final = "TxProfile"
CLEAR: Final = "ClearChargingProfile"
EXTERNAL: Final = "ChargingStationExternalConstraints"
PURPOSES: Final = ("ChargingStationMaxProfile", "TxDefaultProfile", TX_PROFILE)  # that every station knows


def since_v21(cp: ChargePoint, wanted: object, what: str) -> None:
    """NotSupported where something is wanted of a station that speaks 2.0.1."""
    if wanted and cp.version == V201:
        raise NotSupported(f"OCPP 2.0.1 has no {what}")


def token(text: str, kind: str, additional: Sequence[want.AdditionalInfo] = ()) -> Mapping[str, Any]:
    """IdTokenType."""
    infos = [{"additionalIdToken": info.additional_id_token, "type": info.type} for info in additional]
    return given(idToken=text, type=kind, additionalInfo=infos or None)


def _group(group_id: str | None) -> Mapping[str, str] | None:
    return None if group_id is None else token(group_id, "Central")


def _evse(number: int | None, connector: int | None = None) -> Mapping[str, int] | None:
    return given(id=number, connectorId=connector) if number else None


def _start(intent: want.Start, _cp: ChargePoint) -> Sequence[Said]:
    members = given(
        idToken=token(intent.id_tag or "", intent.id_type, intent.additional_info),
        remoteStartId=intent.request_id,
        evseId=intent.evse_number or None,
        groupIdToken=_group(intent.group_id),
        chargingProfile=None if intent.profile is None else _profile(intent.profile),
    )
    return [("RequestStartTransaction", members)]


def _started(_intent: want.Start, answers: Sequence[Any]) -> want.Result:
    return as_(want.Started, told(answers[0]), transaction_id=answers[0].transaction_id or None)


def _stop(intent: want.Stop, _cp: ChargePoint) -> Sequence[Said]:
    return [("RequestStopTransaction", {"transactionId": intent.transaction_id})]


def _unlock(intent: want.Unlock, _cp: ChargePoint) -> Sequence[Said]:
    return [("UnlockConnector", {"evseId": intent.evse_number, "connectorId": intent.connector_number})]


def _reset(intent: want.Reset, cp: ChargePoint) -> Sequence[Said]:
    since_v21(cp, intent.when == "now_and_resume", "reset that resumes transactions")
    return [("Reset", given(type=RESETS[intent.when], evseId=intent.evse_number or None))]


def _availability(intent: want.ChangeAvailability, _cp: ChargePoint) -> Sequence[Said]:
    members = given(
        operationalStatus="Operative" if intent.operative else "Inoperative",
        evse=_evse(intent.evse_number, intent.connector_number),
    )
    return [("ChangeAvailability", members)]


def _set_profile(intent: want.SetProfile, cp: ChargePoint) -> Sequence[Said]:
    place = intent.evse_number
    profile = _profile(intent.profile)
    if place is None:
        place = _place_of(profile, cp)
    return [("SetChargingProfile", {"evseId": place, "chargingProfile": profile})]


def _profile(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The profile as it is, but its one schedule in a list."""
    schedule = document.get("chargingSchedule")
    return {**document, "chargingSchedule": [schedule]} if isinstance(schedule, Mapping) else document


def _place_of(profile: Mapping[str, Any], cp: ChargePoint) -> int:
    """A TxProfile goes to the EVSE of its transaction (K01.FR.03, FR.16)."""
    if profile.get("chargingProfilePurpose") != TX_PROFILE:
        return 0
    session = cp.sessions.get(str(profile.get("transactionId")))
    if session is None:
        raise Invalid("no such transaction", {"transactionId": ["is not running at this charge point"]})
    return session.evse_number


def _clear_profile(intent: want.ClearProfile, cp: ChargePoint) -> Sequence[Said]:
    """By id, or by at least one of the other criteria (K10.FR.02): all are those of each purpose."""
    if intent.profile_id is not None:
        return [(CLEAR, {"chargingProfileId": intent.profile_id})]
    criteria = given(
        evseId=intent.evse_number,
        chargingProfilePurpose=intent.purpose,
        stackLevel=intent.stack_level,
    )
    wanted = [criteria] if criteria else [{"chargingProfilePurpose": purpose} for purpose in _purposes(cp)]
    return [(CLEAR, {"chargingProfileCriteria": one}) for one in wanted]


def _purposes(cp: ChargePoint) -> Sequence[str]:
    """Those that are ours to set (K10.FR.06), and in 2.1, where stations need not know all, those held."""
    held = {one.purpose for one in cp.charging_profiles} - {*PURPOSES, EXTERNAL}
    return [*PURPOSES, *sorted(held)]


def _cleared(_intent: object, answers: Sequence[Any]) -> want.Result:
    """Of several the first that was accepted: a station has nothing of every purpose."""
    results = [told(answer) for answer in answers]
    return next((result for result in results if result.verdict is Verdict.ACCEPTED), results[0])


def _composite(intent: want.GetCompositeSchedule, _cp: ChargePoint) -> Sequence[Said]:
    members = given(evseId=intent.evse_number, duration=intent.duration, chargingRateUnit=intent.unit)
    return [("GetCompositeSchedule", members)]


def _schedule(_intent: want.GetCompositeSchedule, answers: Sequence[Any]) -> want.Result:
    answer = answers[0]
    schedule = answer.schedule
    if not schedule:
        return as_(want.Schedule, told(answer))
    return as_(
        want.Schedule,
        told(answer),
        evse_number=schedule.evse_id,
        begins_at=schedule.schedule_start,
        duration=schedule.duration,
        unit=schedule.charging_rate_unit,
        periods=tuple(
            want.Period(
                start=period.start_period,
                limit=None if period.limit is UNSET else float(period.limit),
                phases=period.number_phases or None,
            )
            for period in schedule.charging_schedule_period
        ),
    )


def _log(intent: want.GetLog, _cp: ChargePoint) -> Sequence[Said]:
    log = given(remoteLocation=intent.location, oldestTimestamp=intent.oldest, latestTimestamp=intent.latest)
    members = given(
        logType="DiagnosticsLog" if intent.kind == "diagnostics" else "SecurityLog",
        requestId=intent.request_id,
        log=log,
        retries=intent.retries,
        retryInterval=intent.retry_interval,
    )
    return [("GetLog", members)]


def _upload(_intent: want.GetLog, answers: Sequence[Any]) -> want.Result:
    return as_(want.Upload, told(answers[0]), filename=answers[0].filename or None)


def _firmware(intent: want.UpdateFirmware, _cp: ChargePoint) -> Sequence[Said]:
    firmware = given(
        location=intent.location,
        retrieveDateTime=intent.retrieve_at,
        installDateTime=intent.install_at,
        signingCertificate=intent.signing_certificate,
        signature=intent.signature,
    )
    members = given(
        requestId=intent.request_id,
        firmware=firmware,
        retries=intent.retries,
        retryInterval=intent.retry_interval,
    )
    return [("UpdateFirmware", members)]


def _install(intent: want.InstallCertificate, cp: ChargePoint) -> Sequence[Said]:
    since_v21(cp, intent.type == OEM, "OEM certificates")
    members = {"certificateType": CERTIFICATES[intent.type], "certificate": intent.certificate}
    return [("InstallCertificate", members)]


def _delete(intent: want.DeleteCertificate, _cp: ChargePoint) -> Sequence[Said]:
    return [("DeleteCertificate", {"certificateHashData": hash_document(intent.certificate)})]


def _installed(intent: want.ListCertificates, cp: ChargePoint) -> Sequence[Said]:
    since_v21(cp, OEM in intent.types, "OEM certificates")
    types = [CERTIFICATES[name] for name in intent.types]
    return [("GetInstalledCertificateIds", given(certificateType=types or None))]


def _certificates(_intent: want.ListCertificates, answers: Sequence[Any]) -> want.Result:
    answer = answers[0]
    chains = answer.certificate_hash_data_chain or ()
    found = tuple(
        want.Certificate(
            type=TYPES.get(chain.certificate_type, chain.certificate_type),
            hash=_hash(chain.certificate_hash_data),
            children=tuple(_hash(child) for child in chain.child_certificate_hash_data or ()),
        )
        for chain in chains
    )
    return as_(want.Certificates, told(answer), certificates=found)


def _hash(data: Any) -> want.CertificateHash:
    return want.CertificateHash(
        hash_algorithm=data.hash_algorithm,
        issuer_name_hash=data.issuer_name_hash,
        issuer_key_hash=data.issuer_key_hash,
        serial_number=data.serial_number,
    )


def attribute_of(name: str) -> variable_names.Attribute:
    """What a name means; Invalid if it means nothing."""
    wanted = variable_names.parse(name)
    if wanted is None:
        rule = "must be component[;instance[;EVSE]]/variable[;instance[;attribute]]"
        raise Invalid(f"{name!r} names no variable: it {rule}", {name: [rule]})
    return wanted


def in_parts(action: str, items: Sequence[Any], cp: ChargePoint) -> Sequence[Sequence[Any]]:
    """As many items in a message as the station says it takes (ItemsPerMessage; B05.FR.11, B06.FR.05)."""
    most = cp.items_per_message.get(action) or len(items) or 1
    return [items[first : first + most] for first in range(0, len(items), most)]


def _get_configuration(intent: want.GetConfiguration, cp: ChargePoint) -> Sequence[Said]:
    items = [variable_names.document(attribute_of(name)) for name in intent.names]
    return [("GetVariables", {"getVariableData": part}) for part in in_parts("GetVariables", items, cp)]


def _values(intent: want.GetConfiguration, answers: Sequence[Any]) -> want.Result:
    results = _by_attribute(intent.names, [r for answer in answers for r in answer.get_variable_result])
    found, unknown = [], []
    for name in intent.names:
        result = results.get(_folded(attribute_of(name)))
        if result is None or result.attribute_status != "Accepted":
            unknown.append(name)
        else:
            value = None if result.attribute_value is UNSET else result.attribute_value
            found.append(want.Value(name=name, value=value))
    verdict, word = (Verdict.ACCEPTED, "Accepted") if found else (Verdict.NOT_FOUND, "")
    return want.Values(verdict=verdict, word=word, values=tuple(found), unknown=tuple(unknown))


def _set_configuration(intent: want.SetConfiguration, cp: ChargePoint) -> Sequence[Said]:
    items = [
        {**variable_names.document(attribute_of(name)), "attributeValue": value}
        for name, value in intent.values.items()
    ]
    return [("SetVariables", {"setVariableData": part}) for part in in_parts("SetVariables", items, cp)]


def _settled(intent: want.SetConfiguration, answers: Sequence[Any]) -> want.Result:
    found = _by_attribute(intent.values, [r for answer in answers for r in answer.set_variable_result])
    return settled((name, _set(found.get(_folded(attribute_of(name))))) for name in intent.values)


def _set(result: Any) -> want.Result:
    """The verdict on one variable; None: the station said nothing of it."""
    word = result.attribute_status if result is not None else "Rejected"
    reason = reason_of(result.attribute_status_info) if result is not None else None
    return want.Result(verdict=want.verdict_of(word), word=word, reason=reason)


def _by_attribute(asked: Iterable[str], results: Sequence[Any]) -> Mapping[variable_names.Attribute, Any]:
    """Results by what they are of; one that leaves out its attribute is of the only one asked for."""
    wanted = [_folded(attribute_of(name)) for name in asked]
    found = {}
    for result in results:
        name = name_of(result.component, result.variable).folded()
        same = [attribute.attribute for attribute in wanted if attribute.name == name]
        told = result.attribute_type or only(same) or DEFAULT_ATTRIBUTE
        found[variable_names.Attribute(name, told)] = result
    return found


def _folded(attribute: variable_names.Attribute) -> variable_names.Attribute:
    return attribute._replace(name=attribute.name.folded())


def _report(intent: want.ReportConfiguration, _cp: ChargePoint) -> Sequence[Said]:
    return [("GetBaseReport", {"requestId": intent.request_id, "reportBase": REPORTS[intent.part]})]


def _reserve(intent: want.Reserve, _cp: ChargePoint) -> Sequence[Said]:
    members = given(
        id=intent.reservation_id,
        expiryDateTime=intent.expires_at,
        idToken=token(intent.id_tag, intent.id_type, intent.additional_info),
        evseId=intent.evse_number or None,
        connectorType=intent.connector_type,
        groupIdToken=_group(intent.group_id),
    )
    return [("ReserveNow", members)]


def _cancel(intent: want.CancelReservation, _cp: ChargePoint) -> Sequence[Said]:
    return [("CancelReservation", {"reservationId": intent.reservation_id})]


def _trigger(intent: want.Trigger, cp: ChargePoint) -> Sequence[Said]:
    custom = intent.custom_trigger
    since_v21(cp, custom is not None or intent.message == "CustomTrigger", "triggers of a vendor's own")
    name = TRIGGERS.get(intent.message, intent.message)
    places: Sequence[tuple[int | None, int | None]] = [(intent.evse_number, intent.connector_number)]
    if name == "StatusNotification" and intent.connector_number is None:
        # F06.FR.13: a status is of one connector, which has to be named.
        known = [place for place in cp.connectors if intent.evse_number in (None, 0, place[0])]
        places = [place for place in known if 0 not in place] or [(intent.evse_number or 1, 1)]
    return [
        ("TriggerMessage", given(requestedMessage=name, customTrigger=custom, evse=_evse(*place)))
        for place in places
    ]


def _clear_cache(_intent: want.ClearCache, _cp: ChargePoint) -> Sequence[Said]:
    return [("ClearCache", {})]


def _send_list(intent: want.SendLocalList, _cp: ChargePoint) -> Sequence[Said]:
    members = given(
        versionNumber=intent.version,
        updateType="Full" if intent.full else "Differential",
        localAuthorizationList=[_entry(entry) for entry in intent.entries] or None,
    )
    return [("SendLocalList", members)]


def _entry(entry: want.ListEntry) -> Mapping[str, Any]:
    tag = token(entry.id_tag, entry.id_type, entry.additional_info)
    if entry.status is None:
        return {"idToken": tag}
    info = given(
        status=entry.status, cacheExpiryDateTime=entry.expires_at, groupIdToken=_group(entry.group_id)
    )
    return {"idToken": tag, "idTokenInfo": info}


def _get_list_version(_intent: want.GetLocalListVersion, _cp: ChargePoint) -> Sequence[Said]:
    return [("GetLocalListVersion", {})]


def _list_version(_intent: object, answers: Sequence[Any]) -> want.Result:
    return want.ListVersion(verdict=Verdict.ACCEPTED, word="Accepted", version=answers[0].version_number)


def _ask_transaction(intent: want.GetTransactionStatus, _cp: ChargePoint) -> Sequence[Said]:
    return [("GetTransactionStatus", given(transactionId=intent.transaction_id))]


def _transaction(_intent: object, answers: Sequence[Any]) -> want.Result:
    ongoing = answers[0].ongoing_indicator
    return want.TransactionStatus(
        verdict=Verdict.ACCEPTED,
        word="Accepted",
        ongoing=None if ongoing is UNSET else ongoing,
        messages_waiting=answers[0].messages_in_queue,
    )


def _transfer(intent: want.TransferData, _cp: ChargePoint) -> Sequence[Said]:
    members = given(vendorId=intent.vendor_id, messageId=intent.message_id, data=intent.data)
    return [("DataTransfer", members)]


PHRASES: Final[Mapping[type[want.Intent], Phrase]] = {
    want.CancelReservation: Phrase(say=_cancel, read=plain),
    want.ChangeAvailability: Phrase(say=_availability, read=plain),
    want.ClearCache: Phrase(say=_clear_cache, read=plain),
    want.ClearProfile: Phrase(say=_clear_profile, read=_cleared),
    want.DeleteCertificate: Phrase(say=_delete, read=plain),
    want.GetCompositeSchedule: Phrase(say=_composite, read=_schedule),
    want.GetConfiguration: Phrase(say=_get_configuration, read=_values),
    want.GetLocalListVersion: Phrase(say=_get_list_version, read=_list_version),
    want.GetLog: Phrase(say=_log, read=_upload),
    want.GetTransactionStatus: Phrase(say=_ask_transaction, read=_transaction),
    want.InstallCertificate: Phrase(say=_install, read=plain),
    want.ListCertificates: Phrase(say=_installed, read=_certificates),
    want.ReportConfiguration: Phrase(say=_report, read=plain),
    want.Reserve: Phrase(say=_reserve, read=plain),
    want.Reset: Phrase(say=_reset, read=plain),
    want.SendLocalList: Phrase(say=_send_list, read=plain, split=lists_in_parts_v2x),
    want.SetConfiguration: Phrase(say=_set_configuration, read=_settled),
    want.SetProfile: Phrase(say=_set_profile, read=plain),
    want.Start: Phrase(say=_start, read=_started),
    want.Stop: Phrase(say=_stop, read=plain),
    want.TransferData: Phrase(say=_transfer, read=transferred),
    want.Trigger: Phrase(say=_trigger, read=plain),
    want.Unlock: Phrase(say=_unlock, read=plain),
    want.UpdateFirmware: Phrase(say=_firmware, read=plain),
}
