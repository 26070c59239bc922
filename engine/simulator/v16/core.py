"""Core, local list, reservation and trigger commands of a 1.6 charger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.ocpp.messages import v16
from engine.simulator.connector import Connector, Reservation, set_availability
from engine.simulator.v16 import jobs, profiles
from engine.simulator.v16.configuration import MOST_KEYS
from engine.simulator.v16.reply import Reply, among, connector_of
from engine.simulator.v16.smart_charging import fits

if TYPE_CHECKING:
    from engine.simulator.v16.charger import Charger16


# Core


def change_availability(charger: Charger16, request: v16.ChangeAvailability) -> Reply:
    """OCPP 1.6 §5.2"""
    concerned = among(charger, request.connector_id)
    if not concerned:
        return Reply(v16.ChangeAvailabilityResponse(status="Rejected"))
    scheduled = set_availability(concerned, request.type == "Operative")

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
        charger.uplink.next_password = request.value
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
    wrong = profile is not None and (profile.purpose != "transaction" or not fits(profile))
    if connector is None or wrong or not charger.registration.accepted:
        return Reply(v16.RemoteStartTransactionResponse(status="Rejected"))

    async def start() -> None:
        parent = None
        if charger.configuration.flag("AuthorizeRemoteTxRequests"):
            permit = await charger.authorize(request.id_tag)
            if permit.status != "Accepted":
                return
            parent = permit.group
        if charger.admit(connector, request.id_tag, parent, profile) and not connector.plugged:
            connector.invited.set()

    return Reply(v16.RemoteStartTransactionResponse(status="Accepted"), start)


def _to_start(charger: Charger16, request: v16.RemoteStartTransaction) -> Connector | None:
    """The connector named, or the best one: with the cable in already, else the first that is free."""
    concerned = among(charger, request.connector_id) if request.connector_id else charger.connectors
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
    connector = connector_of(charger, request.connector_id)
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
    connector = connector_of(charger, request.connector_id)
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


# Remote trigger


def trigger_message(charger: Charger16, request: v16.TriggerMessage) -> Reply:
    """OCPP 1.6 §5.17"""
    job = jobs.triggered(charger, request.requested_message, request.connector_id or 0)
    return Reply(v16.TriggerMessageResponse(status="Accepted" if job else "Rejected"), job)


def extended_trigger_message(charger: Charger16, request: v16.ExtendedTriggerMessage) -> Reply:
    """Security whitepaper, ExtendedTriggerMessage"""
    job = jobs.triggered(charger, request.requested_message, request.connector_id or 0)
    return Reply(v16.ExtendedTriggerMessageResponse(status="Accepted" if job else "Rejected"), job)
