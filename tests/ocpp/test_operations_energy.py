"""Grid control, tariffs, costs, batteries and event streams: 2.1's, but for the costs of a transaction."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.errors import Invalid, NotSupported
from engine.ocpp.blocks.battery_swap.battery_swap import RequestBatterySwap
from engine.ocpp.blocks.bidirectional.allow_energy_transfer import AllowEnergyTransfer
from engine.ocpp.blocks.bidirectional.signal_reserve import SignalReserve
from engine.ocpp.blocks.der_control.clear_der_controls import ClearDerControls
from engine.ocpp.blocks.der_control.report_der_controls import ReportDerControls
from engine.ocpp.blocks.der_control.set_der_control import SetDerControl
from engine.ocpp.blocks.monitoring.adjust_event_stream import AdjustEventStream
from engine.ocpp.blocks.monitoring.get_event_streams import EventStream, GetEventStreams
from engine.ocpp.blocks.payment.web_payment import ShowWebPayment
from engine.ocpp.blocks.smart_charging.dynamic import UpdateDynamicSchedule
from engine.ocpp.blocks.smart_charging.priority_charging import UsePriorityCharging
from engine.ocpp.blocks.tariffs.change_tariff import ChangeTariff
from engine.ocpp.blocks.tariffs.clear_tariffs import ClearTariffs
from engine.ocpp.blocks.tariffs.get_tariffs import GetTariffs, TariffAssignment
from engine.ocpp.blocks.tariffs.set_default_tariff import SetDefaultTariff
from engine.ocpp.blocks.tariffs.update_cost import UpdateCost
from engine.ocpp.blocks.tokens import AdditionalInfo
from engine.ocpp.operation import Verdict
from tests.ocpp.encoding import NOON, NOON_TEXT, V16, V21, V201, read, sent

TARIFF = {"tariffId": "T1", "currency": "EUR", "energy": {"prices": [{"priceKwh": 0.5}]}}
CURVE = {"curveData": [{"x": 1.0, "y": 2.0}], "priority": 1, "yUnit": "PctMaxW"}
FIXED = {"priority": 1, "setpoint": 5.0, "unit": "PctMaxVar"}

# (operation, action, payload); all of them 2.1's alone, unless V201 says otherwise
SENT = [
    (
        UpdateCost(transaction_id="5", total=Decimal("12.34")),
        "CostUpdated",
        {"totalCost": 12.34, "transactionId": "5"},
    ),
    (
        SetDerControl(control_id="c", type="VoltVar", setting=CURVE),
        "SetDERControl",
        {"isDefault": False, "controlId": "c", "controlType": "VoltVar", "curve": CURVE},
    ),
    (
        SetDerControl(control_id="c", type="FixedVar", setting=FIXED, default=True),
        "SetDERControl",
        {"isDefault": True, "controlId": "c", "controlType": "FixedVar", "fixedVar": FIXED},
    ),
    (
        RequestBatterySwap(
            id_tag="A",
            request_id=1,
            additional_info=(AdditionalInfo(additional_id_token="B", type="PIN"),),
        ),
        "RequestBatterySwap",
        {
            "requestId": 1,
            "idToken": {
                "idToken": "A",
                "type": "ISO14443",
                "additionalInfo": [{"additionalIdToken": "B", "type": "PIN"}],
            },
        },
    ),
    (ReportDerControls(request_id=1), "GetDERControl", {"requestId": 1}),
    (
        ReportDerControls(request_id=1, type="VoltVar", default=False),
        "GetDERControl",
        {"requestId": 1, "isDefault": False, "controlType": "VoltVar"},
    ),
    (
        ReportDerControls(request_id=1, control_id="c"),
        "GetDERControl",
        {"requestId": 1, "controlId": "c"},
    ),
    (
        ClearDerControls(default=True, type="VoltVar"),
        "ClearDERControl",
        {"isDefault": True, "controlType": "VoltVar"},
    ),
    (
        SignalReserve(at=NOON, signal=-3),
        "AFRRSignal",
        {"timestamp": NOON_TEXT, "signal": -3},
    ),
    (
        UpdateDynamicSchedule(profile_id=7, values={"limit": 8.0, "limit_L2": 7.0}),
        "UpdateDynamicSchedule",
        {"chargingProfileId": 7, "scheduleUpdate": {"limit": 8.0, "limit_L2": 7.0}},
    ),
    (
        UsePriorityCharging(transaction_id="5", active=False),
        "UsePriorityCharging",
        {"transactionId": "5", "activate": False},
    ),
    (
        AllowEnergyTransfer(transaction_id="5", modes=("DC", "DC_BPT")),
        "NotifyAllowedEnergyTransfer",
        {"transactionId": "5", "allowedEnergyTransfer": ["DC", "DC_BPT"]},
    ),
    (
        RequestBatterySwap(id_tag="TAG", request_id=1),
        "RequestBatterySwap",
        {"idToken": {"idToken": "TAG", "type": "ISO14443"}, "requestId": 1},
    ),
    (SetDefaultTariff(tariff=TARIFF), "SetDefaultTariff", {"evseId": 0, "tariff": TARIFF}),
    (GetTariffs(evse_number=2), "GetTariffs", {"evseId": 2}),
    (ClearTariffs(), "ClearTariffs", {}),
    (
        ClearTariffs(tariff_ids=("T1",), evse_number=2),
        "ClearTariffs",
        {"tariffIds": ["T1"], "evseId": 2},
    ),
    (
        ChangeTariff(transaction_id="5", tariff=TARIFF),
        "ChangeTransactionTariff",
        {"tariff": TARIFF, "transactionId": "5"},
    ),
    (
        ShowWebPayment(evse_number=2, timeout=60),
        "NotifyWebPaymentStarted",
        {"evseId": 2, "timeout": 60},
    ),
    (GetEventStreams(), "GetPeriodicEventStream", {}),
    (
        AdjustEventStream(stream_id=3, interval=10, values=5),
        "AdjustPeriodicEventStream",
        {"id": 3, "params": {"interval": 10, "values": 5}},
    ),
]


@pytest.mark.parametrize(("operation", "action", "payload"), SENT)
def test_said_in_the_words_of_2_1(operation, action, payload):
    assert sent(operation, V21) == [(action, payload)]
    for version in (V16, V201):
        if version == V201 and isinstance(operation, UpdateCost):
            assert sent(operation, version) == [(action, payload)]
        else:
            with pytest.raises(NotSupported, match=f"{version} has no {type(operation).__name__}"):
                sent(operation, version)


@pytest.mark.parametrize(
    "operation",
    [
        SetDerControl(control_id="c", type="Unheard", setting=CURVE),
        SetDerControl(control_id="c", type="VoltVar", setting=FIXED),
        SetDefaultTariff(tariff={"tariffId": "T1"}),
        UpdateDynamicSchedule(profile_id=7, values={"limitL2": 7}),
        AllowEnergyTransfer(transaction_id="5", modes=()),
        AllowEnergyTransfer(transaction_id="5", modes=("Steam",)),
    ],
)
def test_what_breaks_the_schema_is_not_said(operation):
    with pytest.raises(Invalid):
        sent(operation, V21)


# --- answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [V201, V21])
def test_an_answer_without_a_status_is_accepted(version):
    told = read(UpdateCost(transaction_id="5", total=Decimal(1)), version, {})
    assert (told.verdict, told.word) == (Verdict.ACCEPTED, "Accepted")


def test_a_grid_control_says_what_it_takes_the_place_of():
    wanted = SetDerControl(control_id="c", type="VoltVar", setting=CURVE)
    told = read(wanted, V21, {"status": "Accepted", "supersededIds": ["a", "b"]})
    assert (told.verdict, told.superseded) == (Verdict.ACCEPTED, ("a", "b"))
    assert read(wanted, V21, {"status": "NotSupported"}).verdict is Verdict.NOT_SUPPORTED


def test_tariffs_and_where_they_hold():
    assignments = [
        {"tariffId": "T1", "tariffKind": "DefaultTariff", "validFrom": NOON, "evseIds": [1, 2]},
        {"tariffId": "T2", "tariffKind": "DriverTariff", "idTokens": ["TAG"]},
    ]
    told = read(GetTariffs(), V21, {"status": "Accepted", "tariffAssignments": assignments})
    assert told.assignments == (
        TariffAssignment(tariff_id="T1", kind="DefaultTariff", valid_from=NOON, evse_numbers=(1, 2)),
        TariffAssignment(tariff_id="T2", kind="DriverTariff", id_tags=("TAG",)),
    )
    assert read(GetTariffs(), V21, {"status": "NoTariff"}).verdict is Verdict.NOT_FOUND


def test_each_cleared_tariff_has_its_verdict():
    results = [{"tariffId": "T1", "status": "Accepted"}, {"tariffId": "T2", "status": "NoTariff"}]
    told = read(ClearTariffs(tariff_ids=("T1", "T2")), V21, {"clearTariffsResult": results})
    assert told.verdict is Verdict.REJECTED
    assert told.verdicts == {"T1": Verdict.ACCEPTED, "T2": Verdict.NOT_FOUND}
    told = read(ClearTariffs(), V21, {"clearTariffsResult": results[:1]})
    assert (told.verdict, told.word) == (Verdict.ACCEPTED, "Accepted")
    told = read(ClearTariffs(), V21, {"clearTariffsResult": [{"status": "NoTariff"}]})
    assert (told.verdict, told.word) == (Verdict.NOT_FOUND, "NoTariff")


def test_results_of_tariffs_may_come_twice_or_without_a_name():
    results = [
        {"tariffId": "T1", "status": "Accepted"},
        {"status": "NoTariff"},
        {"tariffId": "T1", "status": "NoTariff"},
        {"tariffId": "T1", "status": "Accepted"},
    ]
    told = read(ClearTariffs(tariff_ids=("T1", "T1")), V21, {"clearTariffsResult": results})
    assert told.verdicts == {"T1": Verdict.NOT_FOUND}
    assert (told.verdict, told.word) == (Verdict.REJECTED, "NoTariff")


@pytest.mark.parametrize(
    ("operation", "word", "verdict"),
    [
        (ChangeTariff(transaction_id="5", tariff=TARIFF), "TxNotFound", Verdict.NOT_FOUND),
        (ChangeTariff(transaction_id="5", tariff=TARIFF), "NoCurrencyChange", Verdict.REJECTED),
        (SetDefaultTariff(tariff=TARIFF), "ConditionNotSupported", Verdict.NOT_SUPPORTED),
        (SetDefaultTariff(tariff=TARIFF), "TooManyElements", Verdict.REJECTED),
        (UsePriorityCharging(transaction_id="5"), "NoProfile", Verdict.NOT_FOUND),
        (ClearDerControls(default=False), "NotFound", Verdict.NOT_FOUND),
    ],
)
def test_statuses_become_verdicts(operation, word, verdict):
    told = read(operation, V21, {"status": word})
    assert (told.verdict, told.word) == (verdict, word)


def test_open_streams():
    open_one = {"id": 3, "params": {"interval": 10}, "variableMonitoringId": 12}
    told = read(GetEventStreams(), V21, {"constantStreamData": [open_one]})
    assert told.streams == (EventStream(stream_id=3, monitor_id=12, interval=10),)
    assert read(GetEventStreams(), V21, {}).streams == ()
