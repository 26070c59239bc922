"""One charger through bad days: refused boots, lost networks, lost answers, lost power, a wrong clock."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
import trio

from engine.ocpp.messages import v16
from engine.simulator.clock import ChargerClock, Time
from engine.simulator.settings import MIXES
from engine.simulator.v16.status import TRANSITIONS, steps


def transaction_messages(central):
    kinds = ("StartTransaction", "MeterValues", "StopTransaction")
    return [received.message for received in central.received if received.action in kinds]


def stamp(message):
    if isinstance(message, v16.MeterValues):
        return message.meter_value[0].timestamp
    return message.timestamp


async def test_what_happens_offline_is_told_later_in_order_with_its_own_time(
    charger, central, autojump_clock, car, epoch
):
    connector = charger.connectors[0]
    async with charger.uplink.without("network"):
        await trio.sleep(60)
        charger.plug(connector, car)
        assert await charger.present(connector, "TAG-1")
        await trio.sleep(200)
        charger.unplug(connector)
        await trio.sleep(1_000)
        assert transaction_messages(central) == []
    await trio.sleep(60)
    told = transaction_messages(central)
    assert [type(message).__name__ for message in told] == [
        "StartTransaction",
        *["MeterValues"] * 3,
        "StopTransaction",
    ]
    times = [stamp(message) for message in told]
    assert times == sorted(times)
    assert epoch + timedelta(seconds=60) <= times[0] < times[-1] < epoch + timedelta(seconds=300)
    (entry,) = charger.ledger
    assert {message.transaction_id for message in told[1:]} == {entry.transaction_id}
    assert entry.stop_acknowledged
    assert entry.reason == "EVDisconnected"
    assert entry.energy_wh == told[-1].meter_stop - told[0].meter_start > 0


async def test_an_unanswered_message_is_sent_again_before_the_next(charger, central, autojump_clock, car):
    failures = 2

    def fail_twice(identity, message):
        nonlocal failures
        failures -= 1
        return b'[4,"$ID","InternalError","",{}]' if failures >= 0 else central.usual(identity, message)

    central.answers["StartTransaction"] = fail_twice
    began = trio.current_time()
    charger.plug(charger.connectors[0], car)
    await charger.present(charger.connectors[0], "TAG-1")
    await trio.sleep(100)
    starts = central.of("StartTransaction")
    assert len(starts) == 3
    assert starts[0] == starts[1] == starts[2]
    assert charger.ledger[0].start_acknowledged
    assert type(transaction_messages(central)[3]).__name__ == "MeterValues"
    assert trio.current_time() - began >= 30  # TransactionMessageRetryInterval once and twice


async def test_a_message_is_given_up_after_the_configured_attempts(charger, central, autojump_clock, car):
    charger.configuration.change("TransactionMessageAttempts", "2")
    central.answers["StartTransaction"] = lambda *_: b'[4,"$ID","InternalError","",{}]'
    connector = charger.connectors[0]
    charger.plug(connector, car)
    await charger.present(connector, "TAG-1")
    await trio.sleep(30)
    charger.unplug(connector)
    await trio.sleep(30)
    assert len(central.of("StartTransaction")) == 2
    assert charger.delivery.given_up == 1
    assert central.of("StopTransaction")[0].transaction_id == -1
    assert not charger.ledger[0].start_acknowledged


async def test_a_silent_server_is_a_timeout(charger, central, autojump_clock, car):
    central.answers["StartTransaction"] = lambda *_: None
    charger.plug(charger.connectors[0], car)
    await charger.present(charger.connectors[0], "TAG-1")
    await trio.sleep(45)
    assert charger.world.counts.timeouts == 1
    assert len(central.of("StartTransaction")) == 2


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
async def test_until_it_is_accepted_a_charger_only_asks_again(charger, central, autojump_clock, status):
    def later(_identity, _message):
        return v16.BootNotificationResponse(status=status, current_time=central.now(), interval=50)

    central.received.clear()
    central.answers["BootNotification"] = later
    async with trio.open_nursery() as nursery:
        nursery.start_soon(charger.power_cut, 10.0)
        await trio.sleep(170)
        assert {received.action for received in central.received} == {"BootNotification"}
        assert len(central.received) == 4
        del central.answers["BootNotification"]
        await trio.sleep(60)
    assert charger.online
    assert len(central.of("StatusNotification")) >= 3


async def test_a_pending_charger_answers_but_does_not_start(charger, central, autojump_clock):
    central.answers["BootNotification"] = lambda *_: v16.BootNotificationResponse(
        status="Pending", current_time=central.now(), interval=500
    )
    await charger.power_cut(10.0)
    await trio.sleep(20)
    assert (await central.send("CP-1", v16.GetConfiguration(key=[]))).configuration_key
    assert (await central.send("CP-1", v16.RemoteStartTransaction(id_tag="TAG-1"))).status == "Rejected"


async def test_a_triggered_boot_that_is_accepted_ends_the_wait(charger, central, autojump_clock):
    central.answers["BootNotification"] = lambda *_: v16.BootNotificationResponse(
        status="Pending", current_time=central.now(), interval=500
    )
    await charger.power_cut(10.0)
    await trio.sleep(20)
    assert not charger.online
    del central.answers["BootNotification"]
    await central.send("CP-1", v16.TriggerMessage(requested_message="BootNotification"))
    await trio.sleep(5)
    assert charger.online


async def test_power_loss_ends_transactions_when_the_power_is_back(
    charger, central, autojump_clock, car, epoch
):
    connector = charger.connectors[0]
    charger.plug(connector, car)
    await charger.present(connector, "TAG-1")
    await trio.sleep(90)
    connector.outlet.advance(charger.time.elapsed())
    before = connector.outlet.meter.register
    await charger.power_cut(300.0)
    await trio.sleep(30)
    (stop,) = central.of("StopTransaction")
    assert (stop.reason, stop.meter_stop) == ("PowerLoss", before)
    assert stop.timestamp >= epoch + timedelta(seconds=390)
    told = [r.action for r in central.received if r.action in ("BootNotification", "StopTransaction")]
    assert told == ["BootNotification", "BootNotification", "StopTransaction"]


async def test_nothing_works_without_power(charger, central, autojump_clock, car):
    connector = charger.connectors[0]
    async with charger.uplink.without("power"):
        charger.plug(connector, car)
        assert not await charger.present(connector, "TAG-1")
        charger.unplug(connector)
    assert charger.ledger == []


async def test_a_fault_ends_the_transaction(charger, central, autojump_clock, car):
    connector = charger.connectors[0]
    charger.plug(connector, car)
    await charger.present(connector, "TAG-1")
    await trio.sleep(30)
    charger.break_down(connector, "GroundFailure")
    await trio.sleep(5)
    assert central.of("StopTransaction")[0].reason == "Other"
    assert (central.of("StatusNotification")[-1].status, central.of("StatusNotification")[-1].error_code) == (
        "Faulted",
        "GroundFailure",
    )
    assert not await charger.present(connector, "TAG-1")
    charger.break_down(connector, None)
    await trio.sleep(5)
    assert charger.status(connector) == "Finishing"


async def test_a_refused_start_is_stopped_as_deauthorized(charger, central, autojump_clock, car):
    def refuse(identity, message):
        blocked = v16.IdTagInfo(status="Blocked")
        return msgspec.structs.replace(central.usual(identity, message), id_tag_info=blocked)

    central.answers["StartTransaction"] = refuse
    charger.plug(charger.connectors[0], car)
    await charger.present(charger.connectors[0], "TAG-1")
    await trio.sleep(10)
    assert central.of("StopTransaction")[0].reason == "DeAuthorized"


async def test_anybody_of_the_group_may_stop(charger, central, autojump_clock, car):
    groups = {"TAG-1": "G", "TAG-2": "G", "TAG-3": "H"}

    def grouped(_identity, message):
        info = v16.IdTagInfo(status="Accepted", parent_id_tag=groups[message.id_tag])
        return v16.AuthorizeResponse(id_tag_info=info)

    central.answers["Authorize"] = grouped
    connector = charger.connectors[0]
    charger.plug(connector, car)
    assert await charger.present(connector, "TAG-1")
    await trio.sleep(10)
    assert not await charger.present(connector, "TAG-3")
    assert connector.entry is not None
    assert await charger.present(connector, "TAG-2")
    await trio.sleep(5)
    assert central.of("StopTransaction")[0].id_tag == "TAG-2"


async def test_meter_values_carry_what_is_configured(charger, central, autojump_clock, car):
    charger.plug(charger.connectors[0], car)
    await charger.present(charger.connectors[0], "TAG-1")
    await trio.sleep(70)
    (values,) = central.of("MeterValues")
    (value,) = values.meter_value
    measurands = {sample.measurand for sample in value.sampled_value}
    assert {
        "Energy.Active.Import.Register",
        "Power.Active.Import",
        "Current.Import",
        "Voltage",
        "SoC",
    } <= measurands
    assert {sample.phase for sample in value.sampled_value if sample.measurand == "Voltage"} == {
        "L1-N",
        "L2-N",
        "L3-N",
    }
    charger.configuration.change("ClockAlignedDataInterval", "900")
    await trio.sleep(1_000)
    aligned = [
        v for v in central.of("MeterValues") if v.meter_value[0].sampled_value[0].context == "Sample.Clock"
    ]
    assert {v.meter_value[0].timestamp.minute % 15 for v in aligned} == {0}
    assert {v.connector_id for v in aligned} == {1, 2}


async def test_a_new_password_is_tried_and_the_old_one_kept_if_it_fails(charger, central, autojump_clock):
    tried = []
    reach = charger.uplink.reach
    charger.uplink.reach = lambda password: (tried.append(password), reach(password))[1]
    change = v16.ChangeConfiguration(key="AuthorizationKey", value="another sixteen bytes")
    await central.send("CP-1", change)
    central.refuse = 401
    async with charger.uplink.without("network"):
        await trio.sleep(1)
    await trio.sleep(2)
    central.refuse = None
    await trio.sleep(30)
    assert tried[0] == "another sixteen bytes"
    assert tried[-1] is None
    assert charger.online
    await central.send("CP-1", change)
    async with charger.uplink.without("network"):
        await trio.sleep(1)
    await trio.sleep(30)
    assert charger.uplink.password == "another sixteen bytes"


async def test_reconnects_back_off(charger, central, autojump_clock):
    central.refuse = 503
    async with charger.uplink.without("network"):
        await trio.sleep(1)
    await trio.sleep(60)
    few = charger.world.counts.failures
    await trio.sleep(600)
    assert few >= 4
    assert charger.world.counts.failures - few <= 22
    assert charger.world.errors == []


async def test_clocks_drift_until_they_are_set(autojump_clock, epoch):
    time = Time(epoch)
    clock = ChargerClock(time, offset=5.0, drift=0.01)
    await trio.sleep(100)
    assert clock.now() == epoch + timedelta(seconds=106)
    clock.set(epoch + timedelta(seconds=100))
    assert clock.now() == epoch + timedelta(seconds=100)
    await trio.sleep(100)
    assert clock.now() == epoch + timedelta(seconds=201)


async def test_compressed_time_runs_fast_and_cannot_be_set(autojump_clock, epoch):
    time = Time(epoch, speed=60.0)
    clock = ChargerClock(time)
    await time.sleep(3_600)
    assert trio.current_time() == pytest.approx(60.0)
    clock.set(epoch)
    assert clock.now() == epoch + timedelta(hours=1)


def test_every_status_is_reached_by_allowed_steps():
    for before in TRANSITIONS:
        for after in TRANSITIONS:
            at = before
            for step in steps(before, after):
                assert step in TRANSITIONS[at]
                at = step
            assert at == after


def test_a_calm_mix_has_no_trouble():
    calm = msgspec.structs.asdict(MIXES["calm"])
    assert {value for key, value in calm.items() if key != "visits"} == {0}


@pytest.mark.parametrize("timeout", ["0", "60"])
async def test_who_plugs_in_after_the_connection_timeout_has_to_identify_again(
    charger, central, autojump_clock, car, timeout
):
    connector = charger.connectors[0]
    await central.send("CP-1", v16.ChangeConfiguration(key="ConnectionTimeOut", value=timeout))
    assert await charger.present(connector, "TAG-1")
    connector.claim = connector.claim and msgspec.structs.replace(
        connector.claim, expires=charger.time.elapsed()
    )
    charger.plug(connector, car)
    await trio.sleep(5)
    assert connector.entry is None
    assert central.of("StartTransaction") == []
