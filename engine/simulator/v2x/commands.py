"""What an OCPP 2.x station does when the server calls: one function per action, in one table.

A function takes the charger and the typed request and returns the members of the response, and the work that
follows it, if any. What is not in the table is answered NotSupported.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from msgspec import UNSET

from engine.ocpp.messages import decode_hook
from engine.simulator.charger import ENCODER
from engine.simulator.connector import Connector, Reservation
from engine.simulator.limits import PURPOSES, Kind, Period, Profile, Unit
from engine.simulator.link import Answer, Refusal
from engine.simulator.v2x import jobs
from engine.simulator.v2x.variables import ITEMS_PER_MESSAGE, Variable
from engine.simulator.v16.certificates import is_certificate

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x

Job = Callable[[], Awaitable[None]]
MOST_PROFILES: Final = 20
KINDS: Final[Mapping[str, Kind]] = {"Absolute": "absolute", "Recurring": "recurring", "Relative": "relative"}
EVERY: Final = {"Daily": timedelta(days=1), "Weekly": timedelta(days=7)}


class Reply(NamedTuple):
    """The members of a response, and a job that starts once it is sent."""

    members: Mapping[str, Any]
    then: Job | None = None


def status(word: str, then: Job | None = None, **more: Any) -> Reply:
    return Reply({"status": word, **more}, then)


def answer(charger: Charger2x, action: str, payload: bytes) -> Answer | Refusal:
    """Decode, act, encode. What cannot be decoded strictly is refused, and so noted as the server's fault."""
    charger.world.counts.received[action] += 1
    command = COMMANDS.get(action)
    if command is None:
        return Refusal("NotSupported" if action in charger.messages else "NotImplemented", action)
    try:
        request = msgspec.json.decode(payload, type=charger.messages[action][0], dec_hook=decode_hook)
    except msgspec.DecodeError as error:
        return Refusal("FormatViolation", str(error))
    reply = command(charger, request)
    response = msgspec.convert(reply.members, charger.messages[action][1], dec_hook=decode_hook)
    then = reply.then
    return Answer(ENCODER.encode(response), None if then is None else lambda: charger.spawn(then))


def _connector(charger: Charger2x, evse: int) -> Connector | None:
    return charger.connectors[evse - 1] if 1 <= evse <= len(charger.connectors) else None


def _among(charger: Charger2x, evse: int) -> list[Connector]:
    """The connectors meant by an EVSE, where 0 means all."""
    one = _connector(charger, evse)
    return list(charger.connectors) if evse == 0 else [one] if one else []


# Provisioning


def get_base_report(charger: Charger2x, request: Any) -> Reply:
    """B07"""
    if request.report_base == "SummaryInventory":
        return status("NotSupported")

    async def report() -> None:
        parts = charger.variables.report()
        for number, part in enumerate(parts):
            charger.notify(
                "NotifyReport",
                requestId=request.request_id,
                generatedAt=charger.clock.now(),
                seqNo=number,
                tbc=number < len(parts) - 1,
                reportData=part,
            )

    return status("Accepted", report)


def get_variables(charger: Charger2x, request: Any) -> Reply:
    """B06"""
    results = []
    for wanted in request.get_variable_data:
        found = charger.variables.find(wanted.component, wanted.variable)
        told: dict[str, Any] = {"attributeStatus": found if isinstance(found, str) else "Accepted"}
        if isinstance(found, Variable):
            if found.secret:
                told = {"attributeStatus": "Rejected"}
            elif wanted.attribute_type not in (UNSET, "Actual"):
                told = {"attributeStatus": "NotSupportedAttributeType"}
            else:
                told["attributeValue"] = found.value
        results.append({**told, "component": wanted.component, "variable": wanted.variable})
    return Reply({"getVariableResult": results})


def set_variables(charger: Charger2x, request: Any) -> Reply:
    """B05"""
    if len(request.set_variable_data) > ITEMS_PER_MESSAGE:
        charger.complain("too-many-items", f"SetVariables with {len(request.set_variable_data)}", "")
    results = []
    for wanted in request.set_variable_data:
        attribute = wanted.attribute_type or "Actual"
        word = charger.variables.change(wanted.component, wanted.variable, attribute, wanted.attribute_value)
        results.append({"attributeStatus": word, "component": wanted.component, "variable": wanted.variable})
        if word == "Accepted" and wanted.variable.name.casefold() == "basicauthpassword":
            charger.next_password = wanted.attribute_value
    return Reply({"setVariableResult": results})


