"""What a station of OCPP 2.x is asked beyond charging: reports, monitors, display, profiles, tariffs."""

from __future__ import annotations

from datetime import timedelta

import pytest
import trio

from engine.simulator.v2x import Charger21
from engine.simulator.v2x.commands import COMMANDS
from engine.simulator.v2x.display import MOST_MESSAGES
from engine.simulator.v2x.reply import parts

POWER = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}
STATE = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "AvailabilityState"}}


@pytest.fixture
def ask(newer, central):
    """The typed answer to a request; a CALLERROR comes as its frame."""

    async def ask(action, **members):
        return await central.send("CP-1", newer.say(action, **members))

    return ask


OF_2_1 = pytest.mark.parametrize("newer", [Charger21], indirect=True, ids=["2.1"])


async def charging(charger, car):
    connector = charger.connectors[0]
    charger.plug(connector, car)
    assert await charger.present(connector, "TAG-1")
    await trio.sleep(10)
    return connector


def test_parts_are_numbered_and_the_last_says_so():
    assert parts([1, 2, 3], 2) == [(0, [1, 2], True), (1, [3], False)]
    assert parts([], 2) == []


# Reports


def reported(central, request_id):
    return [
        (data.component.name, data.variable.name)
        for part in central.of("NotifyReport")
        if part.request_id == request_id
        for data in part.report_data
    ]


async def test_a_report_of_some_components(newer, central, ask, autojump_clock):
    wanted = [
        {"component": {"name": "txctrlr"}},
        {"component": {"name": "EVSE", "evse": {"id": 2}}, "variable": {"name": "Power"}},
    ]
    assert (await ask("GetReport", requestId=4, componentVariable=wanted)).status == "Accepted"
    await trio.sleep(5)
    names = reported(central, 4)
    assert names.count(("EVSE", "Power")) == 1
    assert ("TxCtrlr", "StopTxOnInvalidId") in names
    assert {component for component, _ in names} == {"TxCtrlr", "EVSE"}


async def test_a_report_of_components_with_a_problem(newer, central, ask, autojump_clock):
    empty = await ask("GetReport", requestId=5, componentCriteria=["Problem"])
    assert empty.status == "EmptyResultSet"
    newer.break_down(newer.connectors[0], "GroundFailure")
    await ask("GetReport", requestId=6, componentCriteria=["Problem"])
    await trio.sleep(5)
    assert {component for component, _ in reported(central, 6)} == {"EVSE", "Connector"}
    unknown = [{"component": {"name": "Teapot"}}]
    answer = await ask("GetReport", requestId=7, componentVariable=unknown)
    assert answer.status == "EmptyResultSet"


@pytest.mark.usefixtures("newer")
@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("FullInventory", {("EVSE", "Power"): True, ("EVSE", "Weight"): False}),
        ("ConfigurationInventory", {("TxCtrlr", "EVConnectionTimeOut"): True, ("EVSE", "Power"): False}),
        (
            "SummaryInventory",
            {("Connector", "AvailabilityState"): True, ("TxCtrlr", "EVConnectionTimeOut"): False},
        ),
    ],
)
async def test_base_reports(central, ask, base, expected, autojump_clock):
    assert (await ask("GetBaseReport", requestId=8, reportBase=base)).status == "Accepted"
    await trio.sleep(5)
    names = reported(central, 8)
    assert {name: name in names for name in expected} == expected


async def test_variables_follow_what_happens(newer, central, ask, car, autojump_clock):
    await charging(newer, car)
    answer = await ask("GetVariables", getVariableData=[POWER, STATE])
    power, state = (result.attribute_value for result in answer.get_variable_result)
    assert float(power) > 5_000
    assert state == "Occupied"


# Monitors


def monitor(kind, value, *, on=POWER, severity=4, **more):
    return {"type": kind, "value": value, "severity": severity, **on, **more}


def events(central):
    return [data for message in central.of("NotifyEvent") for data in message.event_data]


