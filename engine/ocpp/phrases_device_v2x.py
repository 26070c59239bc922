"""Intents of `intents_device` in the words of OCPP 2.0.1 and 2.1. OCPP 1.6 has none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET

from engine.domain.state import ChargePoint
from engine.errors import Invalid, NotSupported
from engine.ocpp import intents_device as want
from engine.ocpp import variable_names
from engine.ocpp.blocks.device_model import DEFAULT_ATTRIBUTE, name_of
from engine.ocpp.intents import Intent, Result, Verdict, overall, verdict_of
from engine.ocpp.phrases import Phrase, Said, given, hash_document, once, plain, reason_of, settled, told
from engine.ocpp.phrases_v2x import V201, attribute_of, in_parts, since_v21, token

SILENT: Final = Result(verdict=Verdict.REJECTED, word="Rejected")  # for what the station said nothing of
DISPLAY: Final = "Display"  # the standard component that a message for one of several displays names
# What 2.1 added to 2.0.1's enumerations.
FORMATS_V21: Final = frozenset({"QRCODE"})
STATES_V21: Final = frozenset({"Suspended", "Discharging"})
MONITORS_V21: Final = frozenset({"TargetDelta", "TargetDeltaRelative"})
PURPOSES_V21: Final = frozenset({"PriorityCharging", "LocalGeneration"})
# OCPPVersionEnumType: 2.0.1 went by the name of 2.0 in its own schema, and knew of no later one.
VERSIONS: Final[Mapping[str, Mapping[str, str]]] = {
    V201: {"ocpp1.6": "OCPP16", "ocpp2.0.1": "OCPP20"},
    "ocpp2.1": {"ocpp1.6": "OCPP16", "ocpp2.0.1": "OCPP201", "ocpp2.1": "OCPP21"},
}


# --- display -----------------------------------------------------------------------------------------------


def _show(intent: want.SetDisplayMessage, cp: ChargePoint) -> Sequence[Said]:
    since_v21(cp, intent.others, "messages in several languages")
    since_v21(cp, intent.state in STATES_V21, f"messages for the state {intent.state}")
    since_v21(cp, intent.wording.format in FORMATS_V21, f"messages of format {intent.wording.format}")
    display = {"name": DISPLAY, "evse": {"id": intent.evse_number}} if intent.evse_number else None
    message = given(
        display=display,
        id=intent.message_id,
        priority=intent.priority,
        state=intent.state,
        startDateTime=intent.begins_at,
        endDateTime=intent.ends_at,
        transactionId=intent.transaction_id,
        message=_wording(intent.wording),
        messageExtra=[_wording(wording) for wording in intent.others] or None,
    )
    return [("SetDisplayMessage", {"message": message})]


def _wording(wording: want.Wording) -> Mapping[str, Any]:
    return given(format=wording.format, language=wording.language, content=wording.content)


def _get_messages(intent: want.GetDisplayMessages, cp: ChargePoint) -> Sequence[Said]:
    since_v21(cp, intent.state in STATES_V21, f"messages for the state {intent.state}")
    members = given(
        id=list(intent.message_ids) or None,
        requestId=intent.request_id,
        priority=intent.priority,
        state=intent.state,
    )
    return [("GetDisplayMessages", members)]


def _clear_message(intent: want.ClearDisplayMessage, _cp: ChargePoint) -> Sequence[Said]:
    return [("ClearDisplayMessage", {"id": intent.message_id})]


# --- monitoring --------------------------------------------------------------------------------------------


def _set_monitors(intent: want.SetMonitors, cp: ChargePoint) -> Sequence[Said]:
    items = [_monitor(monitor, cp) for monitor in intent.monitors]
    action = "SetVariableMonitoring"
    return [(action, {"setMonitoringData": part}) for part in in_parts(action, items, cp)]


def _monitor(monitor: want.Monitor, cp: ChargePoint) -> Mapping[str, Any]:
    since_v21(cp, monitor.type in MONITORS_V21, f"{monitor.type} monitors")
    since_v21(cp, monitor.stream, "event streams")
    stream = monitor.stream
    return given(
        id=monitor.monitor_id,
        periodicEventStream=given(interval=stream.interval, values=stream.values) if stream else None,
        transaction=monitor.transaction or None,
        value=monitor.value,
        type=monitor.type,
        severity=monitor.severity,
        **_variable(monitor.variable),
    )


def _variable(name: str) -> Mapping[str, Any]:
    """The members `component` and `variable`."""
    wanted = attribute_of(name)
    if wanted.attribute != DEFAULT_ATTRIBUTE:
        raise Invalid(f"{name!r} names an attribute", {name: ["must name a variable as a whole"]})
    return variable_names.document(wanted)


def _named(name: str) -> Mapping[str, Any]:
    """The same; without a slash, a component with all its variables."""
    return _variable(name) if "/" in name else {"component": _variable(f"{name}/-")["component"]}


def _monitors_set(intent: want.SetMonitors, answers: Sequence[Any]) -> Result:
    found = {
        (name_of(one.component, one.variable).folded(), one.type, one.severity): one
        for answer in answers
        for one in answer.set_monitoring_result
    }
    outcomes = tuple(
        _outcome(monitor, found.get(_key(monitor.variable, monitor.type, monitor.severity)))
        for monitor in intent.monitors
    )
    verdicts = [outcome.verdict for outcome in outcomes]
    single = outcomes[0] if len(outcomes) == 1 else None
    some = overall(verdicts)
    return want.MonitorsSet(
        verdict=some if single or some is Verdict.ACCEPTED else Verdict.REJECTED,
        word=single.word if single else "",
        reason=single.reason if single else None,
        outcomes=outcomes,
    )


def _key(variable: str, kind: str, severity: int) -> tuple[Any, str, int]:
    return attribute_of(variable).name.folded(), kind, severity


def _outcome(monitor: want.Monitor, result: Any) -> want.MonitorOutcome:
    word = result.status if result is not None else SILENT.word
    return want.MonitorOutcome(
        variable=monitor.variable,
        type=monitor.type,
        severity=monitor.severity,
        verdict=verdict_of(word),
        word=word,
        reason=reason_of(result.status_info) if result is not None else None,
        monitor_id=result.id if word == "Accepted" and result.id is not UNSET else None,
    )


def _clear_monitors(intent: want.ClearMonitors, cp: ChargePoint) -> Sequence[Said]:
    action = "ClearVariableMonitoring"
    return [(action, {"id": part}) for part in in_parts(action, once(intent.monitor_ids), cp)]


def _monitors_cleared(intent: want.ClearMonitors, answers: Sequence[Any]) -> Result:
    found = {one.id: one for answer in answers for one in answer.clear_monitoring_result}
    return settled(
        (str(number), told(found[number]) if number in found else SILENT) for number in intent.monitor_ids
    )


def _report_monitors(intent: want.ReportMonitors, _cp: ChargePoint) -> Sequence[Said]:
    members = given(
        componentVariable=[_named(name) for name in intent.variables] or None,
        requestId=intent.request_id,
        monitoringCriteria=[f"{kind}Monitoring" for kind in intent.kinds] or None,
    )
    return [("GetMonitoringReport", members)]


def _monitoring_base(intent: want.SetMonitoringBase, _cp: ChargePoint) -> Sequence[Said]:
    return [("SetMonitoringBase", {"monitoringBase": intent.base})]


def _monitoring_level(intent: want.SetMonitoringLevel, _cp: ChargePoint) -> Sequence[Said]:
    return [("SetMonitoringLevel", {"severity": intent.severity})]


# --- reports -----------------------------------------------------------------------------------------------


def _report_variables(intent: want.ReportVariables, _cp: ChargePoint) -> Sequence[Said]:
    members = given(
        componentVariable=[_named(name) for name in intent.variables] or None,
        requestId=intent.request_id,
        componentCriteria=list(intent.conditions) or None,
    )
    return [("GetReport", members)]


def _report_profiles(intent: want.ReportProfiles, cp: ChargePoint) -> Sequence[Said]:
    since_v21(cp, intent.purpose in PURPOSES_V21, f"charging profiles for {intent.purpose}")
    criteria = given(
        chargingProfilePurpose=intent.purpose,
        stackLevel=intent.stack_level,
        chargingProfileId=list(intent.profile_ids) or None,
        chargingLimitSource=list(intent.sources) or None,
    )
    members = given(requestId=intent.request_id, evseId=intent.evse_number, chargingProfile=criteria)
    return [("GetChargingProfiles", members)]


def _customer(intent: want.CustomerInformation, _cp: ChargePoint) -> Sequence[Said]:
    if intent.additional_info and intent.id_tag is None:
        raise Invalid("additionalInfo is of an id tag", {"additionalInfo": ["needs idTag"]})
    members = given(
        customerCertificate=hash_document(intent.certificate) if intent.certificate else None,
        idToken=token(intent.id_tag, intent.id_type, intent.additional_info)
        if intent.id_tag is not None
        else None,
        requestId=intent.request_id,
        report=intent.report,
        clear=intent.clear,
        customerIdentifier=intent.customer,
    )
    return [("CustomerInformation", members)]


# --- connection and firmware -------------------------------------------------------------------------------


def _network_profile(intent: want.SetNetworkProfile, cp: ChargePoint) -> Sequence[Said]:
    older = cp.version == V201
    since_v21(cp, intent.interface is None, "profile for any interface")
    since_v21(cp, intent.identity or intent.password, "identity or password in a network profile")
    version = intent.version or (cp.version if older else None)  # of no use since 2.1, where it may be absent
    if version is not None and version not in VERSIONS[cp.version]:
        raise NotSupported(f"OCPP 2.0.1 has no profile for {version}")
    profile = given(
        apn=intent.apn,
        ocppVersion=VERSIONS[cp.version][version] if version else None,
        ocppInterface=intent.interface or "Any",
        ocppTransport="JSON",
        messageTimeout=intent.message_timeout,
        ocppCsmsUrl=intent.url,
        securityProfile=intent.security_profile,
        identity=intent.identity,
        basicAuthPassword=intent.password,
        vpn=intent.vpn,
    )
    return [("SetNetworkProfile", {"configurationSlot": intent.slot, "connectionData": profile})]


def _publish(intent: want.PublishFirmware, _cp: ChargePoint) -> Sequence[Said]:
    members = given(
        location=intent.location,
        retries=intent.retries,
        checksum=intent.checksum,
        requestId=intent.request_id,
        retryInterval=intent.retry_interval,
    )
    return [("PublishFirmware", members)]


def _unpublish(intent: want.UnpublishFirmware, _cp: ChargePoint) -> Sequence[Said]:
    return [("UnpublishFirmware", {"checksum": intent.checksum})]


PHRASES: Final[Mapping[type[Intent], Phrase]] = {
    want.ClearDisplayMessage: Phrase(say=_clear_message, read=plain),
    want.ClearMonitors: Phrase(say=_clear_monitors, read=_monitors_cleared),
    want.CustomerInformation: Phrase(say=_customer, read=plain),
    want.GetDisplayMessages: Phrase(say=_get_messages, read=plain),
    want.PublishFirmware: Phrase(say=_publish, read=plain),
    want.ReportMonitors: Phrase(say=_report_monitors, read=plain),
    want.ReportProfiles: Phrase(say=_report_profiles, read=plain),
    want.ReportVariables: Phrase(say=_report_variables, read=plain),
    want.SetDisplayMessage: Phrase(say=_show, read=plain),
    want.SetMonitoringBase: Phrase(say=_monitoring_base, read=plain),
    want.SetMonitoringLevel: Phrase(say=_monitoring_level, read=plain),
    want.SetMonitors: Phrase(say=_set_monitors, read=_monitors_set),
    want.SetNetworkProfile: Phrase(say=_network_profile, read=plain),
    want.UnpublishFirmware: Phrase(say=_unpublish, read=plain),
}