def reset(charger: Charger2x, request: Any) -> Reply:
    """B11, B12"""
    if request.evse_id:
        return status("Rejected")
    busy = any(connector.entry for connector in charger.connectors)
    if request.type == "OnIdle" and busy:

        async def later() -> None:
            for connector in charger.connectors:
                if connector.entry is not None:
                    await connector.ended.wait()
            await charger.restart("SoftReset", 10.0, 15.0)

        return status("Scheduled", later)

    async def restart() -> None:
        await charger.restart("SoftReset", 10.0, 15.0)

    return status("Accepted", restart)


# Remote control


def request_start(charger: Charger2x, request: Any) -> Reply:
    """F01, F02"""
    concerned = _among(charger, request.evse_id or 0)
    tag, group = request.id_token.id_token, None
    free = [c for c in concerned if c.usable and not (c.reservation and c.reservation.id_tag != tag)]
    connector = max(free, key=lambda c: c.plugged, default=None)
    profile = _profile(request.charging_profile) if request.charging_profile else None
    if connector is None or not charger.accepted or (profile and profile.purpose != "transaction"):
        return status("Rejected")
    if request.group_id_token:
        group = request.group_id_token.id_token

    async def start() -> None:
        charger.remote_starts[connector.number] = request.remote_start_id
        if charger.admit(connector, tag, group, profile) and not connector.plugged:
            connector.invited.set()

    return status("Accepted", start)


def request_stop(charger: Charger2x, request: Any) -> Reply:
    """F03"""
    for connector in charger.connectors:
        entry = connector.entry
        if entry is not None and entry.transaction_id == request.transaction_id:

            async def stop(connector: Connector = connector, expected: object = entry) -> None:
                if connector.entry is expected:
                    charger.stop(connector, "Remote")

            return status("Accepted", stop)
    return status("Rejected")


def unlock(charger: Charger2x, request: Any) -> Reply:
    """F05"""
    connector = _connector(charger, request.evse_id)
    if connector is None or request.connector_id != 1:
        return status("UnknownConnector")
    return status("Unlocked" if connector.entry is None else "OngoingAuthorizedTransaction")


def trigger(charger: Charger2x, request: Any) -> Reply:
    """F06"""
    evse = request.evse.id if request.evse else 0
    if evse and _connector(charger, evse) is None:
        return status("Rejected")
    if request.requested_message == "StatusNotification" and not (request.evse and request.evse.connector_id):
        return status("Rejected")  # F06.FR.12: it has to name a connector
    job = jobs.triggered(charger, request.requested_message, evse)
    return status("Accepted" if job else "NotImplemented", job)


def transaction_status(charger: Charger2x, request: Any) -> Reply:
    """E14"""
    wanted = request.transaction_id or None
    told: dict[str, Any] = {"messagesInQueue": charger.waiting(wanted)}
    if wanted is not None:
        running = (c.entry.transaction_id for c in charger.connectors if c.entry)
        told["ongoingIndicator"] = wanted in running
    return Reply(told)


# Availability, reservation, local list


def change_availability(charger: Charger2x, request: Any) -> Reply:
    """G03, G04"""
    concerned = _among(charger, request.evse.id if request.evse else 0)
    if not concerned:
        return status("Rejected")
    operative, scheduled = request.operational_status == "Operative", False
    for connector in concerned:
        connector.inoperative_after = False
        if operative or connector.entry is None:
            connector.operative = operative
            connector.claim = connector.claim if operative else None
        else:
            connector.inoperative_after = scheduled = True

    async def report() -> None:
        for connector in concerned:
            charger.observe(connector)

    return status("Scheduled" if scheduled else "Accepted", report)


def reserve_now(charger: Charger2x, request: Any) -> Reply:
    """H01"""
    concerned = _among(charger, request.evse_id or 0)
    if not concerned or request.expiry_date_time <= charger.clock.now():
        return status("Rejected")
    free = [c for c in concerned if c.usable and not c.plugged and c.claim is None]
    free = [c for c in free if c.reservation is None or c.reservation.id == request.id]
    if not free:
        faulted = all(c.fault is not None for c in concerned)
        gone = all(not c.operative for c in concerned)
        return status("Faulted" if faulted else "Unavailable" if gone else "Occupied")
    for connector in charger.connectors:
        if connector.reservation is not None and connector.reservation.id == request.id:
            connector.reservation = None
    group = request.group_id_token.id_token if request.group_id_token else None
    free[0].reservation = Reservation(request.id, request.id_token.id_token, group, request.expiry_date_time)
    return status("Accepted", lambda: _look(charger))


