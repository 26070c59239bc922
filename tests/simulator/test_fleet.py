"""Whole simulations under a mock clock: reproducible, complete, honest about what the server does wrong."""

from __future__ import annotations

import msgspec
import pytest
import trio

from engine.errors import SettingsError
from engine.simulator import SimulationSettings, run, simulate
from engine.simulator.ledger import read, write

HOUR = 3_600.0


@pytest.fixture
def settings():
    return SimulationSettings(
        stations=4, seed=7, tags=("TAG-1", "TAG-2"), duration=HOUR, life="rough", table=False, drain=600.0
    )


@pytest.fixture
def play(central, epoch):
    """Simulate against the fake central system."""

    async def play(settings):
        return await simulate(settings, clock=lambda: epoch, reach=central.reach)

    return play


async def test_the_same_seed_gives_the_same_ledger(settings, play, autojump_clock, central):
    first = await play(settings)
    central.restart()
    second = await play(settings)
    assert msgspec.json.encode(first.ledger) == msgspec.json.encode(second.ledger)
    assert len(first.ledger) > 10


async def test_another_seed_gives_another_ledger(settings, play, autojump_clock):
    one = await play(settings)
    other = await play(msgspec.structs.replace(settings, seed=8, prefix="OTHER-"))
    assert [e.started for e in one.ledger] != [e.started for e in other.ledger]


async def test_a_rough_life_leaves_a_whole_account(settings, play, autojump_clock, central):
    report = await play(settings)
    assert report.errors == []
    assert report.exit_code == 0
    assert report.undelivered == 0
    assert report.counts.lost > 0
    assert all(e.start_acknowledged and e.stop_acknowledged for e in report.ledger)
    assert all(sample.acknowledged for e in report.ledger for sample in e.samples)
    told = {(identity, id_): key for (identity, *key), id_ in central.starts.items()}
    assert len(told) == len(report.ledger)
    for entry in report.ledger:
        key = told[entry.identity, entry.transaction_id]
        assert key == [entry.connector, entry.id_tag, entry.meter_start, entry.started]
        stops = {
            (stop.meter_stop, stop.timestamp)
            for stop in central.of("StopTransaction", entry.identity)
            if stop.transaction_id == entry.transaction_id
        }
        assert stops == {(entry.meter_stop, entry.stopped)}


async def test_meters_only_grow_over_all_transactions_of_a_connector(settings, play, autojump_clock):
    report = await play(settings)
    last: dict[tuple[str, int], int] = {}
    for entry in report.ledger:
        readings = [
            entry.meter_start,
            *(s.energy_wh for s in entry.samples if s.context != "Transaction.Begin"),
        ]
        readings.append(entry.meter_stop)
        assert readings == sorted(readings)
        place = entry.identity, entry.connector
        assert readings[0] >= last.get(place, 0)
        last[place] = readings[-1]


async def test_reasons_tell_how_a_transaction_ended(settings, play, autojump_clock):
    reasons = {entry.reason for entry in (await play(msgspec.structs.replace(settings, stations=8))).ledger}
    assert {"Local", "EVDisconnected", "PowerLoss", "Other"} <= reasons


async def test_status_notifications_follow_the_transition_table(settings, play, autojump_clock, central):
    from engine.simulator.v16.status import TRANSITIONS

    await play(msgspec.structs.replace(settings, life="calm"))
    for identity in settings.identities():
        statuses: dict[int, str] = {}
        for told in central.of("StatusNotification", identity):
            before = statuses.get(told.connector_id, told.status)
            assert told.status == before or told.status in TRANSITIONS[before]
            statuses[told.connector_id] = told.status


@pytest.mark.parametrize(
    "fault",
    [
        ("Heartbeat", b'[3,"$ID",{}]', "bad-answer"),
        ("Heartbeat", b'[4,"$ID","InternalError","",{}]', "call-error"),
        ("Heartbeat", b'[3,"other",{}]', "answer-without-call"),
        ("StatusNotification", b'{"not":"an envelope"}', "malformed-envelope"),
        ("StatusNotification", b'[7,"$ID",{}]', "message-type"),
        ("StatusNotification", b'[2,"x1","Reset",{"type":"Warm"}]', "bad-call"),
    ],
)
async def test_what_the_server_does_wrong_is_an_error(settings, play, autojump_clock, central, fault):
    action, answer, rule = fault
    central.answers[action] = lambda _identity, _message: answer
    quiet = msgspec.structs.replace(settings, stations=1, life="calm", duration=1_300.0)
    report = await play(quiet)
    assert report.exit_code == 1
    assert rule in {error.rule for error in report.errors}
    assert all(error.identity == "SIM-0001" for error in report.errors)


async def test_one_start_counted_twice_is_an_error(settings, play, autojump_clock, central):
    ids = iter(range(1_000_000))

    def careless(identity, message):
        return msgspec.structs.replace(central.usual(identity, message), transaction_id=next(ids))

    central.answers["StartTransaction"] = careless
    report = await play(settings)
    assert "start-counted-twice" in {error.rule for error in report.errors}


async def test_a_refused_upgrade_is_an_error_and_a_busy_server_is_not(
    settings, play, autojump_clock, central
):
    short = msgspec.structs.replace(settings, stations=1, life="calm", duration=60.0, drain=1.0)
    central.refuse = 404
    assert [error.rule for error in (await play(short)).errors] == ["upgrade-refused"]  # told once
    central.refuse = 503
    report = await play(short)
    assert report.errors == []
    assert report.counts.failures > 1
    assert (report.exit_code, report.counts.last_failure) == (1, "HTTP 503")


async def test_time_can_be_compressed(settings, play, autojump_clock):
    fast = msgspec.structs.replace(settings, speed=60.0, duration=HOUR / 60.0, life="calm")
    report = await play(fast)
    assert report.seconds < 100.0
    assert report.ledger
    assert sum(entry.energy_wh for entry in report.ledger) > 1_000


async def test_ledgers_can_be_kept(settings, play, autojump_clock, tmp_path):
    report = await play(msgspec.structs.replace(settings, stations=1))
    write(tmp_path / "ledger", report.ledger)
    assert read(tmp_path / "ledger") == report.ledger


async def test_an_end_can_be_asked_for(settings, central, autojump_clock, epoch):
    ending = trio.Event()
    watched = []

    async def watch(world, chargers):
        watched.append(len(chargers))
        await trio.sleep(1_000)
        ending.set()

    report = await simulate(
        msgspec.structs.replace(settings, duration=None),
        clock=lambda: epoch,
        reach=central.reach,
        ending=ending,
        watch=watch,
    )
    assert watched == [4]
    assert 1_000 <= report.seconds < 1_600


async def test_the_end_can_be_hurried(settings, central, autojump_clock, epoch):
    central.answers["StopTransaction"] = lambda *_: None
    ending, hurry = trio.Event(), trio.Event()

    async def hurried(_world, _chargers):
        await trio.sleep(1_000)
        ending.set()
        await trio.sleep(10)
        hurry.set()

    report = await simulate(
        settings, clock=lambda: epoch, reach=central.reach, ending=ending, hurry=hurry, watch=hurried
    )
    assert report.seconds < 1_020
    assert report.undelivered > 0


def test_an_address_that_is_none_is_told_at_once():
    with pytest.raises(SettingsError, match="not a ws://"):
        run(SimulationSettings(url="http://127.0.0.1:9000/ocpp"))