async def test_a_threshold_is_told_when_it_is_crossed_and_when_it_is_not_any_more(
    newer, central, ask, car, autojump_clock
):
    wanted = [monitor("UpperThreshold", 3_000.0)]
    (result,) = (await ask("SetVariableMonitoring", setMonitoringData=wanted)).set_monitoring_result
    assert result.status == "Accepted"
    connector = await charging(newer, car)
    (begun,) = events(central)
    assert (begun.trigger, begun.cleared or False) == ("Alerting", False)
    assert begun.variable_monitoring_id == result.id
    assert begun.event_notification_type == "CustomMonitor"
    assert begun.transaction_id == connector.entry.transaction_id
    assert float(begun.actual_value) > 3_000
    newer.unplug(connector)
    await trio.sleep(10)
    assert [event.cleared or False for event in events(central)] == [False, True]
    assert events(central)[1].event_id > begun.event_id


async def test_periods_and_changes_are_told(newer, central, ask, car, autojump_clock):
    wanted = [monitor("Periodic", 60.0), monitor("Delta", 1.0, on=STATE)]
    await ask("SetVariableMonitoring", setMonitoringData=wanted)
    await trio.sleep(190)
    assert [event.trigger for event in events(central)] == ["Periodic"] * 3
    newer.plug(newer.connectors[0], car)
    await trio.sleep(10)
    changed = events(central)[-1]
    assert (changed.trigger, changed.actual_value) == ("Delta", "Occupied")


async def test_a_monitor_for_transactions_is_quiet_without_one(newer, central, ask, car, autojump_clock):
    await ask("SetVariableMonitoring", setMonitoringData=[monitor("Periodic", 20.0, transaction=True)])
    await trio.sleep(120)
    assert events(central) == []
    await charging(newer, car)
    await trio.sleep(60)
    assert events(central)


async def test_what_cannot_be_watched(newer, central, ask, autojump_clock):
    interval = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
    wanted = [
        monitor("UpperThreshold", 3_000.0),
        monitor("UpperThreshold", 4_000.0),
        monitor("UpperThreshold", 4_000.0, on=STATE),
        monitor("UpperThreshold", 4_000.0, on=interval),
        monitor("Delta", -1.0),
        monitor("Delta", 1.0, id=999),
        monitor("Delta", 1.0, on={**POWER, "component": {"name": "Teapot"}}),
        monitor("Delta", 1.0, on={**POWER, "variable": {"name": "Weight"}}),
    ]
    answer = await ask("SetVariableMonitoring", setMonitoringData=wanted)
    assert [result.status for result in answer.set_monitoring_result] == [
        "Accepted",
        "Duplicate",
        "UnsupportedMonitorType",
        "Rejected",
        "Rejected",
        "Rejected",
        "UnknownComponent",
        "UnknownVariable",
    ]


async def test_monitors_are_replaced_and_cleared(newer, central, ask, autojump_clock):
    (first,) = (
        await ask("SetVariableMonitoring", setMonitoringData=[monitor("Delta", 5.0)])
    ).set_monitoring_result
    wanted = [monitor("Delta", 9.0, id=first.id)]
    (again,) = (await ask("SetVariableMonitoring", setMonitoringData=wanted)).set_monitoring_result
    assert (again.status, again.id) == ("Accepted", first.id)
    for word in ("Accepted", "NotFound"):
        answer = await ask("ClearVariableMonitoring", id=[first.id])
        assert [result.status for result in answer.clear_monitoring_result] == [word]