def cancel_reservation(charger: Charger2x, request: Any) -> Reply:
    """H02"""
    for connector in charger.connectors:
        if connector.reservation is not None and connector.reservation.id == request.reservation_id:
            connector.reservation = None
            return status("Accepted", lambda: _look(charger))
    return status("Rejected")


async def _look(charger: Charger2x) -> None:
    for connector in charger.connectors:
        charger.observe(connector)


def clear_cache(charger: Charger2x, _request: Any) -> Reply:
    """C11"""
    charger.forget()
    return status("Accepted")


def send_local_list(charger: Charger2x, request: Any) -> Reply:
    """D01: the version is kept; the tokens themselves are known from the cache."""
    if request.update_type == "Differential" and request.version_number <= charger.list_version:
        return status("VersionMismatch")
    charger.list_version = request.version_number
    return status("Accepted")


def local_list_version(charger: Charger2x, _request: Any) -> Reply:
    """D02"""
    return Reply({"versionNumber": charger.list_version})


# Smart charging


def _profile(profile: Any) -> Profile:
    schedule = profile.charging_schedule[0]
    recurring = profile.charging_profile_kind == "Recurring"
    return Profile(
        id=profile.id,
        stack=profile.stack_level,
        purpose=PURPOSES.get(profile.charging_profile_purpose, "default"),
        kind=KINDS.get(profile.charging_profile_kind, "relative"),
        unit=schedule.charging_rate_unit,
        periods=tuple(
            Period(period.start_period, float(period.limit or 0), period.number_phases or 3)
            for period in schedule.charging_schedule_period
        ),
        begin=schedule.start_schedule or None,
        duration=schedule.duration or None,
        every=EVERY[profile.recurrency_kind or "Daily"] if recurring else None,
        valid_from=profile.valid_from or None,
        valid_to=profile.valid_to or None,
        transaction=profile.transaction_id or None,
    )


def set_profile(charger: Charger2x, request: Any) -> Reply:
    """K01"""
    profile, connector = _profile(request.charging_profile), _connector(charger, request.evse_id)
    supported = request.charging_profile.charging_profile_purpose in PURPOSES
    allowed = supported and len(charger.profiles) < MOST_PROFILES
    allowed = allowed and (request.evse_id == 0 or connector is not None)
    if profile.purpose == "station":
        allowed = allowed and request.evse_id == 0
    if profile.purpose == "transaction":
        entry = connector.entry if connector else None
        allowed = allowed and entry is not None and profile.transaction == entry.transaction_id
    if not allowed:
        return status("Rejected")
    _settle(charger)
    charger.profiles.install(request.evse_id, profile)
    return status("Accepted", lambda: _look(charger))


def _settle(charger: Charger2x) -> None:
    """Bring the meters up to now, before the limits change."""
    for connector in charger.connectors:
        connector.outlet.advance(charger.time.elapsed())


def clear_profile(charger: Charger2x, request: Any) -> Reply:
    """K10"""
    _settle(charger)
    criteria = request.charging_profile_criteria or None
    purpose = criteria.charging_profile_purpose if criteria else UNSET
    if purpose and purpose not in PURPOSES:
        return status("Unknown")
    cleared = charger.profiles.clear(
        id_=None if request.charging_profile_id is UNSET else request.charging_profile_id,
        connector=None if criteria is None or criteria.evse_id is UNSET else criteria.evse_id,
        purpose=PURPOSES[purpose] if purpose else None,
        stack=None if criteria is None or criteria.stack_level is UNSET else criteria.stack_level,
    )
    return status("Accepted" if cleared else "Unknown")


