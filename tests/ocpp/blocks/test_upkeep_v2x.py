"""Firmware, logs, customers, security events and data transfer of OCPP 2.x (A04, L, N01, N09, N10, P)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from engine.domain.changes import (
    EventPublished,
    FirmwarePublicationChanged,
    FirmwareStatusChanged,
    LogStatusChanged,
    ReportStored,
    SecurityEventReported,
)
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.data_transfer.transfer_data import (
    MAX_DATA,
    VendorAnswer,
    check_data_transfer_v2x,
    data_transfer_v2x,
)
from engine.ocpp.blocks.diagnostics.customer_information import (
    check_customer_information_v2x,
    notify_customer_information_v2x,
)
from engine.ocpp.blocks.diagnostics.get_log import check_get_log_v2x
from engine.ocpp.blocks.diagnostics.log_status import log_status_notification_v2x
from engine.ocpp.blocks.firmware.firmware_status import (
    firmware_status_notification_v2x,
    publish_firmware_status_notification_v2x,
)
from engine.ocpp.blocks.firmware.publish_firmware import check_publish_firmware_v2x
from engine.ocpp.blocks.firmware.unpublish_firmware import (
    check_unpublish_firmware_v2x,
    unpublish_firmware_answered_v2x,
)
from engine.ocpp.blocks.firmware.update_firmware import check_update_firmware_v2x
from engine.ocpp.blocks.security.security_event import security_event_notification_v2x
from engine.ocpp.messages import v21
from engine.ocpp.step import Facts, Outcome

URL = "https://files.example/firmware.bin"
MD5 = "0123456789abcdefABCDEF0123456789"


def news(outcome: Outcome) -> list[Any]:
    return [msgspec.json.decode(c.payload) for c in outcome.changes if isinstance(c, EventPublished)]


# --- firmware ----------------------------------------------------------------------------------------------


@pytest.mark.proves("2.x", "FirmwareStatusNotification")
def test_the_progress_of_an_update_is_kept(words: Any, station: ChargePoint, now: datetime) -> None:
    request = words.FirmwareStatusNotification(status="SignatureVerified", request_id=4)
    outcome = firmware_status_notification_v2x(station, request, Facts(), now)
    assert outcome.reply == words.FirmwareStatusNotificationResponse()
    assert outcome.changes[0] == FirmwareStatusChanged(
        charge_point_id=12, firmware_status="SignatureVerified", firmware_request_id=4, firmware_status_at=now
    )
    assert news(outcome)[0]["protocol"] == station.version.replace("ocpp", "ocpp ")


def test_why_an_update_failed_is_kept(cp: ChargePoint, now: datetime) -> None:
    info = v21.StatusInfo(reason_code="NoSpace", additional_info="12 MB are missing")
    request = v21.FirmwareStatusNotification(status="InstallationFailed", request_id=4, status_info=info)
    station = msgspec.structs.replace(cp, version="ocpp2.1")
    (row, _) = firmware_status_notification_v2x(station, request, Facts(), now).changes
    assert isinstance(row, FirmwareStatusChanged)
    assert row.firmware_status_reason == "NoSpace: 12 MB are missing"


@pytest.mark.proves("2.x", "PublishFirmwareStatusNotification")
def test_where_a_firmware_is_published_is_kept(words: Any, station: ChargePoint, now: datetime) -> None:
    request = words.PublishFirmwareStatusNotification(status="Published", location=[URL], request_id=4)
    outcome = publish_firmware_status_notification_v2x(station, request, Facts(), now)
    (row,) = outcome.changes
    assert isinstance(row, FirmwarePublicationChanged)
    assert (row.publish_status, row.publish_request_id) == ("Published", 4)
    assert msgspec.json.decode(row.publish_locations) == [URL]


@pytest.mark.proves("2.x", "UnpublishFirmware")
@pytest.mark.parametrize(("status", "count"), [("Unpublished", 1), ("NoFirmware", 1), ("DownloadOngoing", 0)])
def test_nothing_is_published_any_more(
    words: Any, station: ChargePoint, now: datetime, status: str, count: int
) -> None:
    request = words.UnpublishFirmware(checksum=MD5)
    answer = words.UnpublishFirmwareResponse(status=status)
    outcome = unpublish_firmware_answered_v2x(station, request, answer, now)
    assert [c.publish_status for c in outcome.changes if isinstance(c, FirmwarePublicationChanged)] == [
        "Idle"
    ] * count


@pytest.mark.proves("2.x", "UpdateFirmware")
def test_what_may_be_installed(
    words: Any, station: ChargePoint, now: datetime, certificate: Callable[[datetime], str]
) -> None:
    def errors(**more: Any) -> int:
        members = {"location": URL, "retrieve_date_time": now}
        firmware = words.Firmware(**{**members, **more})
        request = words.UpdateFirmware(request_id=1, firmware=firmware)
        return len(check_update_firmware_v2x(request, station, now))

    signed = {"signing_certificate": certificate(now), "signature": "c2ln"}
    assert errors() == 0
    assert errors(**signed) == 0
    assert errors(signature="c2ln") == 1
    assert errors(signing_certificate=certificate(now)) == 1
    assert errors(signing_certificate="no PEM", signature="c2ln") == 1
    assert errors(location="firmware.bin") == 1
    assert errors(install_date_time=now - timedelta(seconds=1)) == 1


@pytest.mark.proves("2.x", "PublishFirmware", "UnpublishFirmware")
@pytest.mark.parametrize(("checksum", "errors"), [(MD5, 0), ("", 1), ("z" * 32, 1), (MD5[1:], 1)])
def test_a_published_firmware_is_named_by_its_checksum(
    words: Any, station: ChargePoint, now: datetime, checksum: str, errors: int
) -> None:
    publish = words.PublishFirmware(location=URL, checksum=checksum, request_id=1)
    assert len(check_publish_firmware_v2x(publish, station, now)) == errors
    unpublish = words.UnpublishFirmware(checksum=checksum)
    assert len(check_unpublish_firmware_v2x(unpublish, station, now)) == errors


# --- logs and customers ------------------------------------------------------------------------------------


@pytest.mark.proves("2.x", "LogStatusNotification")
def test_the_progress_of_a_log_is_kept(words: Any, station: ChargePoint, now: datetime) -> None:
    request = words.LogStatusNotification(status="Uploading", request_id=9)
    outcome = log_status_notification_v2x(station, request, Facts(), now)
    assert outcome.reply == words.LogStatusNotificationResponse()
    assert list(outcome.changes) == [
        LogStatusChanged(charge_point_id=12, log_status="uploading", log_request_id=9, log_status_at=now)
    ]


@pytest.mark.proves("2.x", "GetLog")
def test_a_log_goes_somewhere_and_spans_some_time(words: Any, station: ChargePoint, now: datetime) -> None:
    def errors(**more: Any) -> int:
        log = words.LogParameters(**{"remote_location": URL, **more})
        request = words.GetLog(log=log, log_type="SecurityLog", request_id=1)
        return len(check_get_log_v2x(request, station, now))

    assert errors() == 0
    assert errors(remote_location="nowhere") == 1
    assert errors(oldest_timestamp=now, latest_timestamp=now) == 1


@pytest.mark.proves("2.x", "NotifyCustomerInformation")
@pytest.mark.parametrize("more", [True, False])
def test_what_is_known_of_a_customer_is_stored_and_not_published(
    words: Any, station: ChargePoint, now: datetime, more: bool
) -> None:
    request = words.NotifyCustomerInformation(
        data="Jane Doe", tbc=more, seq_no=0, generated_at=now, request_id=3
    )
    outcome = notify_customer_information_v2x(station, request, Facts(), now)
    (stored,) = [change for change in outcome.changes if isinstance(change, ReportStored)]
    assert (stored.action, stored.request_id) == ("NotifyCustomerInformation", 3)
    assert b"Jane Doe" in stored.payload
    assert [n["requestId"] for n in news(outcome)] == ([] if more else [3])
    assert "Jane" not in str(news(outcome))


@pytest.mark.proves("2.x", "CustomerInformation")
def test_a_customer_is_named_one_way(words: Any, station: ChargePoint, now: datetime) -> None:
    def errors(report: bool = True, clear: bool = False, **more: Any) -> int:
        request = words.CustomerInformation(request_id=1, report=report, clear=clear, **more)
        return len(check_customer_information_v2x(request, station, now))

    token = words.IdToken(id_token="TAG", type="ISO14443")
    assert errors(customer_identifier="jane") == 0
    assert errors(report=False, clear=True, id_token=token) == 0
    assert errors() == 1
    assert errors(customer_identifier="jane", id_token=token) == 1
    assert errors(report=False, customer_identifier="jane") == 1


# --- security events ---------------------------------------------------------------------------------------


@pytest.mark.proves("2.x", "SecurityEventNotification")
@pytest.mark.parametrize(
    ("kind", "critical"), [("StartupOfTheDevice", True), ("InvalidCsmsCertificate", False), ("Own", False)]
)
def test_security_events_are_kept(
    words: Any, station: ChargePoint, now: datetime, kind: str, critical: bool
) -> None:
    request = words.SecurityEventNotification(type=kind, timestamp=now, tech_info="x")
    outcome = security_event_notification_v2x(station, request, Facts(), now)
    assert outcome.reply == words.SecurityEventNotificationResponse()
    row = outcome.changes[0]
    assert isinstance(row, SecurityEventReported)
    assert (row.type, row.critical, row.tech_info) == (kind, critical, "x")


# --- data transfer -----------------------------------------------------------------------------------------


@pytest.mark.proves("2.x", "DataTransfer", way="in")
@pytest.mark.parametrize(("data", "seen"), [("text", "text"), ({"a": [1]}, '{"a":[1]}'), (None, "null")])
def test_data_of_any_kind_reaches_the_hook_as_text(
    words: Any, station: ChargePoint, now: datetime, data: Any, seen: str
) -> None:
    given: list[str | None] = []

    def hook(cp: ChargePoint, text: str | None, at: datetime) -> VendorAnswer:
        given.append(text)
        return VendorAnswer(data="done")

    step = data_transfer_v2x({"Acme": {"Ping": hook}})
    request = words.DataTransfer(vendor_id="acme", message_id="PING", data=data)
    outcome = step(station, request, Facts(), now)
    assert outcome.reply == words.DataTransferResponse(status="Accepted", data="done")
    assert given == [seen]
    assert news(outcome)[0]["data"] == seen


@pytest.mark.proves("2.x", "DataTransfer", way="in")
@pytest.mark.parametrize(
    ("vendor", "message", "status"),
    [("Other", "Ping", "UnknownVendorId"), ("Acme", "Pong", "UnknownMessageId")],
)
def test_unknown_vendors_and_messages_are_published_and_said_to_be_so(  # noqa: PLR0917 - one row of the table above per case
    words: Any, station: ChargePoint, now: datetime, vendor: str, message: str, status: str
) -> None:
    step = data_transfer_v2x({"Acme": {"Ping": lambda cp, text, at: VendorAnswer()}})
    outcome = step(station, words.DataTransfer(vendor_id=vendor, message_id=message), Facts(), now)
    assert outcome.reply == words.DataTransferResponse(status=status)
    assert len(news(outcome)) == 1


@pytest.mark.proves("2.x", "DataTransfer", way="in")
@pytest.mark.proves("2.x", "DataTransfer", way="out")
def test_data_without_end_is_refused(words: Any, station: ChargePoint, now: datetime) -> None:
    request = words.DataTransfer(vendor_id="Acme", data=["x" * MAX_DATA])
    outcome = data_transfer_v2x({})(station, request, Facts(), now)
    assert outcome.reply == words.DataTransferResponse(status="Rejected")
    assert not outcome.changes
    assert len(check_data_transfer_v2x(request, station, now)) == 1
