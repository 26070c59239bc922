"""What an OCPP 2.x station does at length after a command: triggered messages, uploads, firmware updates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x

Job = Callable[[], Awaitable[None]]
STAGE: Final = 10.0  # simulated seconds for a stage of an upload or update
INSTALL_REBOOT: Final = 20.0
SIGNING: Final = {
    "SignChargingStationCertificate": "ChargingStationCertificate",
    "SignV2GCertificate": "V2GCertificate",
}


def triggered(charger: Charger2x, message: str, evse: int) -> Job | None:
    """The job for a triggered message (F06), or None for one that this station does not send."""

    async def boot() -> None:
        await charger.registration.boot(charger.boot_notification("Triggered"))

    async def status() -> None:
        charger.tell_status(charger.connectors[evse - 1])

    async def meter_values() -> None:
        for connector in charger.connectors:
            if evse in (0, connector.number):
                charger.transactions.sample(connector, "Trigger", "Trigger")

    async def transactions() -> None:
        for connector in charger.connectors:
            if connector.entry is not None and evse in (0, connector.number):
                charger.transactions.sample(connector, "Trigger", "Trigger")

    async def firmware_status() -> None:
        charger.notify("FirmwareStatusNotification", status="Idle")

    async def log_status() -> None:
        charger.notify("LogStatusNotification", status="Idle")

    async def sign() -> None:
        organisation = charger.variables.text("SecurityCtrlr", "OrganizationName")
        csr = charger.certificates.signing_request(organisation, charger.identity)
        await charger.call(charger.say("SignCertificate", csr=csr, certificateType=SIGNING[message]))

    return {
        "BootNotification": boot,
        "FirmwareStatusNotification": firmware_status,
        "Heartbeat": charger.registration.heartbeat,
        "LogStatusNotification": log_status,
        "MeterValues": meter_values,
        "SignChargingStationCertificate": sign,
        "SignV2GCertificate": sign,
        "StatusNotification": status,
        "TransactionEvent": transactions,
    }.get(message)


async def log(charger: Charger2x, request_id: int) -> None:
    """N01"""
    for status in ("Uploading", "Uploaded"):
        charger.activities["log"] = status
        charger.notify("LogStatusNotification", status=status, requestId=request_id)
        await charger.time.sleep(STAGE)
    charger.activities["log"] = "Idle"


def firmware(charger: Charger2x, request_id: int, at: datetime, signed: bool) -> Job:
    """L01, L02: fetch, install with a reboot between, report at every stage."""
    stages = ["Downloading", "Downloaded", *(["SignatureVerified"] if signed else []), "Installing"]

    async def update() -> None:
        await charger.time.sleep(max(0.0, (at - charger.clock.now()).total_seconds()))
        for status in stages:
            charger.notify("FirmwareStatusNotification", status=status, requestId=request_id)
            await charger.time.sleep(STAGE)
        charger.notify("FirmwareStatusNotification", status="InstallRebooting", requestId=request_id)
        await charger.restart("Reboot", STAGE, INSTALL_REBOOT)
        major, _, minor = charger.firmware.rpartition(".")
        charger.firmware = f"{major}.{int(minor) + 1}"
        while not charger.online:
            await charger.time.sleep(1.0)
        charger.notify("FirmwareStatusNotification", status="Installed", requestId=request_id)

    return update