def composite_schedule(charger: Charger2x, request: Any) -> Reply:
    """K08"""
    connector = _connector(charger, request.evse_id)
    if request.evse_id and connector is None:
        return status("Rejected")
    unit: Unit = request.charging_rate_unit or "W"
    since = charger.clock.now()
    began = connector.began if connector else None
    periods = charger.profiles.composite(request.evse_id, since, request.duration, unit, began)
    schedule = {
        "evseId": request.evse_id,
        "duration": request.duration,
        "scheduleStart": since,
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [
            {"startPeriod": period.start, "limit": period.limit, "numberPhases": period.phases}
            for period in periods
        ],
    }
    return status("Accepted", schedule=schedule)


# Certificates


def certificate_signed(charger: Charger2x, request: Any) -> Reply:
    """A02"""
    return status("Accepted" if charger.certificates.take_signed(request.certificate_chain) else "Rejected")


def install_certificate(charger: Charger2x, request: Any) -> Reply:
    """M05"""
    return status(charger.certificates.install(request.certificate_type, request.certificate))


ROOTS: Final = (
    "V2GRootCertificate",
    "MORootCertificate",
    "CSMSRootCertificate",
    "ManufacturerRootCertificate",
)


def installed_certificates(charger: Charger2x, request: Any) -> Reply:
    """M03"""
    chains = [
        {"certificateType": kind, "certificateHashData": msgspec.to_builtins(digest)}
        for kind in request.certificate_type or ROOTS
        for digest in charger.certificates.installed(kind)
    ]
    if not chains:
        return status("NotFound")
    return status("Accepted", certificateHashDataChain=chains)


def delete_certificate(charger: Charger2x, request: Any) -> Reply:
    """M04"""
    wanted = msgspec.to_builtins(request.certificate_hash_data)
    for kind in ROOTS:
        for digest in charger.certificates.installed(kind):
            if msgspec.to_builtins(digest) == wanted and charger.certificates.delete(digest):
                return status("Accepted")
    return status("NotFound")


# Firmware, logs, data


def get_log(charger: Charger2x, request: Any) -> Reply:
    """N01"""
    word = "AcceptedCanceled" if charger.activities.get("log") == "Uploading" else "Accepted"
    name = f"{charger.identity}-{request.log_type}-{request.request_id}.log"[-255:]
    return status(word, lambda: jobs.log(charger, request.request_id), filename=name)


def update_firmware(charger: Charger2x, request: Any) -> Reply:
    """L01, L02"""
    firmware = request.firmware
    if firmware.signing_certificate and not is_certificate(firmware.signing_certificate):

        async def report() -> None:
            charger.notify(
                "SecurityEventNotification",
                type="InvalidFirmwareSigningCertificate",
                timestamp=charger.clock.now(),
            )

        return status("InvalidCertificate", report)
    signed = bool(firmware.signing_certificate)
    job = jobs.firmware(charger, request.request_id, firmware.retrieve_date_time, signed)
    return status("Accepted", job)


def data_transfer(charger: Charger2x, request: Any) -> Reply:
    """P01: one message of our own, which echoes."""
    if request.vendor_id != charger.hardware.vendor:
        return status("UnknownVendorId")
    if request.message_id != "Echo":
        return status("UnknownMessageId")
    return status("Accepted", **({} if request.data is UNSET else {"data": request.data}))


def cost_updated(_charger: Charger2x, _request: Any) -> Reply:
    """I02"""
    return Reply({})


COMMANDS: Final[Mapping[str, Callable[[Charger2x, Any], Reply]]] = {
    "CancelReservation": cancel_reservation,
    "CertificateSigned": certificate_signed,
    "ChangeAvailability": change_availability,
    "ClearCache": clear_cache,
    "ClearChargingProfile": clear_profile,
    "CostUpdated": cost_updated,
    "DataTransfer": data_transfer,
    "DeleteCertificate": delete_certificate,
    "GetBaseReport": get_base_report,
    "GetCompositeSchedule": composite_schedule,
    "GetInstalledCertificateIds": installed_certificates,
    "GetLocalListVersion": local_list_version,
    "GetLog": get_log,
    "GetTransactionStatus": transaction_status,
    "GetVariables": get_variables,
    "InstallCertificate": install_certificate,
    "RequestStartTransaction": request_start,
    "RequestStopTransaction": request_stop,
    "ReserveNow": reserve_now,
    "Reset": reset,
    "SendLocalList": send_local_list,
    "SetChargingProfile": set_profile,
    "SetVariables": set_variables,
    "TriggerMessage": trigger,
    "UnlockConnector": unlock,
    "UpdateFirmware": update_firmware,
}
