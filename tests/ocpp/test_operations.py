"""Every operation in every version: said in the version's words, its answer read, or not supported."""

from __future__ import annotations

import json
from contextlib import suppress

import msgspec
import pytest

from engine.domain.state import InstalledProfile
from engine.errors import Invalid, NotSupported
from engine.ocpp.blocks.authorization.clear_cache import ClearCache
from engine.ocpp.blocks.availability.change_availability import ChangeAvailability
from engine.ocpp.blocks.certificates.delete_certificate import DeleteCertificate
from engine.ocpp.blocks.certificates.hashes import CertificateHash
from engine.ocpp.blocks.certificates.install_certificate import InstallCertificate
from engine.ocpp.blocks.certificates.list_certificates import Certificate, ListCertificates
from engine.ocpp.blocks.data_transfer.transfer_data import TransferData
from engine.ocpp.blocks.device_model.get_configuration import GetConfiguration, Value
from engine.ocpp.blocks.device_model.report_configuration import ReportConfiguration
from engine.ocpp.blocks.device_model.set_configuration import SetConfiguration
from engine.ocpp.blocks.diagnostics.get_log import GetLog
from engine.ocpp.blocks.firmware.update_firmware import UpdateFirmware
from engine.ocpp.blocks.local_list.get_local_list_version import GetLocalListVersion
from engine.ocpp.blocks.local_list.send_local_list import ListEntry, SendLocalList
from engine.ocpp.blocks.provisioning.reset import Reset
from engine.ocpp.blocks.remote_control.start import Start
from engine.ocpp.blocks.remote_control.stop import Stop
from engine.ocpp.blocks.remote_control.trigger import Trigger
from engine.ocpp.blocks.remote_control.unlock import Unlock
from engine.ocpp.blocks.reservation.cancel_reservation import CancelReservation
from engine.ocpp.blocks.reservation.reserve import Reserve
from engine.ocpp.blocks.smart_charging.clear_profile import ClearProfile
from engine.ocpp.blocks.smart_charging.get_composite_schedule import GetCompositeSchedule, Period, Schedule
from engine.ocpp.blocks.smart_charging.set_profile import SetProfile
from engine.ocpp.blocks.tokens import AdditionalInfo
from engine.ocpp.blocks.transactions.get_transaction_status import GetTransactionStatus
from engine.ocpp.catalogue import ENCODINGS, OPERATIONS
from engine.ocpp.encoded import encoded
from engine.ocpp.operation import Verdict
from engine.ocpp.rpc import encode
from engine.ocpp.versions import PROTOCOLS
from tests.ocpp import test_operations_device, test_operations_energy
from tests.ocpp.encoding import (
    NOON,
    NOON_TEXT,
    V16,
    V21,
    V201,
    answer_type,
    cases,
    read,
    sent,
    station,
)

HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "01"}
DIGEST = CertificateHash(
    hash_algorithm="SHA256", issuer_name_hash="aa", issuer_key_hash="bb", serial_number="01"
)
PERIODS = [{"startPeriod": 0, "limit": 8.1}]
SCHEDULE = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": PERIODS}
PROFILE = {
    "id": 7,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "transactionId": "5",
    "chargingSchedule": SCHEDULE,
}
PROFILE_16 = {
    "chargingProfileId": 7,
    "transactionId": 5,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": PERIODS},
}
PROFILE_2X = {**PROFILE, "chargingSchedule": [SCHEDULE]}
TAG = {"idToken": "TAG", "type": "ISO14443"}
HOUR = {"evse": {"id": 2, "connectorId": 1}, "requestedMessage": "StatusNotification"}

