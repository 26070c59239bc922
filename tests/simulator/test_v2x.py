"""A charger of OCPP 2.x: its transactions on- and offline, its answers, and a whole fleet of all versions."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
import trio

from engine.simulator import SimulationSettings, simulate


def events(central, identity="CP-1"):
    return central.of("TransactionEvent", identity)


async def ask(charger, central, action, **members):
    """The typed answer to a request; a CALLERROR comes as its frame."""
    return await central.send("CP-1", charger.say(action, **members))


async def charging(charger, car):
    connector = charger.connectors[0]
    charger.plug(connector, car)
    assert await charger.present(connector, "TAG-1")
    await trio.sleep(130)
    return connector


async def test_a_transaction_as_events(newer, central, autojump_clock, car):
    connector = await charging(newer, car)
    assert await newer.present(connector, "TAG-1")
    await trio.sleep(5)
    told = events(central)
    assert [event.seq_no for event in told] == list(range(len(told)))
    assert [told[0].event_type, told[-1].event_type] == ["Started", "Ended"]
    assert {event.event_type for event in told[1:-1]} == {"Updated"}
    assert len({event.transaction_info.transaction_id for event in told}) == 1
    assert told[0].id_token.id_token == told[-1].id_token.id_token == "TAG-1"
    assert told[-1].transaction_info.stopped_reason == "Local"
    periodic = [event for event in told if event.trigger_reason == "MeterValuePeriodic"]
    assert len(periodic) == 2
    assert not any(event.offline for event in told)
    (entry,) = newer.ledger
    assert entry.start_acknowledged
    assert entry.stop_acknowledged
    assert all(sample.acknowledged for sample in entry.samples)
    assert entry.energy_wh > 0


async def test_a_triggered_boot_that_is_accepted_ends_the_wait(newer, central, autojump_clock):
    def pending(_identity, message):
        answer = {"status": "Pending", "currentTime": central.now().isoformat(), "interval": 500}
        return newer_type(newer, message, answer)

    central.answers["BootNotification"] = pending
    await newer.power_cut(10.0)
    await trio.sleep(20)
    assert not newer.online
    del central.answers["BootNotification"]
    before = len(central.of("StatusNotification", "CP-1"))
    await ask(newer, central, "TriggerMessage", requestedMessage="BootNotification")
    await trio.sleep(5)
    assert newer.online
    assert len(central.of("StatusNotification", "CP-1")) == before + len(newer.connectors)


async def test_what_happens_offline_is_told_later_and_marked(newer, central, autojump_clock, car):
    async with newer.uplink.without("network"):
        await trio.sleep(60)
        connector = await charging(newer, car)
        newer.unplug(connector)
        await trio.sleep(60)
        assert events(central) == []
    await trio.sleep(90)
    told = events(central)
    assert all(event.offline for event in told)
    assert [event.seq_no for event in told] == list(range(len(told)))
    assert told[-1].transaction_info.stopped_reason == "EVDisconnected"
    assert newer.ledger[0].stop_acknowledged


async def test_a_repeated_event_is_the_same(newer, central, autojump_clock, car):
    failures = 2

    def fail_twice(identity, message):
        nonlocal failures
        failures -= 1
        return b'[4,"$ID","InternalError","",{}]' if failures >= 0 else central.usual(identity, message)

    central.answers["TransactionEvent"] = fail_twice
    await charging(newer, car)
    told = events(central)
    assert told[0] == told[1] == told[2]
    assert newer.ledger[0].start_acknowledged


async def test_a_refused_token_ends_what_it_began(newer, central, autojump_clock, car):
    def refuse(_identity, message):
        return newer_type(newer, message, {"idTokenInfo": {"status": "Blocked"}} if message.id_token else {})

    central.answers["TransactionEvent"] = refuse
    await charging(newer, car)
    last = events(central)[-1]
    assert (last.event_type, last.trigger_reason) == ("Ended", "Deauthorized")
    assert last.transaction_info.stopped_reason == "DeAuthorized"


def newer_type(charger, message, members):
    return msgspec.convert(members, charger.messages[type(message).__name__][1])


async def test_power_loss(newer, central, autojump_clock, car):
    await charging(newer, car)
    await newer.power_cut(60.0)
    await trio.sleep(30)
    assert events(central)[-1].transaction_info.stopped_reason == "PowerLoss"
    assert len(central.of("BootNotification")) == 2


async def test_started_and_stopped_from_afar(newer, central, autojump_clock, car):
    newer.plug(newer.connectors[1], car)
    token = {"idToken": "TAG-9", "type": "Central"}
    answer = await ask(newer, central, "RequestStartTransaction", idToken=token, remoteStartId=17)
    assert answer.status == "Accepted"
    await trio.sleep(5)
    started = events(central)[0]
    assert (started.evse.id, started.trigger_reason) == (2, "RemoteStart")
    assert (started.id_token.id_token, started.id_token.type) == ("TAG-9", "Central")
    assert started.transaction_info.remote_start_id == 17
    number = started.transaction_info.transaction_id
    told = await ask(newer, central, "GetTransactionStatus", transactionId=number)
    assert (told.ongoing_indicator, told.messages_in_queue) == (True, False)
    assert (await ask(newer, central, "RequestStopTransaction", transactionId=number)).status == "Accepted"
    await trio.sleep(5)
    assert events(central)[-1].transaction_info.stopped_reason == "Remote"
    again = await ask(newer, central, "RequestStopTransaction", transactionId=number)
    assert again.status == "Rejected"


async def test_the_device_model(newer, central, autojump_clock):
    await ask(newer, central, "GetBaseReport", requestId=3, reportBase="FullInventory")
    await trio.sleep(5)
    parts = central.of("NotifyReport")
    assert [part.seq_no for part in parts] == list(range(len(parts)))
    assert [part.tbc or False for part in parts] == [True] * (len(parts) - 1) + [False]
    names = [(d.component.name, d.variable.name) for part in parts for d in part.report_data]
    assert ("OCPPCommCtrlr", "HeartbeatInterval") in names

    def data(component, variable, **more):
        return {"component": {"name": component}, "variable": {"name": variable}, **more}

    wanted = [
        data("OCPPCommCtrlr", "HeartbeatInterval", attributeValue="77"),
        data("OCPPCommCtrlr", "HeartbeatInterval", attributeValue="often"),
        data("OCPPCommCtrlr", "Nonsense", attributeValue="1"),
        data("Nonsense", "Nonsense", attributeValue="1"),
    ]
    answer = await ask(newer, central, "SetVariables", setVariableData=wanted)
    assert [result.attribute_status for result in answer.set_variable_result] == [
        "Accepted",
        "Rejected",
        "UnknownVariable",
        "UnknownComponent",
    ]
    wanted = [data("ocppcommctrlr", "heartbeatinterval"), data("SecurityCtrlr", "BasicAuthPassword")]
    answer = await ask(newer, central, "GetVariables", getVariableData=wanted)
    first, second = answer.get_variable_result
    assert (first.attribute_status, first.attribute_value) == ("Accepted", "77")
    assert second.attribute_status == "Rejected"


async def test_certificates_are_asked_for(newer, central, autojump_clock):
    answer = await ask(newer, central, "TriggerMessage", requestedMessage="SignChargingStationCertificate")
    assert answer.status == "Accepted"
    await trio.sleep(5)
    (request,) = central.of("SignCertificate")
    assert request.certificate_type == "ChargingStationCertificate"
    assert "BEGIN CERTIFICATE REQUEST" in request.csr
    answer = await ask(newer, central, "CertificateSigned", certificateChain="none")
    assert answer.status == "Rejected"


async def test_a_profile_limits_what_is_drawn(newer, central, autojump_clock, car):
    connector = await charging(newer, car)
    before = connector.outlet.read(newer.time.elapsed()).power_w
    schedule = {
        "id": 1,
        "chargingRateUnit": "A",
        "startSchedule": central.now(),
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.0}],
    }
    profile = {
        "id": 5,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
    }
    answer = await ask(newer, central, "SetChargingProfile", evseId=1, chargingProfile=profile)
    assert answer.status == "Accepted"
    await trio.sleep(30)
    connector.outlet.advance(newer.time.elapsed())
    assert connector.outlet.read(newer.time.elapsed()).power_w < before * 0.6
    answer = await ask(newer, central, "GetCompositeSchedule", evseId=1, duration=60, chargingRateUnit="A")
    assert answer.schedule.charging_schedule_period[0].limit == 8.0
    assert (await ask(newer, central, "ClearChargingProfile", chargingProfileId=5)).status == "Accepted"
    assert (await ask(newer, central, "ClearChargingProfile", chargingProfileId=5)).status == "Unknown"


async def test_firmware_and_logs(newer, central, autojump_clock):
    firmware = {"location": "https://x.example/fw", "retrieveDateTime": central.now()}
    answer = await ask(newer, central, "UpdateFirmware", requestId=1, firmware=firmware)
    assert answer.status == "Accepted"
    log = {"remoteLocation": "https://x.example/logs"}
    await ask(newer, central, "GetLog", requestId=2, logType="SecurityLog", log=log)
    await trio.sleep(200)
    assert [told.status for told in central.of("FirmwareStatusNotification")][-1] == "Installed"
    assert [told.status for told in central.of("LogStatusNotification")] == ["Uploading", "Uploaded"]
    assert central.of("BootNotification")[-1].charging_station.firmware_version == "3.0.2"


def test_shares_hold_for_every_prefix():
    settings = SimulationSettings(stations=10, mix={"1.6": 50, "2.0.1": 40, "2.1": 10})
    versions = settings.versions()
    assert Counter(versions) == {"1.6": 5, "2.0.1": 4, "2.1": 1}
    assert set(versions[:2]) == {"1.6", "2.0.1"}


@pytest.mark.parametrize("life", ["calm", "rough"])
async def test_a_fleet_of_all_versions(central, autojump_clock, epoch, life):
    settings = SimulationSettings(
        stations=5,
        seed=3,
        tags=("TAG-1", "TAG-2"),
        duration=3_600.0,
        life=life,
        mix={"1.6": 40, "2.0.1": 40, "2.1": 20},
        table=False,
        drain=600.0,
    )
    report = await simulate(settings, clock=lambda: epoch, reach=central.reach)
    assert report.errors == []
    assert report.undelivered == 0
    assert {type(entry.transaction_id) for entry in report.ledger} == {int, str}
    assert all(entry.stop_acknowledged for entry in report.ledger)
