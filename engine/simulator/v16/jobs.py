"""What an OCPP 1.6 charger does at length after a command: triggered messages, uploads, updates of its
firmware.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from engine.ocpp.messages import v16

if TYPE_CHECKING:
    from engine.simulator.v16.charger import Charger16

STAGE: Final = 10.0  # simulated seconds for a stage of an upload or update
INSTALL_REBOOT: Final = 20.0


def triggered(charger: Charger16, message: str, number: int) -> Callable[[], Awaitable[None]] | None:
    """The job for a triggered message, or None if there is no such connector. Connector 0 is all of them."""
    if not 0 <= number <= len(charger.connectors):
        return None

    async def boot() -> None:
        await charger.registration.boot(charger.boot_notification())

    async def status() -> None:
        for connector in range(len(charger.connectors) + 1) if number == 0 else (number,):
            charger.notify(charger.status_notification(connector))

    async def meter_values() -> None:
        for connector in charger.connectors if number == 0 else (charger.connectors[number - 1],):
            charger.readings.sample(connector, "Trigger", "MeterValuesSampledData")

    async def diagnostics_status() -> None:
        current: Any = charger.activities.get("diagnostics", "Idle")
        charger.notify(v16.DiagnosticsStatusNotification(status=current))

    async def firmware_status() -> None:
        current: Any = charger.activities.get("firmware", "Idle")
        charger.notify(v16.FirmwareStatusNotification(status=current))

    async def log_status() -> None:
        current: Any = charger.activities.get("log", "Idle")
        charger.notify(v16.LogStatusNotification(status=current))

    async def sign_certificate() -> None:
        request = charger.certificates.signing_request(
            charger.configuration.text("CpoName"), charger.identity
        )
        await charger.call(v16.SignCertificate(csr=request))

    return {
        "BootNotification": boot,
        "Heartbeat": charger.registration.heartbeat,
        "StatusNotification": status,
        "MeterValues": meter_values,
        "DiagnosticsStatusNotification": diagnostics_status,
        "FirmwareStatusNotification": firmware_status,
        "LogStatusNotification": log_status,
        "SignChargePointCertificate": sign_certificate,
    }[message]


async def diagnostics(charger: Charger16) -> None:
    """OCPP 1.6 §4.4"""
    stages: tuple[Any, ...] = ("Uploading", "Uploaded")
    for status in stages:
        charger.activities["diagnostics"] = status
        charger.notify(v16.DiagnosticsStatusNotification(status=status))
        await charger.time.sleep(STAGE)
    charger.activities["diagnostics"] = "Idle"


async def log(charger: Charger16, request_id: int) -> None:
    """Security whitepaper, LogStatusNotification"""
    stages: tuple[Any, ...] = ("Uploading", "Uploaded")
    for status in stages:
        charger.activities["log"] = status
        charger.notify(v16.LogStatusNotification(status=status, request_id=request_id))
        await charger.time.sleep(STAGE)
    charger.activities["log"] = "Idle"


async def firmware(charger: Charger16, at: datetime) -> None:
    """OCPP 1.6 §4.5: fetch, install with a reboot between, report at every stage."""
    await _until(charger, at)
    stages: tuple[Any, ...] = ("Downloading", "Downloaded", "Installing")
    for status in stages:
        charger.activities["firmware"] = status
        charger.notify(v16.FirmwareStatusNotification(status=status))
        await charger.time.sleep(STAGE)
    await _install(charger)
    charger.notify(v16.FirmwareStatusNotification(status="Installed"))


async def signed_firmware(charger: Charger16, request_id: int, at: datetime) -> None:
    """Security whitepaper, SignedFirmwareStatusNotification"""
    await _until(charger, at)
    stages: tuple[Any, ...] = (
        "Downloading",
        "Downloaded",
        "SignatureVerified",
        "Installing",
        "InstallRebooting",
    )
    for status in stages:
        charger.notify(v16.SignedFirmwareStatusNotification(status=status, request_id=request_id))
        await charger.time.sleep(STAGE)
    await _install(charger)
    charger.notify(v16.SignedFirmwareStatusNotification(status="Installed", request_id=request_id))


async def _until(charger: Charger16, at: datetime) -> None:
    await charger.time.sleep(max(0.0, (at - charger.clock.now()).total_seconds()))


async def _install(charger: Charger16) -> None:
    await charger.restart("Reboot", STAGE, INSTALL_REBOOT)
    major, _, minor = charger.firmware.rpartition(".")
    charger.firmware = f"{major}.{int(minor) + 1}"
    charger.activities["firmware"] = "Idle"
    while not charger.online:
        await charger.time.sleep(1.0)