# (operation, [(action, payload)] of 1.6, [(action, payload)] of 2.x); None: not supported there
SENT = [
    (CancelReservation(reservation_id=3), [("CancelReservation", {"reservationId": 3})], ...),
    (
        ChangeAvailability(operative=False, evse_number=2),
        [("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"})],
        [("ChangeAvailability", {"evse": {"id": 2}, "operationalStatus": "Inoperative"})],
    ),
    (
        ChangeAvailability(operative=True),
        [("ChangeAvailability", {"connectorId": 0, "type": "Operative"})],
        [("ChangeAvailability", {"operationalStatus": "Operative"})],
    ),
    (
        ChangeAvailability(operative=True, evse_number=1, connector_number=2),
        None,
        [("ChangeAvailability", {"evse": {"id": 1, "connectorId": 2}, "operationalStatus": "Operative"})],
    ),
    (ClearCache(), [("ClearCache", {})], ...),
    (
        ClearProfile(),
        [("ClearChargingProfile", {})],
        [
            ("ClearChargingProfile", {"chargingProfileCriteria": {"chargingProfilePurpose": purpose}})
            for purpose in ("ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile")
        ],
    ),
    (
        ClearProfile(profile_id=4),
        [("ClearChargingProfile", {"id": 4})],
        [("ClearChargingProfile", {"chargingProfileId": 4})],
    ),
    (
        ClearProfile(purpose="ChargingStationMaxProfile", evse_number=0, stack_level=1),
        [
            (
                "ClearChargingProfile",
                {"connectorId": 0, "chargingProfilePurpose": "ChargePointMaxProfile", "stackLevel": 1},
            )
        ],
        [
            (
                "ClearChargingProfile",
                {
                    "chargingProfileCriteria": {
                        "evseId": 0,
                        "chargingProfilePurpose": "ChargingStationMaxProfile",
                        "stackLevel": 1,
                    }
                },
            )
        ],
    ),
    (
        ClearProfile(purpose="ChargingStationExternalConstraints"),
        None,
        [
            (
                "ClearChargingProfile",
                {"chargingProfileCriteria": {"chargingProfilePurpose": "ChargingStationExternalConstraints"}},
            )
        ],
    ),
    (
        DeleteCertificate(certificate=DIGEST),
        [("DeleteCertificate", {"certificateHashData": HASH})],
        ...,
    ),
    (
        GetCompositeSchedule(evse_number=1, duration=60, unit="W"),
        [("GetCompositeSchedule", {"connectorId": 1, "duration": 60, "chargingRateUnit": "W"})],
        [("GetCompositeSchedule", {"evseId": 1, "duration": 60, "chargingRateUnit": "W"})],
    ),
    (
        GetConfiguration(names=("A/B", "C;x;1/D;;Target", "E/F")),
        [("GetConfiguration", {"key": ["A/B", "C;x;1/D;;Target", "E/F"]})],
        [
            (
                "GetVariables",
                {
                    "getVariableData": [
                        {"component": {"name": "A"}, "variable": {"name": "B"}},
                        {
                            "attributeType": "Target",
                            "component": {"name": "C", "instance": "x", "evse": {"id": 1}},
                            "variable": {"name": "D"},
                        },
                    ]
                },
            ),
            ("GetVariables", {"getVariableData": [{"component": {"name": "E"}, "variable": {"name": "F"}}]}),
        ],
    ),
    (GetLocalListVersion(), [("GetLocalListVersion", {})], ...),
    (
        GetLog(location="sftp://x/y", request_id=9, oldest=NOON, retries=1),
        [("GetDiagnostics", {"location": "sftp://x/y", "startTime": NOON_TEXT, "retries": 1})],
        [
            (
                "GetLog",
                {
                    "logType": "DiagnosticsLog",
                    "requestId": 9,
                    "retries": 1,
                    "log": {"remoteLocation": "sftp://x/y", "oldestTimestamp": NOON_TEXT},
                },
            )
        ],
    ),
    (
        GetLog(location="sftp://x/y", request_id=9, kind="security"),
        [("GetLog", {"logType": "SecurityLog", "requestId": 9, "log": {"remoteLocation": "sftp://x/y"}})],
        ...,
    ),
    (
        GetTransactionStatus(transaction_id="t"),
        None,
        [("GetTransactionStatus", {"transactionId": "t"})],
    ),
    (
        InstallCertificate(type="CSMS", certificate="PEM"),
        [
            (
                "InstallCertificate",
                {"certificateType": "CentralSystemRootCertificate", "certificate": "PEM"},
            )
        ],
        [("InstallCertificate", {"certificateType": "CSMSRootCertificate", "certificate": "PEM"})],
    ),
    (
        InstallCertificate(type="V2G", certificate="PEM"),
        None,
        [("InstallCertificate", {"certificateType": "V2GRootCertificate", "certificate": "PEM"})],
    ),
    (
        ListCertificates(types=("CSMS", "MF")),
        [
            ("GetInstalledCertificateIds", {"certificateType": "CentralSystemRootCertificate"}),
            ("GetInstalledCertificateIds", {"certificateType": "ManufacturerRootCertificate"}),
        ],
        [
            (
                "GetInstalledCertificateIds",
                {"certificateType": ["CSMSRootCertificate", "ManufacturerRootCertificate"]},
            )
        ],
    ),
    (
        ReportConfiguration(request_id=9),
        [("GetConfiguration", {})],
        [("GetBaseReport", {"requestId": 9, "reportBase": "FullInventory"})],
    ),
    (
        ReportConfiguration(request_id=9, part="settings"),
        None,
        [("GetBaseReport", {"requestId": 9, "reportBase": "ConfigurationInventory"})],
    ),
    (
        ReportConfiguration(request_id=9, part="summary"),
        None,
        [("GetBaseReport", {"requestId": 9, "reportBase": "SummaryInventory"})],
    ),
    (
        Reserve(reservation_id=3, id_tag="TAG", expires_at=NOON, group_id="G"),
        [
            (
                "ReserveNow",
                {
                    "reservationId": 3,
                    "connectorId": 0,
                    "idTag": "TAG",
                    "expiryDate": NOON_TEXT,
                    "parentIdTag": "G",
                },
            )
        ],
        [
            (
                "ReserveNow",
                {
                    "id": 3,
                    "idToken": TAG,
                    "expiryDateTime": NOON_TEXT,
                    "groupIdToken": {"idToken": "G", "type": "Central"},
                },
            )
        ],
    ),
    (
        Reserve(reservation_id=3, id_tag="TAG", expires_at=NOON, evse_number=2, connector_type="cCCS2"),
        None,
        [
            (
                "ReserveNow",
                {
                    "id": 3,
                    "idToken": TAG,
                    "expiryDateTime": NOON_TEXT,
                    "evseId": 2,
                    "connectorType": "cCCS2",
                },
            )
        ],
    ),
    (Reset(when="now"), [("Reset", {"type": "Hard"})], [("Reset", {"type": "Immediate"})]),
    (Reset(), [("Reset", {"type": "Soft"})], [("Reset", {"type": "OnIdle"})]),
    (Reset(evse_number=1), None, [("Reset", {"type": "OnIdle", "evseId": 1})]),
    (
        SendLocalList(
            version=2,
            entries=(
                ListEntry(id_tag="TAG", status="Accepted", expires_at=NOON),
                ListEntry(id_tag="OLD"),
            ),
            full=False,
        ),
        [
            (
                "SendLocalList",
                {
                    "listVersion": 2,
                    "updateType": "Differential",
                    "localAuthorizationList": [
                        {"idTag": "TAG", "idTagInfo": {"status": "Accepted", "expiryDate": NOON_TEXT}},
                        {"idTag": "OLD"},
                    ],
                },
            )
        ],
        [
            (
                "SendLocalList",
                {
                    "versionNumber": 2,
                    "updateType": "Differential",
                    "localAuthorizationList": [
                        {
                            "idToken": TAG,
                            "idTokenInfo": {"status": "Accepted", "cacheExpiryDateTime": NOON_TEXT},
                        },
                        {"idToken": {"idToken": "OLD", "type": "ISO14443"}},
                    ],
                },
            )
        ],
    ),
    (
        SetConfiguration(values={"A/B": "1", "C;x/D": "2"}),
        [
            ("ChangeConfiguration", {"key": "A/B", "value": "1"}),
            ("ChangeConfiguration", {"key": "C;x/D", "value": "2"}),
        ],
        [
            (
                "SetVariables",
                {
                    "setVariableData": [
                        {"attributeValue": "1", "component": {"name": "A"}, "variable": {"name": "B"}},
                        {
                            "attributeValue": "2",
                            "component": {"name": "C", "instance": "x"},
                            "variable": {"name": "D"},
                        },
                    ]
                },
            )
        ],
    ),
    (
        SetProfile(profile=PROFILE),
        [("SetChargingProfile", {"connectorId": 2, "csChargingProfiles": PROFILE_16})],
        [("SetChargingProfile", {"evseId": 2, "chargingProfile": PROFILE_2X})],
    ),
    (
        SetProfile(profile=PROFILE, evse_number=1),
        [("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": PROFILE_16})],
        [("SetChargingProfile", {"evseId": 1, "chargingProfile": PROFILE_2X})],
    ),
    (
        Start(id_tag="TAG", request_id=8, evse_number=1, group_id="G", profile=PROFILE),
        [("RemoteStartTransaction", {"idTag": "TAG", "connectorId": 1, "chargingProfile": PROFILE_16})],
        [
            (
                "RequestStartTransaction",
                {
                    "evseId": 1,
                    "groupIdToken": {"idToken": "G", "type": "Central"},
                    "idToken": TAG,
                    "remoteStartId": 8,
                    "chargingProfile": PROFILE_2X,
                },
            )
        ],
    ),
    (
        Stop(transaction_id="5"),
        [("RemoteStopTransaction", {"transactionId": 5})],
        [("RequestStopTransaction", {"transactionId": "5"})],
    ),
    (Stop(transaction_id="five"), None, [("RequestStopTransaction", {"transactionId": "five"})]),
    (
        TransferData(vendor_id="V", message_id="M", data="text"),
        [("DataTransfer", {"vendorId": "V", "messageId": "M", "data": "text"})],
        ...,
    ),
    (
        TransferData(vendor_id="V", data={"a": 1}),
        None,
        [("DataTransfer", {"vendorId": "V", "data": {"a": 1}})],
    ),
    (
        Trigger(message="BootNotification"),
        [("TriggerMessage", {"requestedMessage": "BootNotification"})],
        ...,
    ),
    (
        Trigger(message="MeterValues", evse_number=1),
        [("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1})],
        [("TriggerMessage", {"requestedMessage": "MeterValues", "evse": {"id": 1}})],
    ),
    (
        Trigger(message="SignChargingStationCertificate"),
        [("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})],
        [("TriggerMessage", {"requestedMessage": "SignChargingStationCertificate"})],
    ),
    (
        Trigger(message="SignV2GCertificate"),
        None,
        [("TriggerMessage", {"requestedMessage": "SignV2GCertificate"})],
    ),
    (
        Trigger(message="StatusNotification"),
        [("TriggerMessage", {"requestedMessage": "StatusNotification"})],
        [
            ("TriggerMessage", HOUR | {"evse": {"id": 1, "connectorId": 1}}),
            ("TriggerMessage", HOUR),
        ],
    ),
    (
        Unlock(evse_number=2),
        [("UnlockConnector", {"connectorId": 2})],
        [("UnlockConnector", {"evseId": 2, "connectorId": 1})],
    ),
    (
        UpdateFirmware(location="https://x/y", request_id=4, retrieve_at=NOON),
        [("UpdateFirmware", {"location": "https://x/y", "retrieveDate": NOON_TEXT})],
        [
            (
                "UpdateFirmware",
                {"requestId": 4, "firmware": {"location": "https://x/y", "retrieveDateTime": NOON_TEXT}},
            )
        ],
    ),
    (
        UpdateFirmware(
            location="https://x/y",
            request_id=4,
            retrieve_at=NOON,
            install_at=NOON,
            signing_certificate="PEM",
            signature="sig",
        ),
        [
            (
                "SignedUpdateFirmware",
                {
                    "requestId": 4,
                    "firmware": {
                        "location": "https://x/y",
                        "retrieveDateTime": NOON_TEXT,
                        "installDateTime": NOON_TEXT,
                        "signingCertificate": "PEM",
                        "signature": "sig",
                    },
                },
            )
        ],
        [
            (
                "UpdateFirmware",
                {
                    "requestId": 4,
                    "firmware": {
                        "location": "https://x/y",
                        "retrieveDateTime": NOON_TEXT,
                        "installDateTime": NOON_TEXT,
                        "signingCertificate": "PEM",
                        "signature": "sig",
                    },
                },
            )
        ],
    ),
]


@pytest.mark.parametrize(("operation", "version", "expected"), list(cases(SENT)))
def test_said_in_the_words_of_the_version(operation, version, expected):
    if expected is None:
        with pytest.raises(NotSupported):
            encoded(operation, station(version))
        return
    assert sent(operation, version) == expected


EVCCID = AdditionalInfo(additional_id_token="0123456789AB", type="EVCCID")
WITH_EVCCID = {
    "idToken": "A",
    "type": "eMAID",
    "additionalInfo": [{"additionalIdToken": "0123456789AB", "type": "EVCCID"}],
}


@pytest.mark.parametrize(
    ("operation", "older", "newer"),  # in 2.0.1, in 2.1; 1.6 has no words for any of them
    [
        (Reset(when="now_and_resume"), None, ("Reset", {"type": "ImmediateAndResume"})),
        (
            Reset(when="now_and_resume", evse_number=2),
            None,
            ("Reset", {"type": "ImmediateAndResume", "evseId": 2}),
        ),
        (
            Trigger(message="CustomTrigger", custom_trigger="SendDiagnosticsNow"),
            None,
            (
                "TriggerMessage",
                {"requestedMessage": "CustomTrigger", "customTrigger": "SendDiagnosticsNow"},
            ),
        ),
        (
            InstallCertificate(type="OEM", certificate="PEM"),
            None,
            ("InstallCertificate", {"certificateType": "OEMRootCertificate", "certificate": "PEM"}),
        ),
        (
            ListCertificates(types=("OEM", "V2GChain")),
            None,
            (
                "GetInstalledCertificateIds",
                {"certificateType": ["OEMRootCertificate", "V2GCertificateChain"]},
            ),
        ),
        (
            ListCertificates(types=("V2GChain",)),
            ("GetInstalledCertificateIds", {"certificateType": ["V2GCertificateChain"]}),
            ...,
        ),
        (
            Start(id_tag="A", id_type="eMAID", request_id=1, additional_info=(EVCCID,)),
            ("RequestStartTransaction", {"idToken": WITH_EVCCID, "remoteStartId": 1}),
            ...,
        ),
        (
            Reserve(
                id_tag="A",
                id_type="eMAID",
                reservation_id=1,
                expires_at=NOON,
                additional_info=(EVCCID,),
            ),
            ("ReserveNow", {"id": 1, "expiryDateTime": NOON_TEXT, "idToken": WITH_EVCCID}),
            ...,
        ),
        (
            SendLocalList(
                version=1,
                entries=(
                    ListEntry(id_tag="A", id_type="eMAID", status="Accepted", additional_info=(EVCCID,)),
                ),
            ),
            (
                "SendLocalList",
                {
                    "versionNumber": 1,
                    "updateType": "Full",
                    "localAuthorizationList": [
                        {"idToken": WITH_EVCCID, "idTokenInfo": {"status": "Accepted"}}
                    ],
                },
            ),
            ...,
        ),
    ],
)
def test_what_later_versions_alone_can_say(operation, older, newer):
    def words(version):
        try:
            ((action, payload),) = sent(operation, version)
        except NotSupported:
            return None
        return action, payload

    assert words(V16) is None
    assert words(V201) == older
    assert words(V21) == (older if newer is ... else newer)


def test_a_trigger_of_its_own_needs_its_word():
    lone = encoded(Trigger(message="CustomTrigger"), station(V21)).requests[0]
    mixed = encoded(Trigger(message="Heartbeat", custom_trigger="x"), station(V21)).requests[0]
    check = PROTOCOLS[V21].outbound["TriggerMessage"].check
    assert check is not None
    assert check(lone, station(V21), NOON) == ["customTrigger is required with CustomTrigger"]
    assert check(mixed, station(V21), NOON) == ["customTrigger does not go with Heartbeat"]


def test_every_operation_is_tried():
    tables = (SENT, test_operations_device.SENT, test_operations_energy.SENT)
    assert {type(row[0]) for table in tables for row in table} == set(OPERATIONS.values())


@pytest.mark.parametrize("version", ENCODINGS)
def test_every_request_can_be_wanted(version):
    """But for the answer to SignCertificate, which comes of itself."""
    wanted = [operation for operation, of, _ in cases(SENT) if of == version]
    wanted += [row[0] for row in (*test_operations_device.SENT, *test_operations_energy.SENT)]
    actions = set()
    for operation in wanted:
        with suppress(NotSupported):
            actions |= {action for action, _ in sent(operation, version)}
    assert actions == PROTOCOLS[version].outbound.keys() - {"CertificateSigned"}


@pytest.mark.parametrize("version", ENCODINGS)
@pytest.mark.parametrize(
    "operation",
    [
        Start(id_tag="x" * 300, request_id=1),
        SetProfile(profile={"id": 7}, evse_number=0),
        SetProfile(profile={**PROFILE, "transactionId": "6"}),
        InstallCertificate(type="CSMS", certificate="x" * 20_000),
        SetConfiguration(values={}),
    ],
)
def test_what_breaks_the_schema_is_not_said(version, operation):
    with pytest.raises(Invalid):
        encoded(operation, station(version))


def test_what_names_no_variable_is_not_said():
    with pytest.raises(Invalid, match="no slash"):
        encoded(GetConfiguration(names=("no slash",)), station(V201))


# --- answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "word", "verdict"),
    [
        (ClearCache(), "Accepted", Verdict.ACCEPTED),
        (ClearCache(), "Rejected", Verdict.REJECTED),
        (ChangeAvailability(operative=True), "Scheduled", Verdict.SCHEDULED),
        (Unlock(evse_number=1), "Unlocked", Verdict.ACCEPTED),
        (Unlock(evse_number=1), "UnlockFailed", Verdict.FAILED),
        (ClearProfile(profile_id=4), "Unknown", Verdict.NOT_FOUND),
        (DeleteCertificate(certificate=DIGEST), "NotFound", Verdict.NOT_FOUND),
        (Trigger(message="Heartbeat"), "NotImplemented", Verdict.NOT_SUPPORTED),
    ],
)
@pytest.mark.parametrize("version", ENCODINGS)
def test_statuses_become_verdicts(operation, version, word, verdict):
    result = read(operation, version, {"status": word})
    assert (result.verdict, result.word, result.reason) == (verdict, word, None)


@pytest.mark.parametrize("version", [V201, V21])
def test_reasons_are_passed_on(version):
    info = {"reasonCode": "NoMemory", "additionalInfo": "full"}
    result = read(ClearCache(), version, {"status": "Rejected", "statusInfo": info})
    assert result.reason == "NoMemory: full"


@pytest.mark.parametrize(
    ("version", "payload", "transaction_id"),
    [
        (V16, {"status": "Accepted"}, None),
        (V201, {"status": "Accepted", "transactionId": "t"}, "t"),
        (V21, {"status": "Accepted"}, None),
    ],
)
def test_a_start_may_name_its_transaction(version, payload, transaction_id):
    result = read(Start(id_tag="TAG", request_id=1), version, payload)
    assert (result.verdict, result.transaction_id) == (Verdict.ACCEPTED, transaction_id)


@pytest.mark.parametrize(
    ("version", "payload"),
    [
        (
            V16,
            {
                "status": "Accepted",
                "connectorId": 1,
                "scheduleStart": NOON,
                "chargingSchedule": {
                    "duration": 60,
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": PERIODS,
                },
            },
        ),
        *(
            (
                version,
                {
                    "status": "Accepted",
                    "schedule": {
                        "evseId": 1,
                        "duration": 60,
                        "scheduleStart": NOON,
                        "chargingRateUnit": "A",
                        "chargingSchedulePeriod": PERIODS,
                    },
                },
            )
            for version in (V201, V21)
        ),
    ],
)
def test_composite_schedules_look_the_same(version, payload):
    result = read(GetCompositeSchedule(evse_number=1, duration=60), version, payload)
    assert result == Schedule(
        verdict=Verdict.ACCEPTED,
        word="Accepted",
        evse_number=1,
        begins_at=NOON,
        duration=60,
        unit="A",
        periods=(Period(start=0, limit=8.1),),
    )
    refused = read(GetCompositeSchedule(evse_number=1, duration=60), version, {"status": "Rejected"})
    assert (refused.verdict, refused.periods) == (Verdict.REJECTED, ())


def variable(component, name, **more):
    return {"component": {"name": component}, "variable": {"name": name}, **more}


def test_configuration_is_read_by_name():
    names = ("A/B", "c/d", "E/F")
    older = {"configurationKey": [{"key": "A/B", "readonly": True, "value": ""}], "unknownKey": ["c/d"]}
    result = read(GetConfiguration(names=names), V16, older)
    assert result.values == (Value(name="A/B", value="", readonly=True),)
    assert result.unknown == ("c/d",)
    first = {
        "getVariableResult": [
            variable("C", "D", attributeStatus="Accepted", attributeValue="2"),
            variable("A", "B", attributeStatus="UnknownVariable"),
        ]
    }
    second = {"getVariableResult": [variable("E", "F", attributeStatus="Accepted")]}
    result = read(GetConfiguration(names=names), V201, first, second)
    assert result.values == (
        Value(name="c/d", value="2"),
        Value(name="E/F", value=None),
    )
    assert result.unknown == ("A/B",)


def test_each_setting_has_its_verdict():
    values = {"A/B": "1", "C/D": "2"}
    wanted = SetConfiguration(values=values)
    result = read(wanted, V16, {"status": "Accepted"}, {"status": "RebootRequired"})
    assert result.verdict is Verdict.REBOOT_REQUIRED
    assert result.verdicts == {"A/B": Verdict.ACCEPTED, "C/D": Verdict.REBOOT_REQUIRED}
    answer = {"setVariableResult": [variable("C", "D", attributeStatus="UnknownComponent")]}
    result = read(wanted, V21, answer)
    assert result.verdict is Verdict.REJECTED
    assert result.verdicts == {"A/B": Verdict.REJECTED, "C/D": Verdict.NOT_FOUND}


def test_a_result_without_attribute_is_of_the_only_one_asked_for():
    answer = {"setVariableResult": [variable("A", "B", attributeStatus="Accepted")]}
    result = read(SetConfiguration(values={"A/B;;Target": "1"}), V201, answer)
    assert result.verdicts == {"A/B;;Target": Verdict.ACCEPTED}
    both = {"A/B;;Target": "1", "A/B": "2"}  # which of the two is not said: the default is meant
    result = read(SetConfiguration(values=both), V201, answer)
    assert result.verdicts == {"A/B;;Target": Verdict.REJECTED, "A/B": Verdict.ACCEPTED}


def test_certificates_look_the_same():
    wanted = ListCertificates(types=("CSMS", "MF"))
    older = read(wanted, V16, {"status": "Accepted", "certificateHashData": [HASH]}, {"status": "NotFound"})
    chain = {"certificateType": "CSMSRootCertificate", "certificateHashData": HASH}
    newer = read(wanted, V201, {"status": "Accepted", "certificateHashDataChain": [chain]})
    assert older == newer
    assert newer.certificates == (Certificate(type="CSMS", hash=DIGEST),)
    oem = {"certificateType": "OEMRootCertificate", "certificateHashData": HASH}
    assert read(wanted, V21, {"status": "Accepted", "certificateHashDataChain": [oem]}).certificates == (
        Certificate(type="OEM", hash=DIGEST),
    )
    assert read(wanted, V21, {"status": "NotFound"}).verdict is Verdict.NOT_FOUND


@pytest.mark.parametrize(
    ("version", "payload"),
    [
        (V16, {"fileName": "log.zip"}),
        (V201, {"status": "Accepted", "filename": "log.zip"}),
        (V21, {"status": "AcceptedCanceled", "filename": "log.zip"}),
    ],
)
def test_uploads_name_their_file(version, payload):
    result = read(GetLog(location="sftp://x/y", request_id=1), version, payload)
    assert (result.verdict, result.filename) == (Verdict.ACCEPTED, "log.zip")


@pytest.mark.parametrize(
    ("version", "payload", "number"),
    [
        (V16, {"listVersion": 3}, 3),
        (V16, {"listVersion": 0}, 0),
        (V16, {"listVersion": -1}, -1),  # OCPP 1.6 §5.10: it keeps no list
        (V201, {"versionNumber": 0}, 0),  # D02.FR.03
        (V21, {"versionNumber": 7}, 7),
    ],
)
def test_every_version_of_the_local_list_is_an_answer(version, payload, number):
    result = read(GetLocalListVersion(), version, payload)
    assert (result.verdict, result.version) == (Verdict.ACCEPTED, number)


def test_transactions_and_data():
    status = read(GetTransactionStatus(), V201, {"messagesInQueue": True, "ongoingIndicator": False})
    assert (status.ongoing, status.messages_waiting) == (False, True)
    echo = read(TransferData(vendor_id="V"), V21, {"status": "Accepted", "data": [1]})
    assert echo.data == [1]
    unknown = read(TransferData(vendor_id="V"), V16, {"status": "UnknownVendorId"})
    assert unknown.verdict is Verdict.NOT_SUPPORTED


def test_all_profiles_are_cleared_if_any_was():
    for version in (V201, V21):
        unknown, accepted = {"status": "Unknown"}, {"status": "Accepted"}
        assert read(ClearProfile(), version, unknown, accepted, unknown).verdict is Verdict.ACCEPTED
        assert read(ClearProfile(), version, unknown, unknown, unknown).verdict is Verdict.NOT_FOUND


def test_profiles_of_other_purposes_that_are_held_are_cleared_too():
    held = InstalledProfile(
        evse_number=0,
        profile_id=9,
        purpose="PriorityCharging",
        stack_level=0,
        transaction_id=None,
        profile=b"{}",
    )
    external = msgspec.structs.replace(held, purpose="ChargingStationExternalConstraints")
    cp = msgspec.structs.replace(station(V21), charging_profiles=(held, external))
    *_, last = encoded(ClearProfile(), cp).requests
    assert json.loads(encode(last)) == {
        "chargingProfileCriteria": {"chargingProfilePurpose": "PriorityCharging"}
    }


def test_a_list_goes_in_parts_while_they_are_accepted():
    for version in (V201, V21):
        cp = msgspec.structs.replace(station(version), items_per_message={"SendLocalList": 2})
        entries = tuple(ListEntry(id_tag=tag, status="Accepted") for tag in "ABC")
        asked = encoded(SendLocalList(version=5, entries=entries), cp)
        told = [json.loads(encode(request)) for request in asked.requests]
        assert [(one["versionNumber"], one["updateType"]) for one in told] == [
            (5, "Full"),
            (6, "Differential"),
        ]
        answer = answer_type(asked.requests[0], version)
        assert asked.goes_on(answer(status="Accepted"))
        assert not asked.goes_on(answer(status="Failed"))
        assert asked.read([answer(status="Failed")]).verdict is Verdict.FAILED
