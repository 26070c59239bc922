"""What a 2.x station does from afar: start, stop, unlock, trigger (E14, F)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.simulator.v2x import jobs
from engine.simulator.v2x.reply import Reply, among, connector_of, running, status
from engine.simulator.v2x.smart_charging import profile_of
from engine.simulator.v2x.transactions import RemoteStart

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x


def request_start(charger: Charger2x, request: Any) -> Reply:
    """F01, F02"""
    concerned = among(charger, request.evse_id or 0)
    tag, group = request.id_token.id_token, None
    free = [c for c in concerned if c.usable and not (c.reservation and c.reservation.id_tag != tag)]
    connector = max(free, key=lambda c: c.plugged, default=None)
    profile = profile_of(charger, request.charging_profile) if request.charging_profile else None
    if (
        connector is None
        or not charger.registration.accepted
        or (profile and profile.purpose != "transaction")
    ):
        return status("Rejected")
    if request.group_id_token:
        group = request.group_id_token.id_token

    async def start() -> None:
        invitation = RemoteStart(request.remote_start_id, request.id_token.type)
        charger.transactions.remote_starts[connector.number] = invitation
        if charger.admit(connector, tag, group, profile) and not connector.plugged:
            connector.invited.set()

    return status("Accepted", start)


def request_stop(charger: Charger2x, request: Any) -> Reply:
    """F03"""
    connector = running(charger, request.transaction_id)
    if connector is None:
        return status("Rejected")
    expected = connector.entry

    async def stop() -> None:
        if connector.entry is expected:
            charger.stop(connector, "Remote")

    return status("Accepted", stop)


def unlock(charger: Charger2x, request: Any) -> Reply:
    """F05"""
    connector = connector_of(charger, request.evse_id)
    if connector is None or request.connector_id != 1:
        return status("UnknownConnector")
    return status("Unlocked" if connector.entry is None else "OngoingAuthorizedTransaction")


def trigger(charger: Charger2x, request: Any) -> Reply:
    """F06"""
    evse = request.evse.id if request.evse else 0
    if evse and connector_of(charger, evse) is None:
        return status("Rejected")
    if request.requested_message == "StatusNotification" and not (request.evse and request.evse.connector_id):
        return status("Rejected")  # F06.FR.12: it has to name a connector
    job = jobs.triggered(charger, request.requested_message, evse)
    return status("Accepted" if job else "NotImplemented", job)


def transaction_status(charger: Charger2x, request: Any) -> Reply:
    """E14"""
    wanted = request.transaction_id or None
    members: dict[str, Any] = {"messagesInQueue": charger.transactions.waiting(wanted)}
    if wanted is not None:
        running = (c.entry.transaction_id for c in charger.connectors if c.entry)
        members["ongoingIndicator"] = wanted in running
    return Reply(members)
