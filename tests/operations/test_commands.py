"""`registry.command`: an operation goes out in the words of the station; its answers make one result."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from engine.errors import (
    CallDropped,
    CallRefused,
    CallTimeout,
    Conflict,
    Invalid,
    NotFound,
    NotSupported,
    Offline,
    VoltrioError,
)
from engine.ocpp.blocks.authorization.clear_cache import ClearCache
from engine.ocpp.blocks.certificates.install_certificate import InstallCertificate
from engine.ocpp.blocks.device_model.set_configuration import SetConfiguration
from engine.ocpp.blocks.display.messages import Wording
from engine.ocpp.blocks.display.set_display_message import SetDisplayMessage
from engine.ocpp.blocks.local_list.send_local_list import ListEntry, SendLocalList
from engine.ocpp.blocks.monitoring.get_event_streams import EventStream, GetEventStreams
from engine.ocpp.blocks.monitoring.set_monitoring_level import SetMonitoringLevel
from engine.ocpp.blocks.provisioning.reset import Reset
from engine.ocpp.blocks.remote_control.start import Start
from engine.ocpp.blocks.remote_control.stop import Stop
from engine.ocpp.blocks.smart_charging.get_composite_schedule import GetCompositeSchedule
from engine.ocpp.blocks.smart_charging.set_profile import SetProfile
from engine.ocpp.blocks.tariffs.get_tariffs import GetTariffs
from engine.ocpp.messages import v16
from engine.ocpp.operation import Operation, Result, Verdict
from engine.ocpp.results import verdict_of
from engine.ocpp.versions import PROTOCOLS

VERSIONS = tuple(PROTOCOLS)
HELLO = SetDisplayMessage(message_id=1, wording=Wording(content="Hello"))


@pytest.fixture
async def mixed(start: Any) -> AsyncIterator[Any]:
    """A node that speaks every version."""
    async with start(protocols=PROTOCOLS) as site:
        yield site


class Asked:
    """A command under way."""

    def __init__(self) -> None:
        self._outcome: Any = None
        self._over = trio.Event()

    def settle(self, outcome: Any) -> None:
        self._outcome = outcome
        self._over.set()

    async def outcome(self) -> Any:
        """Its result or its error; waits for it."""
        await self._over.wait()
        return self._outcome


async def command(nursery: trio.Nursery, site: Any, operation: Operation, **more: Any) -> Asked:
    asked = Asked()

    async def run() -> None:
        try:
            asked.settle(await site.command("CP1", operation, **more))
        except VoltrioError as error:
            asked.settle(error)

    nursery.start_soon(run)
    await trio.testing.wait_all_tasks_blocked()
    return asked


async def answer(site: Any, ws: Any, payload: Any) -> tuple[str, Any]:
    """Take the next request and answer it; its action and payload."""
    kind, message_id, action, said = await site.take(ws)
    assert kind == 2
    await ws.send_message(json.dumps([3, message_id, payload]))
    return action, said


async def silent(site: Any, ws: Any) -> bool:
    """Whether the station was sent nothing up to now."""
    return bool((await site.ask(ws, "Heartbeat", {}, "beat"))[:2] == [3, "beat"])


@pytest.mark.proves("all", "Reset")
@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("ocpp1.6", {"type": "Soft"}),
        ("ocpp2.0.1", {"type": "OnIdle"}),
        ("ocpp2.1", {"type": "OnIdle"}),
    ],
)
async def test_it_is_said_in_the_words_of_the_station(
    mixed: Any, nursery: trio.Nursery, version: str, said: Any
) -> None:
    async with mixed.connect(subprotocols=[version]) as ws:
        asked = await command(nursery, mixed, Reset())
        assert await answer(mixed, ws, {"status": "Accepted"}) == ("Reset", said)
        outcome = await asked.outcome()
        assert outcome == Result(verdict=Verdict.ACCEPTED, word="Accepted")


@pytest.mark.proves("all", "ClearCache")
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_refusal_is_a_result(mixed: Any, nursery: trio.Nursery, version: str) -> None:
    async with mixed.connect(subprotocols=[version]) as ws:
        asked = await command(nursery, mixed, ClearCache())
        assert await answer(mixed, ws, {"status": "Rejected"}) == ("ClearCache", {})
        outcome = await asked.outcome()
        assert (outcome.verdict, outcome.word) == (Verdict.REJECTED, "Rejected")


@pytest.mark.parametrize(
    ("version", "operation"),
    [
        ("ocpp1.6", HELLO),
        ("ocpp1.6", Reset(evse_number=1)),
        ("ocpp2.0.1", GetTariffs()),
        (
            "ocpp2.0.1",
            SetDisplayMessage(message_id=1, wording=Wording(content="x", format="QRCODE")),
        ),
    ],
)
async def test_what_the_version_has_no_words_for_is_not_sent(
    mixed: Any, version: str, operation: Operation
) -> None:
    async with mixed.connect(subprotocols=[version]) as ws:
        with pytest.raises(NotSupported):
            await mixed.command("CP1", operation)
        assert await silent(mixed, ws)


@pytest.mark.proves("2.0.1", "SetDisplayMessage")
@pytest.mark.parametrize("code", ["NotImplemented", "NotSupported"])
async def test_a_station_without_such_a_thing_says_so_itself(
    mixed: Any, nursery: trio.Nursery, code: str
) -> None:
    async with mixed.connect(subprotocols=["ocpp2.0.1"]) as ws:
        asked = await command(nursery, mixed, HELLO)
        _, message_id, action, _ = await mixed.take(ws)
        assert action == "SetDisplayMessage"
        await ws.send_message(json.dumps([4, message_id, code, "no display", {}]))
        outcome = await asked.outcome()
        assert isinstance(outcome, NotSupported)
        assert isinstance(outcome.__cause__, CallRefused)


@pytest.mark.proves("2.1", "SetDisplayMessage")
async def test_so_does_a_word_of_its_answer(mixed: Any, nursery: trio.Nursery) -> None:
    async with mixed.connect(subprotocols=["ocpp2.1"]) as ws:
        asked = await command(nursery, mixed, HELLO)
        await answer(mixed, ws, {"status": "NotSupportedMessageFormat"})
        outcome = await asked.outcome()
        assert isinstance(outcome, NotSupported)
        assert "NotSupportedMessageFormat" in str(outcome)


@pytest.mark.proves("1.6", "ClearCache")
async def test_any_other_callerror_is_the_callers(mixed: Any, nursery: trio.Nursery) -> None:
    async with mixed.connect() as ws:
        asked = await command(nursery, mixed, ClearCache())
        _, message_id, _, _ = await mixed.take(ws)
        await ws.send_message(json.dumps([4, message_id, "InternalError", "", {}]))
        outcome = await asked.outcome()
        assert isinstance(outcome, CallRefused)


async def test_several_requests_come_to_one_result(mixed: Any, nursery: trio.Nursery) -> None:
    async with mixed.connect() as ws:
        asked = await command(nursery, mixed, SetConfiguration(values={"A": "1", "B": "2"}))
        first = await answer(mixed, ws, {"status": "Accepted"})
        second = await answer(mixed, ws, {"status": "RebootRequired"})
        assert [first, second] == [
            ("ChangeConfiguration", {"key": "A", "value": "1"}),
            ("ChangeConfiguration", {"key": "B", "value": "2"}),
        ]
        outcome = await asked.outcome()
        assert outcome.verdict is Verdict.REBOOT_REQUIRED
        assert outcome.verdicts == {"A": Verdict.ACCEPTED, "B": Verdict.REBOOT_REQUIRED}


@pytest.mark.parametrize(("word", "sent"), [("Accepted", 2), ("Failed", 1)])
async def test_parts_of_a_list_wait_for_those_before(
    mixed: Any, store: Any, nursery: trio.Nursery, word: str, sent: int
) -> None:
    store.reader.states["CP1"] = replace(store.reader.states["CP1"], items_per_message={"SendLocalList": 1})
    entries = tuple(ListEntry(id_tag=tag, status="Accepted") for tag in ("A", "B"))
    async with mixed.connect(subprotocols=["ocpp2.0.1"]) as ws:
        asked = await command(nursery, mixed, SendLocalList(version=4, entries=entries))
        parts = [(await answer(mixed, ws, {"status": word}))[1] for _ in range(sent)]
        assert [(part["versionNumber"], part["updateType"]) for part in parts] == [
            (4, "Full"),
            (5, "Differential"),
        ][:sent]
        outcome = await asked.outcome()
        assert (outcome.word, outcome.verdict) == (word, verdict_of(word))
        assert await silent(mixed, ws)


@pytest.mark.proves("2.1", "GetPeriodicEventStream")
async def test_what_a_station_adds_comes_back(mixed: Any, nursery: trio.Nursery) -> None:
    async with mixed.connect(subprotocols=["ocpp2.1"]) as ws:
        asked = await command(nursery, mixed, GetEventStreams())
        stream = {"id": 3, "params": {"values": 9}, "variableMonitoringId": 4}
        await answer(mixed, ws, {"constantStreamData": [stream]})
        outcome = await asked.outcome()
        assert outcome.streams == (EventStream(stream_id=3, monitor_id=4, values=9),)


@pytest.mark.proves("all", "GetCompositeSchedule")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "operation",
    [
        SetConfiguration(values={}),  # says nothing
        InstallCertificate(type="CSMS", certificate="x" * 20_000),  # breaks the schema
        GetCompositeSchedule(evse_number=1, duration=-1),  # breaks a rule of the protocol
    ],
)
async def test_what_makes_no_sense_is_not_sent(mixed: Any, version: str, operation: Operation) -> None:
    async with mixed.connect(subprotocols=[version]) as ws:
        with pytest.raises(Invalid):
            await mixed.command("CP1", operation)
        assert await silent(mixed, ws)


async def test_who_is_not_there(mixed: Any) -> None:
    with pytest.raises(Offline):
        await mixed.command("CP1", ClearCache())
    with pytest.raises(NotFound):
        await mixed.command("NOBODY", HELLO)


@pytest.mark.parametrize(
    ("spoken", "operation", "error"),
    [
        ("ocpp2.1", SetProfile(profile={"id": 1}), Invalid),  # breaks the schema
        ("ocpp1.6", SetProfile(profile={"id": 1}), Invalid),
        ("ocpp2.0.1", GetCompositeSchedule(evse_number=1, duration=-1), Invalid),  # breaks a rule
        ("ocpp1.6", HELLO, NotSupported),  # has no words for it
        ("ocpp2.0.1", HELLO, Offline),
        ("ocpp1.6", Start(), Offline),
        ("ocpp1.6", Start(id_tag="a tag of more than twenty characters"), Invalid),
        # It never was here: what would be good in one version may be right.
        ("", SetProfile(profile={"id": 1}), Invalid),
        ("", SetMonitoringLevel(severity=10), Invalid),
        ("", Start(id_tag="a tag of more than twenty characters"), Offline),
        ("", HELLO, Offline),
    ],
)
async def test_what_is_wrong_is_told_before_who_is_away(
    mixed: Any, store: Any, *, spoken: str, operation: Operation, error: type[VoltrioError]
) -> None:
    store.reader.states["CP1"] = replace(store.reader.states["CP1"], version=spoken)
    with pytest.raises(error):
        await mixed.command("CP1", operation)


async def test_a_wrong_request_to_who_is_away(mixed: Any, store: Any) -> None:
    store.reader.states["CP1"] = replace(store.reader.states["CP1"], version="ocpp1.6")
    with pytest.raises(Invalid, match="duration"):
        await mixed.call("CP1", v16.GetCompositeSchedule(connector_id=1, duration=0))
    with pytest.raises(Offline):
        await mixed.call("CP1", v16.GetCompositeSchedule(connector_id=1, duration=1))


@pytest.mark.parametrize("version", VERSIONS)
async def test_transactions_are_not_touched_before_a_boot(mixed: Any, store: Any, version: str) -> None:
    store.add("NEW", booted=False)
    async with mixed.connect("NEW", subprotocols=[version]):
        with pytest.raises(Conflict):
            await mixed.command("NEW", Stop(transaction_id="5"))


async def test_each_request_has_its_deadline(
    mixed: Any, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    async with mixed.connect() as ws:
        began = trio.current_time()
        values = SetConfiguration(values={"A": "1", "B": "2"})
        asked = await command(nursery, mixed, values, timeout=10)
        await answer(mixed, ws, {"status": "Accepted"})
        await mixed.take(ws)
        outcome = await asked.outcome()
        assert isinstance(outcome, CallTimeout)
        assert 10 <= trio.current_time() - began < 21


async def test_a_connection_that_ends_ends_the_command(mixed: Any, nursery: trio.Nursery) -> None:
    async with mixed.connect() as ws:
        asked = await command(nursery, mixed, SetConfiguration(values={"A": "1", "B": "2"}))
        await answer(mixed, ws, {"status": "Accepted"})
        await mixed.take(ws)
    outcome = await asked.outcome()
    assert isinstance(outcome, CallDropped)