async def test_monitors_are_reported(newer, central, ask, autojump_clock):
    await ask("SetVariableMonitoring", setMonitoringData=[monitor("Delta", 5.0)])
    answer = await ask("GetMonitoringReport", requestId=9, monitoringCriteria=["DeltaMonitoring"])
    assert answer.status == "Accepted"
    await ask("GetMonitoringReport", requestId=10, componentVariable=[POWER])
    await trio.sleep(5)
    told = {
        number: [
            m.type
            for part in central.of("NotifyMonitoringReport")
            if part.request_id == number
            for data in part.monitor
            for m in data.variable_monitoring
        ]
        for number in (9, 10)
    }
    assert told == {9: ["Delta"], 10: ["UpperThreshold", "Delta"]}
    answer = await ask("GetMonitoringReport", requestId=11, monitoringCriteria=["PeriodicMonitoring"])
    assert answer.status == "EmptyResultSet"


@pytest.mark.parametrize(
    ("base", "left"), [("All", [True, True, False]), ("FactoryDefault", [True, True]), ("HardWiredOnly", [])]
)
async def test_what_is_left_of_the_monitors(newer, ask, base, left, autojump_clock):
    await ask("SetVariableMonitoring", setMonitoringData=[monitor("Delta", 5.0)])
    assert (await ask("SetMonitoringBase", monitoringBase=base)).status == "Accepted"
    found = newer.monitors.found([], None)
    factory = sorted((m.kind == "PreconfiguredMonitor" for m in found), reverse=True)
    assert factory == left


async def test_less_severe_events_are_not_told(newer, central, ask, autojump_clock):
    assert (await ask("SetMonitoringLevel", severity=10)).status == "Rejected"
    assert (await ask("SetMonitoringLevel", severity=3)).status == "Accepted"
    wanted = [monitor("Periodic", 20.0, severity=4), monitor("Periodic", 30.0, severity=3)]
    results = (await ask("SetVariableMonitoring", setMonitoringData=wanted)).set_monitoring_result
    await trio.sleep(130)
    assert {event.variable_monitoring_id for event in events(central)} == {results[1].id}


async def test_a_fault_is_noticed_without_being_watched(newer, central, autojump_clock):
    newer.break_down(newer.connectors[1], "OverVoltage")
    await trio.sleep(5)
    newer.break_down(newer.connectors[1], None)
    await trio.sleep(5)
    come, gone = events(central)
    assert (come.component.name, come.component.evse.id, come.variable.name) == ("Connector", 2, "Problem")
    assert (come.actual_value, come.tech_code) == ("true", "OverVoltage")
    assert (gone.actual_value, gone.cleared) == ("false", True)
    assert {come.event_notification_type, gone.event_notification_type} == {"HardWiredNotification"}


# Display


def text(number, priority="NormalCycle", style="UTF8", **more):
    return {"id": number, "priority": priority, "message": {"format": style, "content": "Hello"}, **more}


def shown(central, request_id):
    return [
        message.id
        for part in central.of("NotifyDisplayMessages")
        if part.request_id == request_id
        for message in part.message_info
    ]


async def test_messages_are_kept_told_and_cleared(newer, central, ask, autojump_clock):
    assert (await ask("GetDisplayMessages", requestId=1)).status == "Unknown"
    for number in range(1, 7):
        message = text(number, "InFront" if number % 2 else "NormalCycle")
        assert (await ask("SetDisplayMessage", message=message)).status == "Accepted"
    assert (await ask("GetDisplayMessages", requestId=2)).status == "Accepted"
    assert (
        await ask("GetDisplayMessages", requestId=3, priority="InFront", id=[1, 2, 3])
    ).status == "Accepted"
    await trio.sleep(5)
    assert shown(central, 2) == [1, 2, 3, 4, 5, 6]
    assert shown(central, 3) == [1, 3]
    assert [part.tbc for part in central.of("NotifyDisplayMessages")][:2] == [True, False]
    for word in ("Accepted", "Unknown"):
        assert (await ask("ClearDisplayMessage", id=4)).status == word


async def test_messages_that_are_not_shown(newer, central, ask, autojump_clock):
    async def word(message):
        return (await ask("SetDisplayMessage", message=message)).status

    assert await word(text(1, style="HTML")) == "NotSupportedMessageFormat"
    assert await word(text(1, transactionId="none")) == "UnknownTransaction"
    for number in range(MOST_MESSAGES):
        assert await word(text(number)) == "Accepted"
    assert await word(text(99)) == "Rejected"
    assert await word(text(1)) == "Accepted"


