"""Display, monitors, reports, network profiles and firmware of a controller: said in 2.x, not in 1.6."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from engine.errors import Invalid, NotSupported
from engine.ocpp import intents_device as intents
from engine.ocpp.intents import AdditionalInfo, CertificateHash, Intent, Verdict
from engine.ocpp.translation import translate
from tests.ocpp.translating import NOON, NOON_TEXT, V16, V21, V201, answer_type, read, said, station

HELLO = intents.Wording(content="Hello", language="en")
HALLO = intents.Wording(content="Hallo", language="de")
HELLO_2X = {"format": "UTF8", "language": "en", "content": "Hello"}
PIN = AdditionalInfo(additional_id_token="1", type="PIN")
DIGEST = CertificateHash(
    hash_algorithm="SHA256", issuer_name_hash="aa", issuer_key_hash="bb", serial_number="01"
)
HOT = intents.Monitor(variable="EVSE;;1/Temperature", type="UpperThreshold", value=70.5, severity=3)
HOT_2X = {
    "value": 70.5,
    "type": "UpperThreshold",
    "severity": 3,
    "component": {"name": "EVSE", "evse": {"id": 1}},
    "variable": {"name": "Temperature"},
}
STREAMED = intents.Monitor(
    variable="A/B", type="Periodic", value=5, severity=9, stream=intents.Stream(interval=60)
)
NETWORK = intents.SetNetworkProfile(
    slot=1, url="wss://csms", security_profile=2, message_timeout=30, interface="Wired0"
)
NETWORK_2X = {
    "ocppTransport": "JSON",
    "ocppCsmsUrl": "wss://csms",
    "messageTimeout": 30,
    "securityProfile": 2,
    "ocppInterface": "Wired0",
}

# (intent, action, payload of 2.0.1, payload of 2.1); None: it cannot say that
SAID = [
    (intents.ClearDisplayMessage(message_id=4), "ClearDisplayMessage", {"id": 4}, ...),
    (
        intents.SetDisplayMessage(message_id=4, wording=HELLO),
        "SetDisplayMessage",
        {"message": {"id": 4, "priority": "NormalCycle", "message": HELLO_2X}},
        ...,
    ),
    (
        intents.SetDisplayMessage(
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
        intents.SetDisplayMessage(message_id=4, wording=HELLO, others=(HALLO,)),
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
        intents.SetDisplayMessage(message_id=4, wording=intents.Wording(content="x", format="QRCODE")),
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
    (intents.GetDisplayMessages(request_id=1), "GetDisplayMessages", {"requestId": 1}, ...),
    (
        intents.GetDisplayMessages(request_id=1, message_ids=(4, 5), priority="InFront", state="Faulted"),
        "GetDisplayMessages",
        {"id": [4, 5], "requestId": 1, "priority": "InFront", "state": "Faulted"},
        ...,
    ),
    (
        intents.GetDisplayMessages(request_id=1, state="Suspended"),
        "GetDisplayMessages",
        None,
        {"requestId": 1, "state": "Suspended"},
    ),
    (intents.SetMonitors(monitors=(HOT,)), "SetVariableMonitoring", {"setMonitoringData": [HOT_2X]}, ...),
    (
        intents.SetMonitors(monitors=(STREAMED,)),
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
    (intents.ClearMonitors(monitor_ids=(1, 2)), "ClearVariableMonitoring", {"id": [1, 2]}, ...),
    (intents.ReportMonitors(request_id=1), "GetMonitoringReport", {"requestId": 1}, ...),
    (
        intents.ReportMonitors(request_id=1, variables=("A;x/B", "C"), kinds=("Threshold", "Delta")),
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
        intents.SetMonitoringBase(base="FactoryDefault"),
        "SetMonitoringBase",
        {"monitoringBase": "FactoryDefault"},
        ...,
    ),
    (intents.SetMonitoringLevel(severity=5), "SetMonitoringLevel", {"severity": 5}, ...),
    (
        intents.ReportVariables(request_id=1, variables=("A/B",), conditions=("Problem",)),
        "GetReport",
        {
            "componentVariable": [{"component": {"name": "A"}, "variable": {"name": "B"}}],
            "requestId": 1,
            "componentCriteria": ["Problem"],
        },
        ...,
    ),
    (
        intents.ReportProfiles(request_id=1, profile_ids=(7,)),
        "GetChargingProfiles",
        {"requestId": 1, "chargingProfile": {"chargingProfileId": [7]}},
        ...,
    ),
    (
        intents.ReportProfiles(
            request_id=1, evse_number=0, purpose="TxProfile", stack_level=0, sources=("EMS",)
        ),
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
        intents.ReportProfiles(request_id=1, purpose="PriorityCharging"),
        "GetChargingProfiles",
        None,
        {"requestId": 1, "chargingProfile": {"chargingProfilePurpose": "PriorityCharging"}},
    ),
    (
        intents.CustomerInformation(request_id=1, clear=True, id_tag="TAG"),
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
        intents.CustomerInformation(request_id=1, id_tag="T", additional_info=(PIN,)),
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
        intents.CustomerInformation(request_id=1, report=False, clear=True, certificate=DIGEST),
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
        intents.CustomerInformation(request_id=1, customer="C1"),
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
        intents.SetNetworkProfile(
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
        intents.PublishFirmware(location="https://x/y", checksum="ab", request_id=1, retries=2),
        "PublishFirmware",
        {"location": "https://x/y", "retries": 2, "checksum": "ab", "requestId": 1},
        ...,
    ),
    (intents.UnpublishFirmware(checksum="ab"), "UnpublishFirmware", {"checksum": "ab"}, ...),
]


@pytest.mark.parametrize(("intent", "action", "older", "newer"), SAID)
def test_said_in_the_words_of_the_version(intent, action, older, newer):
    for version, payload in ((V16, None), (V201, older), (V21, older if newer is ... else newer)):
        if payload is None:
            with pytest.raises(NotSupported):
                said(intent, version)
        else:
            assert said(intent, version) == [(action, payload)]


def test_every_kind_of_intent_is_tried():
    kinds = {kind for kind in Intent.__subclasses__() if kind.__module__ == intents.__name__}
    assert kinds == {type(row[0]) for row in SAID}


@pytest.mark.parametrize(
    ("intent", "what"),
    [
        (intents.SetDisplayMessage(message_id=1, wording=HELLO, state="Discharging"), "Discharging"),
        (
            intents.SetMonitors(
                monitors=(intents.Monitor(variable="A/B", type="TargetDelta", value=1, severity=1),)
            ),
            "TargetDelta",
        ),
        (
            intents.SetNetworkProfile(slot=1, url="ws://x", security_profile=1, message_timeout=1),
            "any interface",
        ),
        (
            intents.SetNetworkProfile(
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
def test_what_came_with_2_1_is_refused_by_name_in_2_0_1(intent, what):
    with pytest.raises(NotSupported, match=f"OCPP 2.0.1 has no .*{what}"):
        said(intent, V201)
    assert said(intent, V21)


@pytest.mark.parametrize(
    "intent",
    [
        intents.SetMonitors(monitors=()),
        intents.SetMonitors(monitors=(intents.Monitor(variable="whole", type="Delta", value=1, severity=1),)),
        intents.ReportVariables(request_id=1, variables=("A/B;;Target",)),
        intents.ReportVariables(request_id=1, variables=("",)),
        intents.ClearMonitors(monitor_ids=()),
        intents.CustomerInformation(request_id=1, customer="C1", additional_info=(PIN,)),
        intents.SetDisplayMessage(message_id=1, wording=intents.Wording(content="x" * 2_000)),
    ],
)
@pytest.mark.parametrize("version", [V201, V21])
def test_what_makes_no_sense_is_not_said(intent, version):
    with pytest.raises(Invalid):
        said(intent, version)


# --- answers ------------------------------------------------------------------------------------------------


def result(name, status, **more):
    component, variable = name.split("/")
    place = {"component": {"name": component}, "variable": {"name": variable}}
    return {"status": status, "type": "Delta", "severity": 1, **place, **more}


def delta(name):
    return intents.Monitor(variable=name, type="Delta", value=1, severity=1)


@pytest.mark.parametrize("version", [V201, V21])
def test_each_monitor_has_its_outcome(version):
    wanted = intents.SetMonitors(monitors=(delta("A/B"), delta("c/d"), delta("E/F")))
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
        intents.SetMonitors(monitors=(delta("A/B"),)),
        V201,
        {"setMonitoringResult": [result("A/B", status, id=0)]},
    )
    assert (told.verdict, told.word) == (verdict, status)
    assert told.outcomes[0].monitor_id == (0 if status == "Accepted" else None)


@pytest.mark.parametrize("version", [V201, V21])
def test_no_more_monitors_in_a_message_than_the_station_takes(version):
    limits = {"SetVariableMonitoring": 2, "ClearVariableMonitoring": 1}
    cp = replace(station(version), items_per_message=limits)
    translation = translate(intents.SetMonitors(monitors=(delta("A/B"), delta("C/D"), delta("E/F"))), cp)
    assert [len(request.set_monitoring_data) for request in translation.requests] == [2, 1]
    kind = answer_type(translation.requests[0], version)
    answers = [
        msgspec.convert({"setMonitoringResult": [result(name, "Accepted", id=number)]}, kind)
        for number, name in enumerate(("C/D", "E/F"))
    ]
    told = translation.read(answers)
    assert [one.monitor_id for one in told.outcomes] == [None, 0, 1]
    assert told.verdict is Verdict.REJECTED
    cleared = translate(intents.ClearMonitors(monitor_ids=(1, 2)), cp)
    assert [request.id for request in cleared.requests] == [[1], [2]]


def test_each_cleared_monitor_has_its_verdict():
    wanted = intents.ClearMonitors(monitor_ids=(1, 2, 3))
    answer = {"clearMonitoringResult": [{"id": 2, "status": "NotFound"}, {"id": 1, "status": "Accepted"}]}
    told = read(wanted, V21, answer)
    assert told.verdict is Verdict.REJECTED
    assert told.verdicts == {"1": Verdict.ACCEPTED, "2": Verdict.NOT_FOUND, "3": Verdict.REJECTED}


def test_a_monitor_that_is_named_twice_is_cleared_once():
    wanted = intents.ClearMonitors(monitor_ids=(2, 1, 2))
    assert said(wanted, V21) == [("ClearVariableMonitoring", {"id": [2, 1]})]
    answer = {"clearMonitoringResult": [{"id": one, "status": "Accepted"} for one in (1, 2, 2)]}
    assert read(wanted, V21, answer).verdicts == {"1": Verdict.ACCEPTED, "2": Verdict.ACCEPTED}


@pytest.mark.parametrize(
    ("intent", "word", "verdict"),
    [
        (intents.SetDisplayMessage(message_id=4, wording=HELLO), "UnknownTransaction", Verdict.NOT_FOUND),
        (intents.SetDisplayMessage(message_id=4, wording=HELLO), "NotSupportedState", Verdict.NOT_SUPPORTED),
        (intents.GetDisplayMessages(request_id=1), "Unknown", Verdict.NOT_FOUND),
        (intents.ReportMonitors(request_id=1), "EmptyResultSet", Verdict.NOT_FOUND),
        (intents.ReportVariables(request_id=1), "NotSupported", Verdict.NOT_SUPPORTED),
        (intents.ReportProfiles(request_id=1), "NoProfiles", Verdict.NOT_FOUND),
        (intents.CustomerInformation(request_id=1), "Invalid", Verdict.REJECTED),
        (NETWORK, "Failed", Verdict.FAILED),
        (intents.UnpublishFirmware(checksum="ab"), "Unpublished", Verdict.ACCEPTED),
        (intents.UnpublishFirmware(checksum="ab"), "NoFirmware", Verdict.NOT_FOUND),
        (intents.UnpublishFirmware(checksum="ab"), "DownloadOngoing", Verdict.REJECTED),
    ],
)
@pytest.mark.parametrize("version", [V201, V21])
def test_statuses_become_verdicts(intent, version, word, verdict):
    told = read(intent, version, {"status": word})
    assert (told.verdict, told.word) == (verdict, word)
