"""Availability, reservations and lists of tokens in a 2.x station (C, D, G, H)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.simulator.connector import Reservation, set_availability
from engine.simulator.v2x.reply import Reply, among, look, status

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x


def change_availability(charger: Charger2x, request: Any) -> Reply:
    """G03, G04"""
    concerned = among(charger, request.evse.id if request.evse else 0)
    if not concerned:
        return status("Rejected")
    scheduled = set_availability(concerned, request.operational_status == "Operative")

    async def report() -> None:
        for connector in concerned:
            charger.observe(connector)

    return status("Scheduled" if scheduled else "Accepted", report)


def reserve_now(charger: Charger2x, request: Any) -> Reply:
    """H01"""
    concerned = among(charger, request.evse_id or 0)
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
    return status("Accepted", lambda: look(charger))


def cancel_reservation(charger: Charger2x, request: Any) -> Reply:
    """H02"""
    for connector in charger.connectors:
        if connector.reservation is not None and connector.reservation.id == request.reservation_id:
            connector.reservation = None
            return status("Accepted", lambda: look(charger))
    return status("Rejected")


def clear_cache(charger: Charger2x, _request: Any) -> Reply:
    """C11"""
    charger.knowledge.forget()
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