async def test_messages_end_with_their_time_and_their_transaction(newer, central, ask, car, autojump_clock):
    connector = await charging(newer, car)
    soon = central.now() + timedelta(minutes=1)
    await ask("SetDisplayMessage", message=text(1, transactionId=connector.entry.transaction_id))
    await ask("SetDisplayMessage", message=text(2, endDateTime=soon))
    await ask("SetDisplayMessage", message=text(3, "AlwaysFront"))
    await ask("SetDisplayMessage", message=text(4, "AlwaysFront"))
    await ask("GetDisplayMessages", requestId=5)
    await trio.sleep(90)
    newer.unplug(connector)
    await ask("GetDisplayMessages", requestId=6)
    await trio.sleep(5)
    assert shown(central, 5) == [1, 2, 4]
    assert shown(central, 6) == [4]


# Smart charging


def profile(number, purpose="TxDefaultProfile", stack=0, kind="Relative", limit=8.0, **more):
    schedule = {
        "id": 1,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
    }
    return {
        "id": number,
        "stackLevel": stack,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": [schedule],
        **more,
    }


async def test_profiles_are_told_as_they_came(newer, central, ask, autojump_clock):
    for evse, one in (
        (1, profile(5)),
        (2, profile(6, stack=1)),
        (0, profile(7, "ChargingStationMaxProfile")),
    ):
        assert (await ask("SetChargingProfile", evseId=evse, chargingProfile=one)).status == "Accepted"
    assert (await ask("GetChargingProfiles", requestId=1, chargingProfile={})).status == "Accepted"
    criteria = {"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 1}
    assert (await ask("GetChargingProfiles", requestId=2, chargingProfile=criteria)).status == "Accepted"
    none = await ask("GetChargingProfiles", requestId=3, evseId=2, chargingProfile={"chargingProfileId": [5]})
    assert none.status == "NoProfiles"
    await trio.sleep(5)
    told = central.of("ReportChargingProfiles")
    assert [(t.request_id, t.evse_id, t.tbc) for t in told] == [
        (1, 0, True),
        (1, 1, True),
        (1, 2, False),
        (2, 2, False),
    ]
    assert [t.charging_profile[0].id for t in told] == [7, 5, 6, 6]
    assert (
        told[1].charging_profile[0]
        == newer.say("SetChargingProfile", evseId=1, chargingProfile=profile(5)).charging_profile
    )


@OF_2_1
async def test_a_dynamic_profile_is_updated(newer, central, ask, car, autojump_clock):
    connector = await charging(newer, car)
    before = connector.outlet.read(newer.time.elapsed()).power_w

    async def update(number, **members):
        return (await ask("UpdateDynamicSchedule", chargingProfileId=number, scheduleUpdate=members)).status

    await ask("SetChargingProfile", evseId=1, chargingProfile=profile(5, kind="Dynamic", limit=16.0))
    await ask("SetChargingProfile", evseId=1, chargingProfile=profile(6, stack=1, limit=32.0))
    assert await update(6, limit=8.0) == "Rejected"
    assert await update(7, limit=8.0) == "Rejected"
    assert await update(5, setpoint=8.0) == "Rejected"
    await ask("ClearChargingProfile", chargingProfileId=6)
    assert await update(5, limit=8.0) == "Accepted"
    await trio.sleep(10)
    assert connector.outlet.read(newer.time.elapsed()).power_w < before * 0.6


@OF_2_1
async def test_a_transaction_does_not_go_on_after_a_reset(newer, ask, car, autojump_clock):
    await charging(newer, car)
    assert (await ask("Reset", type="ImmediateAndResume")).status == "Rejected"
    assert (await ask("Reset", type="OnIdle")).status == "Scheduled"


@OF_2_1
async def test_ways_of_charging(newer, central, ask, car, autojump_clock):
    connector = await charging(newer, car)
    number = connector.entry.transaction_id

    async def allowed(transaction, *ways):
        answer = await ask(
            "NotifyAllowedEnergyTransfer", transactionId=transaction, allowedEnergyTransfer=list(ways)
        )
        return answer.status

    assert await allowed(number, "AC_three_phase", "DC") == "Accepted"
    assert await allowed(number, "DC") == "Rejected"
    assert await allowed("none", "AC_three_phase") == "Rejected"
    answer = await ask("UsePriorityCharging", transactionId=number, activate=True)
    assert answer.status == "NoProfile"
    assert (await ask("UsePriorityCharging", transactionId="none", activate=True)).status == "Rejected"


# Customers, tariffs, and what is not there


async def test_what_is_known_of_a_customer(newer, central, ask, car, autojump_clock):
    await charging(newer, car)
    token = {"idToken": "TAG-1", "type": "ISO14443"}
    invalid = await ask("CustomerInformation", requestId=1, report=True, clear=False)
    assert invalid.status == "Invalid"
    for number in (2, 3):
        answer = await ask("CustomerInformation", requestId=number, report=True, clear=True, idToken=token)
        assert answer.status == "Accepted"
    await ask("CustomerInformation", requestId=4, report=True, clear=False, customerIdentifier="C-1")
    await trio.sleep(5)
    told = {part.request_id: part.data for part in central.of("NotifyCustomerInformation")}
    assert told[2].startswith("cache: Accepted\n")
    assert newer.ledger[0].transaction_id in told[2]
    assert "cache" not in told[3]
    assert told[4] == ""


@OF_2_1
async def test_tariffs_are_kept(newer, central, ask, autojump_clock):
    def tariff(number, price=0.5):
        return {"tariffId": number, "currency": "EUR", "energy": {"prices": [{"priceKwh": price}]}}

    assert (await ask("GetTariffs", evseId=0)).status == "NoTariff"
    assert (await ask("SetDefaultTariff", evseId=0, tariff=tariff("A"))).status == "Accepted"
    assert (await ask("SetDefaultTariff", evseId=2, tariff=tariff("B"))).status == "Accepted"
    assert (await ask("SetDefaultTariff", evseId=2, tariff=tariff("A", 0.6))).status == "DuplicateTariffId"
    assert (await ask("SetDefaultTariff", evseId=9, tariff=tariff("A"))).status == "Rejected"
    told = (await ask("GetTariffs", evseId=0)).tariff_assignments
    assert [(t.tariff_id, t.evse_ids) for t in told] == [("A", [1]), ("B", [2])]
    cleared = (await ask("ClearTariffs", tariffIds=["A", "C"])).clear_tariffs_result
    assert [result.status for result in cleared] == ["Accepted", "NoTariff"]
    cleared = (await ask("ClearTariffs")).clear_tariffs_result
    assert [(result.tariff_id, result.status) for result in cleared] == [("B", "Accepted")]
    changed = await ask("ChangeTransactionTariff", transactionId="none", tariff=tariff("A"))
    assert changed.status == "TxNotFound"


async def test_what_a_station_does_not_do_it_says(newer, central, autojump_clock):
    named = set(newer.messages)
    assert {action for action in COMMANDS if action not in named} == (
        set()
        if newer.subprotocol == "ocpp2.1"
        else {
            "ChangeTransactionTariff",
            "ClearTariffs",
            "GetTariffs",
            "NotifyAllowedEnergyTransfer",
            "SetDefaultTariff",
            "UpdateDynamicSchedule",
            "UsePriorityCharging",
        }
    )
    assert (await central.call("CP-1", "UnpublishFirmware", b'{"checksum":"x"}'))[2] == "NotSupported"
    assert newer.world.errors == []
    assert (await central.call("CP-1", "Dance"))[2] == "NotImplemented"
    assert [error.rule for error in newer.world.errors] == ["bad-call"]
