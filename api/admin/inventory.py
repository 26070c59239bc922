"""What is known of a charge point's inside: variables, monitors, displays, profiles, certificates …"""

from __future__ import annotations

from typing import Any, Final, Literal

from api.admin.parents import OF_STATION
from api.kernel.listing import before, equal, same_text, since
from api.kernel.operations import Route
from api.kernel.resource import Resource
from api.shapes import inventory as shapes
from engine.domain.vocabulary import ReservationStatus
from engine.store import readings

ACTIVE: Final = {"active": equal("active")}  # true: those in force; false: those that were

variables: Final = Resource(
    "variable",
    shapes.Variable,
    readings.VARIABLES,
    filters={"component": same_text("component"), "variable": same_text("variable")},
)
monitors: Final = Resource("monitor", shapes.Monitor, readings.MONITORS, filters=ACTIVE)
display_messages: Final = Resource(
    "display message", shapes.DisplayMessage, readings.DISPLAY_MESSAGES, filters=ACTIVE
)
charging_profiles: Final = Resource(
    "charging profile", shapes.ChargingProfile, readings.CHARGING_PROFILES, filters=ACTIVE
)
charging_limits: Final = Resource(
    "charging limit", shapes.ChargingLimit, readings.CHARGING_LIMITS, filters=ACTIVE
)
reservations: Final = Resource(
    "reservation",
    shapes.Reservation,
    readings.RESERVATIONS,
    filters={"status": equal("status", ReservationStatus)},
)
certificate_requests: Final = Resource(
    "certificate request", shapes.CertificateRequest, readings.CERTIFICATE_REQUESTS
)
issued_certificates: Final = Resource("certificate", shapes.IssuedCertificate, readings.ISSUED_CERTIFICATES)
installations: Final = Resource("certificate", shapes.Installation, readings.INSTALLATIONS)
statuses: Final = Resource(
    "status",
    shapes.Status,
    readings.STATUSES,
    filters={
        "scope": equal("scope", Literal["network", "hardware"]),
        "from": since("at"),
        "until": before("at"),
    },
)


def _of_station(what: str, resource: Resource[Any], summary: str) -> Route:
    return resource.listing(f"/stations/<identity>/{what}", summary, within=OF_STATION)


ROUTES = (
    _of_station("variables", variables, "Variables of a station of OCPP 2.x, by name"),
    _of_station("monitors", monitors, "What a station watches, by number"),
    _of_station("display-messages", display_messages, "What a station's displays show, by number"),
    _of_station("charging-profiles", charging_profiles, "Charging profiles it holds, by EVSE and number"),
    _of_station("charging-limits", charging_limits, "Limits that others set, by EVSE and source"),
    _of_station("reservations", reservations, "A station's reservations, highest number first"),
    _of_station("certificate-requests", certificate_requests, "Its newest wish per use"),
    _of_station("issued-certificates", issued_certificates, "What CAs gave for a station, newest first"),
    _of_station("certificates", installations, "Certificates to be installed, oldest first"),
    _of_station("statuses", statuses, "When it came and went, and what it said of itself, newest first"),
)
