"""Logs, firmware, customer information and data of vendors in a 2.x station (I02, L, N01, N09, N10, P)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import UNSET

from engine.simulator.v2x import jobs
from engine.simulator.v2x.reply import Reply, parts, status
from engine.simulator.v16.certificates import is_certificate

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x

CUSTOMER_PART: Final = 512  # characters in one NotifyCustomerInformation


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


def customer_information(charger: Charger2x, request: Any) -> Reply:
    """N09, N10: what is known of a customer is the token's place in the cache, and its transactions."""
    named = [request.id_token, request.customer_certificate, request.customer_identifier]
    if sum(1 for name in named if name) != 1:
        return status("Invalid")
    tag = request.id_token.id_token if request.id_token else ""
    text = _known(charger, tag)
    if request.clear:
        charger.knowledge.forget(tag)

    async def report() -> None:
        for number, part, more in parts(list(text), CUSTOMER_PART) or [(0, [], False)]:
            charger.notify(
                "NotifyCustomerInformation",
                data="".join(part),
                seqNo=number,
                generatedAt=charger.clock.now(),
                requestId=request.request_id,
                tbc=more,
            )

    return status("Accepted", report if request.report else None)


def _known(charger: Charger2x, tag: str) -> str:
    """Lines about a token; nothing for one that was never here."""
    lines = [
        f"{entry.started.isoformat()} EVSE {entry.connector} transaction {entry.transaction_id}"
        for entry in charger.ledger
        if entry.id_tag == tag
    ]
    known = charger.knowledge.known(tag)
    if known is not None:
        lines.insert(0, f"cache: {known.status}")
    return "\n".join(lines)
