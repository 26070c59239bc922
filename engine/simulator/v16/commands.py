"""What an OCPP 1.6 charger does when the server calls: one function per action, in one table.

A function takes the charger and the typed request and returns the response, and the work that follows it, if
any.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from engine.ocpp.messages import v16
from engine.ocpp.step import Message
from engine.simulator.charger import ENCODER
from engine.simulator.connector import Connector, Reservation
from engine.simulator.limits import PURPOSES, Profile
from engine.simulator.link import Answer, Refusal
from engine.simulator.v16 import jobs, profiles
from engine.simulator.v16.certificates import is_certificate
from engine.simulator.v16.configuration import MOST_KEYS, MOST_PERIODS, MOST_PROFILES, MOST_STACK_LEVEL

if TYPE_CHECKING:
    from engine.simulator.v16.charger import Charger16

Job = Callable[[], Awaitable[None]]


class Reply(NamedTuple):
    """A response, and a job that starts once it is sent."""

    response: Message
    then: Job | None = None


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
    return Answer(ENCODER.encode(reply.response), None if then is None else lambda: charger.spawn(then))


def _connector(charger: Charger16, number: int) -> Connector | None:
    return charger.connectors[number - 1] if 1 <= number <= len(charger.connectors) else None


def _among(charger: Charger16, number: int) -> list[Connector]:
    """The connectors meant by a number, where 0 means all."""
    one = _connector(charger, number)
    return list(charger.connectors) if number == 0 else [one] if one else []


# Core


def change_availability(charger: Charger16, request: v16.ChangeAvailability) -> Reply:
    """OCPP 1.6 §5.2"""
    concerned = _among(charger, request.connector_id)
    if not concerned:
        return Reply(v16.ChangeAvailabilityResponse(status="Rejected"))
    operative = request.type == "Operative"
    scheduled = False
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
        if request.connector_id == 0:
            charger.notify(charger.status_notification(0))

    return Reply(v16.ChangeAvailabilityResponse(status="Scheduled" if scheduled else "Accepted"), report)


def change_configuration(charger: Charger16, request: v16.ChangeConfiguration) -> Reply:
    """OCPP 1.6 §5.3"""
    status = charger.configuration.change(request.key, request.value)
    if status == "Accepted" and request.key == "AuthorizationKey":
        charger.next_password = request.value
    return Reply(v16.ChangeConfigurationResponse(status=status))


def clear_cache(charger: Charger16, _request: v16.ClearCache) -> Reply:
    """OCPP 1.6 §5.4"""
    enabled = charger.configuration.flag("AuthorizationCacheEnabled")
    if enabled:
        charger.knowledge.forget()
    return Reply(v16.ClearCacheResponse(status="Accepted" if enabled else "Rejected"))


def data_transfer(charger: Charger16, request: v16.DataTransfer) -> Reply:
    """OCPP 1.6 §5.6: one message of our own, which echoes."""
    if request.vendor_id != charger.hardware.vendor:
        return Reply(v16.DataTransferResponse(status="UnknownVendorId"))
    if request.message_id != "Echo":
        return Reply(v16.DataTransferResponse(status="UnknownMessageId"))
    return Reply(v16.DataTransferResponse(status="Accepted", data=request.data))


def get_configuration(charger: Charger16, request: v16.GetConfiguration) -> Reply:
    """OCPP 1.6 §5.8"""
    known, unknown = charger.configuration.get((request.key or [])[:MOST_KEYS])
    more: dict[str, Any] = {"unknown_key": unknown} if unknown else {}
    return Reply(v16.GetConfigurationResponse(configuration_key=known, **more))


def remote_start(charger: Charger16, request: v16.RemoteStartTransaction) -> Reply:
    """OCPP 1.6 §5.11"""
    connector = _to_start(charger, request)
    profile = profiles.from_message(request.charging_profile) if request.charging_profile else None
    wrong = profile is not None and (profile.purpose != "transaction" or not _fits(profile))
    if connector is None or wrong or not charger.accepted:
        return Reply(v16.RemoteStartTransactionResponse(status="Rejected"))

    async def start() -> None:
        parent = None
        if charger.configuration.flag("AuthorizeRemoteTxRequests"):
            info = await charger.authorize(request.id_tag)
            if info.status != "Accepted":
                return
            parent = info.parent_id_tag or None
        if charger.admit(connector, request.id_tag, parent, profile) and not connector.plugged:
            connector.invited.set()

    return Reply(v16.RemoteStartTransactionResponse(status="Accepted"), start)


def _to_start(charger: Charger16, request: v16.RemoteStartTransaction) -> Connector | None:
    """The connector named, or the best one: with the cable in already, else the first that is free."""
    concerned = _among(charger, request.connector_id) if request.connector_id else charger.connectors
    free = [
        c for c in concerned if c.usable and not (c.reservation and c.reservation.id_tag != request.id_tag)
    ]
    return max(free, key=lambda c: c.plugged, default=None)


def remote_stop(charger: Charger16, request: v16.RemoteStopTransaction) -> Reply:
    """OCPP 1.6 §5.12"""
    for connector in charger.connectors:
        entry = connector.entry
        if entry is not None and entry.transaction_id == request.transaction_id:

            async def stop(connector: Connector = connector, expected: object = entry) -> None:
                if connector.entry is expected:
                    charger.stop(connector, "Remote")

            return Reply(v16.RemoteStopTransactionResponse(status="Accepted"), stop)
    return Reply(v16.RemoteStopTransactionResponse(status="Rejected"))


def reset(charger: Charger16, request: v16.Reset) -> Reply:
    """OCPP 1.6 §5.14"""
    hard = request.type == "Hard"

    async def restart() -> None:
        await charger.restart(
            "HardReset" if hard else "SoftReset", 0.0 if hard else 10.0, 30.0 if hard else 15.0
        )

    return Reply(v16.ResetResponse(status="Accepted"), restart)


def unlock_connector(charger: Charger16, request: v16.UnlockConnector) -> Reply:
    """OCPP 1.6 §5.18"""
    connector = _connector(charger, request.connector_id)
    if connector is None:
        return Reply(v16.UnlockConnectorResponse(status="NotSupported"))

    async def stop() -> None:
        charger.stop(connector, "UnlockCommand")

    return Reply(v16.UnlockConnectorResponse(status="Unlocked"), stop)


# Local authorization list


def get_local_list_version(charger: Charger16, _request: v16.GetLocalListVersion) -> Reply:
    """OCPP 1.6 §5.10; −1 where there is no such list"""
    enabled = charger.configuration.flag("LocalAuthListEnabled")
    return Reply(v16.GetLocalListVersionResponse(list_version=charger.knowledge.version if enabled else -1))


def send_local_list(charger: Charger16, request: v16.SendLocalList) -> Reply:
    """OCPP 1.6 §5.15"""
    entries = request.local_authorization_list or []
    status = charger.knowledge.update(request.list_version, entries, request.update_type == "Full")
    return Reply(v16.SendLocalListResponse(status=status))


# Reservation


def reserve_now(charger: Charger16, request: v16.ReserveNow) -> Reply:
    """OCPP 1.6 §5.13"""
    connector = _connector(charger, request.connector_id)
    if connector is None or request.expiry_date <= charger.clock.now():
        return Reply(v16.ReserveNowResponse(status="Rejected"))
    if connector.fault is not None:
        return Reply(v16.ReserveNowResponse(status="Faulted"))
    if not connector.operative:
        return Reply(v16.ReserveNowResponse(status="Unavailable"))
    held = connector.reservation is not None and connector.reservation.id != request.reservation_id
    if held or connector.entry is not None or connector.plugged or connector.claim is not None:
        return Reply(v16.ReserveNowResponse(status="Occupied"))
    for other in charger.connectors:
        if other.reservation is not None and other.reservation.id == request.reservation_id:
            other.reservation = None
    connector.reservation = Reservation(
        request.reservation_id, request.id_tag, request.parent_id_tag or None, request.expiry_date
    )

    async def report() -> None:
        for each in charger.connectors:
            charger.observe(each)

    return Reply(v16.ReserveNowResponse(status="Accepted"), report)


def cancel_reservation(charger: Charger16, request: v16.CancelReservation) -> Reply:
    """OCPP 1.6 §5.1"""
    for connector in charger.connectors:
        if connector.reservation is not None and connector.reservation.id == request.reservation_id:
            connector.reservation = None

            async def report(connector: Connector = connector) -> None:
                charger.observe(connector)

            return Reply(v16.CancelReservationResponse(status="Accepted"), report)
    return Reply(v16.CancelReservationResponse(status="Rejected"))


# Smart charging


def _fits(profile: Profile) -> bool:
    """Whether this charger can hold such a profile at all."""
    starts = [period.start for period in profile.periods]
    ordered = starts == sorted(set(starts)) and starts[:1] == [0]
    return ordered and len(starts) <= MOST_PERIODS and 0 <= profile.stack <= MOST_STACK_LEVEL


def set_charging_profile(charger: Charger16, request: v16.SetChargingProfile) -> Reply:
    """OCPP 1.6 §5.16"""
    profile = profiles.from_message(request.cs_charging_profiles)
    connector = _connector(charger, request.connector_id)
    allowed = _fits(profile) and len(charger.profiles) < MOST_PROFILES
    match profile.purpose:
        case "station":
            allowed = allowed and request.connector_id == 0 and profile.kind != "relative"
        case "default":
            allowed = allowed and (request.connector_id == 0 or connector is not None)
        case "transaction":
            entry = connector.entry if connector else None
            named = profile.transaction
            allowed = allowed and entry is not None and named in (None, entry.transaction_id)
    if not allowed:
        return Reply(v16.SetChargingProfileResponse(status="Rejected"))
    _settle(charger)
    charger.profiles.install(request.connector_id, profile)

    async def report() -> None:
        for each in charger.connectors:
            charger.observe(each)

    return Reply(v16.SetChargingProfileResponse(status="Accepted"), report)


def _settle(charger: Charger16) -> None:
    """Bring the meters up to now, before the limits change."""
    for connector in charger.connectors:
        connector.outlet.advance(charger.time.elapsed())


def clear_charging_profile(charger: Charger16, request: v16.ClearChargingProfile) -> Reply:
    """OCPP 1.6 §5.5"""
    _settle(charger)
    purpose = request.charging_profile_purpose
    cleared = charger.profiles.clear(
        id_=None if request.id is msgspec.UNSET else request.id,
        connector=None if request.connector_id is msgspec.UNSET else request.connector_id,
        purpose=PURPOSES[purpose] if purpose else None,
        stack=None if request.stack_level is msgspec.UNSET else request.stack_level,
    )
    return Reply(v16.ClearChargingProfileResponse(status="Accepted" if cleared else "Unknown"))


def get_composite_schedule(charger: Charger16, request: v16.GetCompositeSchedule) -> Reply:
    """OCPP 1.6 §5.7"""
    if request.connector_id and _connector(charger, request.connector_id) is None:
        return Reply(v16.GetCompositeScheduleResponse(status="Rejected"))
    connector = _connector(charger, request.connector_id)
    since, unit = charger.clock.now(), request.charging_rate_unit or "W"
    began = connector.began if connector else None
    periods = charger.profiles.composite(request.connector_id, since, request.duration, unit, began)
    return Reply(
        v16.GetCompositeScheduleResponse(
            status="Accepted",
            connector_id=request.connector_id,
            schedule_start=since,
            charging_schedule=profiles.schedule(periods, since, request.duration, unit),
        )
    )


# Remote trigger


def trigger_message(charger: Charger16, request: v16.TriggerMessage) -> Reply:
    """OCPP 1.6 §5.17"""
    job = jobs.triggered(charger, request.requested_message, request.connector_id or 0)
    return Reply(v16.TriggerMessageResponse(status="Accepted" if job else "Rejected"), job)


def extended_trigger_message(charger: Charger16, request: v16.ExtendedTriggerMessage) -> Reply:
    """Security whitepaper, ExtendedTriggerMessage"""
    job = jobs.triggered(charger, request.requested_message, request.connector_id or 0)
    return Reply(v16.ExtendedTriggerMessageResponse(status="Accepted" if job else "Rejected"), job)


# Firmware, diagnostics, logs


def get_diagnostics(charger: Charger16, _request: v16.GetDiagnostics) -> Reply:
    """OCPP 1.6 §5.9"""
    name = f"{charger.identity}-{charger.clock.now():%Y%m%dT%H%M%S}.zip"[-255:]
    return Reply(v16.GetDiagnosticsResponse(file_name=name), lambda: jobs.diagnostics(charger))


def update_firmware(charger: Charger16, request: v16.UpdateFirmware) -> Reply:
    """OCPP 1.6 §5.19"""
    return Reply(v16.UpdateFirmwareResponse(), lambda: jobs.firmware(charger, request.retrieve_date))


def get_log(charger: Charger16, request: v16.GetLog) -> Reply:
    """Security whitepaper, GetLog"""
    busy = charger.activities.get("log") == "Uploading"
    name = f"{charger.identity}-{request.log_type}-{request.request_id}.log"[-255:]
    status = "AcceptedCanceled" if busy else "Accepted"
    response = v16.GetLogResponse(status=status, filename=name)  # type: ignore[arg-type]  # both are in the enumeration
    return Reply(response, lambda: jobs.log(charger, request.request_id))


def signed_update_firmware(charger: Charger16, request: v16.SignedUpdateFirmware) -> Reply:
    """Security whitepaper, SignedUpdateFirmware"""
    firmware = request.firmware
    if not is_certificate(firmware.signing_certificate):

        async def report() -> None:
            charger.notify(
                v16.SecurityEventNotification(
                    type="InvalidFirmwareSigningCertificate", timestamp=charger.clock.now()
                )
            )

        return Reply(v16.SignedUpdateFirmwareResponse(status="InvalidCertificate"), report)
    return Reply(
        v16.SignedUpdateFirmwareResponse(status="Accepted"),
        lambda: jobs.signed_firmware(charger, request.request_id, firmware.retrieve_date_time),
    )


# Certificates


def certificate_signed(charger: Charger16, request: v16.CertificateSigned) -> Reply:
    """Security whitepaper, CertificateSigned"""
    taken = charger.certificates.take_signed(request.certificate_chain)
    if taken:
        return Reply(v16.CertificateSignedResponse(status="Accepted"))

    async def report() -> None:
        charger.notify(
            v16.SecurityEventNotification(type="InvalidChargePointCertificate", timestamp=charger.clock.now())
        )

    return Reply(v16.CertificateSignedResponse(status="Rejected"), report)


def install_certificate(charger: Charger16, request: v16.InstallCertificate) -> Reply:
    """Security whitepaper, InstallCertificate"""
    status = charger.certificates.install(request.certificate_type, request.certificate)
    return Reply(v16.InstallCertificateResponse(status=status))


def get_installed_certificate_ids(charger: Charger16, request: v16.GetInstalledCertificateIds) -> Reply:
    """Security whitepaper, GetInstalledCertificateIds"""
    installed = charger.certificates.installed(request.certificate_type)
    if not installed:
        return Reply(v16.GetInstalledCertificateIdsResponse(status="NotFound"))
    return Reply(v16.GetInstalledCertificateIdsResponse(status="Accepted", certificate_hash_data=installed))


def delete_certificate(charger: Charger16, request: v16.DeleteCertificate) -> Reply:
    """Security whitepaper, DeleteCertificate"""
    deleted = charger.certificates.delete(request.certificate_hash_data)
    return Reply(v16.DeleteCertificateResponse(status="Accepted" if deleted else "NotFound"))


COMMANDS: Final[Mapping[str, Callable[[Charger16, Any], Reply]]] = {
    "CancelReservation": cancel_reservation,
    "CertificateSigned": certificate_signed,
    "ChangeAvailability": change_availability,
    "ChangeConfiguration": change_configuration,
    "ClearCache": clear_cache,
    "ClearChargingProfile": clear_charging_profile,
    "DataTransfer": data_transfer,
    "DeleteCertificate": delete_certificate,
    "ExtendedTriggerMessage": extended_trigger_message,
    "GetCompositeSchedule": get_composite_schedule,
    "GetConfiguration": get_configuration,
    "GetDiagnostics": get_diagnostics,
    "GetInstalledCertificateIds": get_installed_certificate_ids,
    "GetLocalListVersion": get_local_list_version,
    "GetLog": get_log,
    "InstallCertificate": install_certificate,
    "RemoteStartTransaction": remote_start,
    "RemoteStopTransaction": remote_stop,
    "ReserveNow": reserve_now,
    "Reset": reset,
    "SendLocalList": send_local_list,
    "SetChargingProfile": set_charging_profile,
    "SignedUpdateFirmware": signed_update_firmware,
    "TriggerMessage": trigger_message,
    "UnlockConnector": unlock_connector,
    "UpdateFirmware": update_firmware,
}
