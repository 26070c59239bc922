"""Why a session ended whose charger was asked to end it, in every version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import UNSET

from engine.ocpp import v16 as v16_protocol
from engine.ocpp import v21 as v21_protocol
from engine.ocpp import v201 as v201_protocol
from engine.ocpp.messages import v16, v21, v201
from tests.domain.simulated_store import Store, station

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
END = NOW + timedelta(hours=1)
WORDS: dict[str, Any] = {"ocpp1.6": v16, "ocpp2.0.1": v201, "ocpp2.1": v21}
PROTOCOLS = {one.name: one for one in (v16_protocol.PROTOCOL, v201_protocol.PROTOCOL, v21_protocol.PROTOCOL)}


def started(version: str) -> Store:
    store, words = Store(station(version)), WORDS[version]
    if version == "ocpp1.6":
        start = v16.StartTransaction(connector_id=1, id_tag="TAG", meter_start=0, timestamp=NOW)
        store.handle(PROTOCOLS[version].inbound["StartTransaction"], start, NOW)
    else:
        store.handle(PROTOCOLS[version].inbound["TransactionEvent"], event(words, "Started", 0, NOW), NOW)
    return store


def event(
    words: Any, kind: str, seq_no: int, at: datetime, *, trigger: str = "Trigger", reason: Any = UNSET
) -> Any:
    register = words.MeterValue(timestamp=at, sampled_value=[words.SampledValue(value=1_000 * seq_no)])
    return words.TransactionEvent(
        event_type=kind,
        timestamp=at,
        trigger_reason=trigger,
        seq_no=seq_no,
        transaction_info=words.Transaction(transaction_id="tx", stopped_reason=reason),
        evse=words.EVSE(id=1),
        meter_value=[register],
    )


def asked(store: Store, status: Any = "Accepted") -> None:
    version, words = store.cp.version, WORDS[store.cp.version]
    [number] = store.cp.sessions
    action = "RemoteStopTransaction" if version == "ocpp1.6" else "RequestStopTransaction"
    request, response = words.ACTIONS[action]
    said = request(transaction_id=int(number) if version == "ocpp1.6" else number)
    store.answered(PROTOCOLS[version].outbound[action], said, response(status=status), NOW)


def ended(store: Store, reason: Any = UNSET, trigger: str = "MeterValuePeriodic") -> str:
    version, words = store.cp.version, WORDS[store.cp.version]
    if version == "ocpp1.6":
        [number] = store.cp.sessions
        stop = v16.StopTransaction(transaction_id=int(number), timestamp=END, meter_stop=1_000, reason=reason)
        store.handle(PROTOCOLS[version].inbound["StopTransaction"], stop, END)
    else:
        end = event(words, "Ended", 1, END, trigger=trigger, reason=reason)
        store.handle(PROTOCOLS[version].inbound["TransactionEvent"], end, END)
    [row] = store.sessions.values()
    return str(row["reason"])


@pytest.mark.parametrize("version", WORDS)
@pytest.mark.parametrize("reconnects", [False, True])
def test_an_end_that_we_asked_for_is_remote_unless_it_tells_another_reason(
    version: str, *, reconnects: bool
) -> None:
    for reason, wanted in ((UNSET, "remote"), ("EVDisconnected", "ev_disconnected"), ("Local", "local")):
        store = started(version)
        asked(store)
        if reconnects:
            store.reconnect()
        assert ended(store, reason) == wanted


@pytest.mark.parametrize("version", WORDS)
def test_an_end_that_we_did_not_ask_for_is_local(version: str) -> None:
    assert ended(started(version)) == "local"
    refusing = started(version)
    asked(refusing, "Rejected")
    assert ended(refusing) == "local"


@pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
def test_the_trigger_of_an_end_may_say_it(version: str) -> None:
    assert ended(started(version), trigger="RemoteStop") == "remote"


@pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
def test_it_is_remote_also_when_events_come_late(version: str) -> None:
    store, words = started(version), WORDS[version]
    asked(store)
    assert ended(store) == "remote"
    [row] = store.sessions.values()
    late = event(words, "Updated", 0, NOW + timedelta(seconds=1))
    store.handle(PROTOCOLS[version].inbound["TransactionEvent"], late, END)
    assert row["reason"] == "remote"
