"""Display, monitors, reports, network profiles and firmware of a controller: said in 2.x, not in 1.6."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from engine.errors import Invalid, NotSupported
from engine.ocpp.blocks.certificates.hashes import CertificateHash
from engine.ocpp.blocks.device_model.report_variables import ReportVariables
from engine.ocpp.blocks.diagnostics.customer_information import CustomerInformation
from engine.ocpp.blocks.display.clear_display_message import ClearDisplayMessage
from engine.ocpp.blocks.display.get_display_messages import GetDisplayMessages
from engine.ocpp.blocks.display.messages import Wording
from engine.ocpp.blocks.display.set_display_message import SetDisplayMessage
from engine.ocpp.blocks.firmware.publish_firmware import PublishFirmware
from engine.ocpp.blocks.firmware.unpublish_firmware import UnpublishFirmware
from engine.ocpp.blocks.monitoring.clear_monitors import ClearMonitors
from engine.ocpp.blocks.monitoring.report_monitors import ReportMonitors
from engine.ocpp.blocks.monitoring.set_monitoring_base import SetMonitoringBase
from engine.ocpp.blocks.monitoring.set_monitoring_level import SetMonitoringLevel
from engine.ocpp.blocks.monitoring.set_monitors import Monitor, SetMonitors, Stream
from engine.ocpp.blocks.provisioning.set_network_profile import SetNetworkProfile
from engine.ocpp.blocks.smart_charging.report_profiles import ReportProfiles
from engine.ocpp.blocks.tokens import AdditionalInfo
from engine.ocpp.encoded import encoded
from engine.ocpp.operation import Verdict
from tests.ocpp.encoding import NOON, NOON_TEXT, V16, V21, V201, answer_type, read, sent, station

HELLO = Wording(content="Hello", language="en")
HALLO = Wording(content="Hallo", language="de")
HELLO_2X = {"format": "UTF8", "language": "en", "content": "Hello"}
PIN = AdditionalInfo(additional_id_token="1", type="PIN")
DIGEST = CertificateHash(
    hash_algorithm="SHA256", issuer_name_hash="aa", issuer_key_hash="bb", serial_number="01"
)
HOT = Monitor(variable="EVSE;;1/Temperature", type="UpperThreshold", value=70.5, severity=3)
HOT_2X = {
    "value": 70.5,
    "type": "UpperThreshold",
    "severity": 3,
    "component": {"name": "EVSE", "evse": {"id": 1}},
    "variable": {"name": "Temperature"},
}
STREAMED = Monitor(variable="A/B", type="Periodic", value=5, severity=9, stream=Stream(interval=60))
NETWORK = SetNetworkProfile(
    slot=1, url="wss://csms", security_profile=2, message_timeout=30, interface="Wired0"
)
NETWORK_2X = {
    "ocppTransport": "JSON",
    "ocppCsmsUrl": "wss://csms",
    "messageTimeout": 30,
    "securityProfile": 2,
    "ocppInterface": "Wired0",
}

# (operation, action, payload of 2.0.1, payload of 2.1); None: it cannot say that
SENT = [
    (ClearDisplayMessage(message_id=4), "ClearDisplayMessage", {"id": 4}, ...),
    (
        SetDisplayMessage(message_id=4, wording=HELLO),
        "SetDisplayMessage",
        {"message": {"id": 4, "priority": "NormalCycle", "message": HELLO_2X}},
        ...,
    ),
    (
        SetDisplayMessage(
            message_id=4,
            wording=HELLO,
            priority="InFront",
            state="Idle",
            begins_at=NOON,
            ends_at=NOON,
            transaction_id="5",
            evse_number=2,
        ),
        "SetDisplayMessage",
        {
            "message": {
                "display": {"name": "Display", "evse": {"id": 2}},
                "id": 4,
                "priority": "InFront",
                "state": "Idle",
                "startDateTime": NOON_TEXT,
                "endDateTime": NOON_TEXT,
                "transactionId": "5",
                "message": HELLO_2X,
            }
        },
        ...,
    ),
    (
        SetDisplayMessage(message_id=4, wording=HELLO, others=(HALLO,)),
        "SetDisplayMessage",
        None,
        {
            "message": {
                "id": 4,
                "priority": "NormalCycle",
                "message": HELLO_2X,
                "messageExtra": [{"format": "UTF8", "language": "de", "content": "Hallo"}],
            }
        },
    ),
    (
        SetDisplayMessage(message_id=4, wording=Wording(content="x", format="QRCODE")),
        "SetDisplayMessage",
        None,
        {
            "message": {
                "id": 4,
                "priority": "NormalCycle",
                "message": {"format": "QRCODE", "content": "x"},
            }
        },
    ),
    (GetDisplayMessages(request_id=1), "GetDisplayMessages", {"requestId": 1}, ...),
    (
        GetDisplayMessages(request_id=1, message_ids=(4, 5), priority="InFront", state="Faulted"),
        "GetDisplayMessages",
        {"id": [4, 5], "requestId": 1, "priority": "InFront", "state": "Faulted"},
        ...,
    ),
    (
        GetDisplayMessages(request_id=1, state="Suspended"),
        "GetDisplayMessages",
        None,
        {"requestId": 1, "state": "Suspended"},
    ),
    (SetMonitors(monitors=(HOT,)), "SetVariableMonitoring", {"setMonitoringData": [HOT_2X]}, ...),
    (
        SetMonitors(monitors=(STREAMED,)),
        "SetVariableMonitoring",
        None,
        {
            "setMonitoringData": [
                {
                    "periodicEventStream": {"interval": 60},
                    "value": 5.0,
                    "type": "Periodic",
                    "severity": 9,
                    "component": {"name": "A"},
                    "variable": {"name": "B"},
                }
            ]
        },
    ),
    (ClearMonitors(monitor_ids=(1, 2)), "ClearVariableMonitoring", {"id": [1, 2]}, ...),
    (ReportMonitors(request_id=1), "GetMonitoringReport", {"requestId": 1}, ...),
    (
        ReportMonitors(request_id=1, variables=("A;x/B", "C"), kinds=("Threshold", "Delta")),
        "GetMonitoringReport",
        {
            "componentVariable": [
                {"component": {"name": "A", "instance": "x"}, "variable": {"name": "B"}},
                {"component": {"name": "C"}},
            ],
            "requestId": 1,
            "monitoringCriteria": ["ThresholdMonitoring", "DeltaMonitoring"],
        },
        ...,
    ),
    (
        SetMonitoringBase(base="FactoryDefault"),
        "SetMonitoringBase",
        {"monitoringBase": "FactoryDefault"},
        ...,
    ),
    (SetMonitoringLevel(severity=5), "SetMonitoringLevel", {"severity": 5}, ...),
    (
        ReportVariables(request_id=1, variables=("A/B",), conditions=("Problem",)),
        "GetReport",
        {
            "componentVariable": [{"component": {"name": "A"}, "variable": {"name": "B"}}],
            "requestId": 1,
            "componentCriteria": ["Problem"],
        },
        ...,
    ),
    (
        ReportProfiles(request_id=1, profile_ids=(7,)),
        "GetChargingProfiles",
        {"requestId": 1, "chargingProfile": {"chargingProfileId": [7]}},
        ...,
    ),
    (
        ReportProfiles(request_id=1, evse_number=0, purpose="TxProfile", stack_level=0, sources=("EMS",)),
        "GetChargingProfiles",
        {
            "requestId": 1,
            "evseId": 0,
            "chargingProfile": {
                "chargingProfilePurpose": "TxProfile",
                "stackLevel": 0,
                "chargingLimitSource": ["EMS"],
            },
        },
        ...,
    ),
    (
        ReportProfiles(request_id=1, purpose="PriorityCharging"),
        "GetChargingProfiles",
        None,
        {"requestId": 1, "chargingProfile": {"chargingProfilePurpose": "PriorityCharging"}},
    ),
    (
        CustomerInformation(request_id=1, clear=True, id_tag="TAG"),
        "CustomerInformation",
        {
            "idToken": {"idToken": "TAG", "type": "ISO14443"},
            "requestId": 1,
            "report": True,
            "clear": True,
        },
        ...,
    ),
    (
        CustomerInformation(request_id=1, id_tag="T", additional_info=(PIN,)),
        "CustomerInformation",
        {
            "idToken": {
                "idToken": "T",
                "type": "ISO14443",
                "additionalInfo": [{"additionalIdToken": "1", "type": "PIN"}],
            },
            "requestId": 1,
            "report": True,
            "clear": False,
        },
        ...,
    ),
    (
        CustomerInformation(request_id=1, report=False, clear=True, certificate=DIGEST),
        "CustomerInformation",
        {
            "customerCertificate": {
                "hashAlgorithm": "SHA256",
                "issuerNameHash": "aa",
                "issuerKeyHash": "bb",
                "serialNumber": "01",
            },
            "requestId": 1,
            "report": False,
            "clear": True,
        },
        ...,
    ),
    (
        CustomerInformation(request_id=1, customer="C1"),
        "CustomerInformation",
        {"requestId": 1, "report": True, "clear": False, "customerIdentifier": "C1"},
        ...,
    ),
    (
        NETWORK,
        "SetNetworkProfile",
        {"configurationSlot": 1, "connectionData": {"ocppVersion": "OCPP20", **NETWORK_2X}},
        {"configurationSlot": 1, "connectionData": NETWORK_2X},
    ),
    (
        SetNetworkProfile(
            slot=1,
            url="ws://csms",
            security_profile=1,
            message_timeout=30,
            version="ocpp2.1",
            identity="CP9",
            password="secret",
            apn={"apn": "net", "apnAuthentication": "AUTO"},
            vpn={"server": "s", "user": "u", "password": "p", "key": "k", "type": "IPSec"},
        ),
        "SetNetworkProfile",
        None,
        {
            "configurationSlot": 1,
            "connectionData": {
                "apn": {"apn": "net", "apnAuthentication": "AUTO"},
                "ocppVersion": "OCPP21",
                "ocppInterface": "Any",
                "ocppTransport": "JSON",
                "messageTimeout": 30,
                "ocppCsmsUrl": "ws://csms",
                "securityProfile": 1,
                "identity": "CP9",
                "basicAuthPassword": "secret",
                "vpn": {"server": "s", "user": "u", "password": "p", "key": "k", "type": "IPSec"},
            },
        },
    ),
    (
        PublishFirmware(location="https://x/y", checksum="ab", request_id=1, retries=2),
        "PublishFirmware",
        {"location": "https://x/y", "retries": 2, "checksum": "ab", "requestId": 1},
        ...,
    ),
    (UnpublishFirmware(checksum="ab"), "UnpublishFirmware", {"checksum": "ab"}, ...),
]


@pytest.mark.parametrize(("operation", "action", "older", "newer"), SENT)
def test_said_in_the_words_of_the_version(operation, action, older, newer):
    for version, payload in ((V16, None), (V201, older), (V21, older if newer is ... else newer)):
        if payload is None:
            with pytest.raises(NotSupported):
                sent(operation, version)
        else:
            assert sent(operation, version) == [(action, payload)]


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        (SetDisplayMessage(message_id=1, wording=HELLO, state="Discharging"), "Discharging"),
        (
            SetMonitors(monitors=(Monitor(variable="A/B", type="TargetDelta", value=1, severity=1),)),
            "TargetDelta",
        ),
        (
            SetNetworkProfile(slot=1, url="ws://x", security_profile=1, message_timeout=1),
            "any interface",
        ),
        (
            SetNetworkProfile(
                slot=1,
                url="ws://x",
                security_profile=1,
                message_timeout=1,
                interface="Wired0",
                version="ocpp2.1",
            ),
            "ocpp2.1",
        ),
    ],
)
def test_what_came_with_2_1_is_refused_by_name_in_2_0_1(operation, what):
    with pytest.raises(NotSupported, match=f"OCPP 2.0.1 has no .*{what}"):
        sent(operation, V201)
    assert sent(operation, V21)


@pytest.mark.parametrize(
    "operation",
    [
        SetMonitors(monitors=()),
        SetMonitors(monitors=(Monitor(variable="whole", type="Delta", value=1, severity=1),)),
        ReportVariables(request_id=1, variables=("A/B;;Target",)),
        ReportVariables(request_id=1, variables=("",)),
        ClearMonitors(monitor_ids=()),
        CustomerInformation(request_id=1, customer="C1", additional_info=(PIN,)),
        SetDisplayMessage(message_id=1, wording=Wording(content="x" * 2_000)),
    ],
)
@pytest.mark.parametrize("version", [V201, V21])
def test_what_makes_no_sense_is_not_said(operation, version):
    with pytest.raises(Invalid):
        sent(operation, version)


# --- answers ------------------------------------------------------------------------------------------------


def result(name, status, **more):
    component, variable = name.split("/")
    place = {"component": {"name": component}, "variable": {"name": variable}}
    return {"status": status, "type": "Delta", "severity": 1, **place, **more}


def delta(name):
    return Monitor(variable=name, type="Delta", value=1, severity=1)


@pytest.mark.parametrize("version", [V201, V21])
def test_each_monitor_has_its_outcome(version):
    wanted = SetMonitors(monitors=(delta("A/B"), delta("c/d"), delta("E/F")))
    info = {"reasonCode": "Bad"}
    answer = {
        "setMonitoringResult": [
            result("C/D", "Accepted", id=12),
            result("A/B", "UnsupportedMonitorType", statusInfo=info),
        ]
    }
    told = read(wanted, version, answer)
    assert told.verdict is Verdict.REJECTED
    assert [(one.variable, one.verdict, one.word, one.monitor_id) for one in told.outcomes] == [
        ("A/B", Verdict.NOT_SUPPORTED, "UnsupportedMonitorType", None),
        ("c/d", Verdict.ACCEPTED, "Accepted", 12),
        ("E/F", Verdict.REJECTED, "Rejected", None),
    ]
    assert told.outcomes[0].reason == "Bad"


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("Accepted", Verdict.ACCEPTED),
        ("Duplicate", Verdict.REJECTED),
        ("UnknownComponent", Verdict.NOT_FOUND),
        ("UnsupportedMonitorType", Verdict.NOT_SUPPORTED),
    ],
)
def test_a_single_monitor_speaks_for_itself(status, verdict):
    told = read(
        SetMonitors(monitors=(delta("A/B"),)),
        V201,
        {"setMonitoringResult": [result("A/B", status, id=0)]},
    )
    assert (told.verdict, told.word) == (verdict, status)
    assert told.outcomes[0].monitor_id == (0 if status == "Accepted" else None)


@pytest.mark.parametrize("version", [V201, V21])
def test_no_more_monitors_in_a_message_than_the_station_takes(version):
    limits = {"SetVariableMonitoring": 2, "ClearVariableMonitoring": 1}
    cp = replace(station(version), items_per_message=limits)
    asked = encoded(SetMonitors(monitors=(delta("A/B"), delta("C/D"), delta("E/F"))), cp)
    assert [len(request.set_monitoring_data) for request in asked.requests] == [2, 1]
    kind = answer_type(asked.requests[0], version)
    answers = [
        msgspec.convert({"setMonitoringResult": [result(name, "Accepted", id=number)]}, kind)
        for number, name in enumerate(("C/D", "E/F"))
    ]
    told = asked.read(answers)
    assert [one.monitor_id for one in told.outcomes] == [None, 0, 1]
    assert told.verdict is Verdict.REJECTED
    cleared = encoded(ClearMonitors(monitor_ids=(1, 2)), cp)
    assert [request.id for request in cleared.requests] == [[1], [2]]


def test_each_cleared_monitor_has_its_verdict():
    wanted = ClearMonitors(monitor_ids=(1, 2, 3))
    answer = {"clearMonitoringResult": [{"id": 2, "status": "NotFound"}, {"id": 1, "status": "Accepted"}]}
    told = read(wanted, V21, answer)
    assert told.verdict is Verdict.REJECTED
    assert told.verdicts == {"1": Verdict.ACCEPTED, "2": Verdict.NOT_FOUND, "3": Verdict.REJECTED}


def test_a_monitor_that_is_named_twice_is_cleared_once():
    wanted = ClearMonitors(monitor_ids=(2, 1, 2))
    assert sent(wanted, V21) == [("ClearVariableMonitoring", {"id": [2, 1]})]
    answer = {"clearMonitoringResult": [{"id": one, "status": "Accepted"} for one in (1, 2, 2)]}
    assert read(wanted, V21, answer).verdicts == {"1": Verdict.ACCEPTED, "2": Verdict.ACCEPTED}


@pytest.mark.parametrize(
    ("operation", "word", "verdict"),
    [
        (SetDisplayMessage(message_id=4, wording=HELLO), "UnknownTransaction", Verdict.NOT_FOUND),
        (SetDisplayMessage(message_id=4, wording=HELLO), "NotSupportedState", Verdict.NOT_SUPPORTED),
        (GetDisplayMessages(request_id=1), "Unknown", Verdict.NOT_FOUND),
        (ReportMonitors(request_id=1), "EmptyResultSet", Verdict.NOT_FOUND),
        (ReportVariables(request_id=1), "NotSupported", Verdict.NOT_SUPPORTED),
        (ReportProfiles(request_id=1), "NoProfiles", Verdict.NOT_FOUND),
        (CustomerInformation(request_id=1), "Invalid", Verdict.REJECTED),
        (NETWORK, "Failed", Verdict.FAILED),
        (UnpublishFirmware(checksum="ab"), "Unpublished", Verdict.ACCEPTED),
        (UnpublishFirmware(checksum="ab"), "NoFirmware", Verdict.NOT_FOUND),
        (UnpublishFirmware(checksum="ab"), "DownloadOngoing", Verdict.REJECTED),
    ],
)
@pytest.mark.parametrize("version", [V201, V21])
def test_statuses_become_verdicts(operation, version, word, verdict):
    told = read(operation, version, {"status": word})
    assert (told.verdict, told.word) == (verdict, word)
