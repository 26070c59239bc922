"""Commands that have a charge point do something: what they ask the node, and what they exit with."""

import json
from typing import Any

import httpx
import pytest

UNLOCKED = {"verdict": "accepted", "word": "Unlocked", "reason": None}


def test_a_command_is_sent_as_given(run: Any, played: Any) -> None:
    played.answers["POST /stations/CP%2F1/command"] = httpx.Response(200, json=UNLOCKED)
    result = run("command", "CP/1", "Unlock", '{"evseNumber": 1}', "--timeout", "5")
    assert (result.exit_code, json.loads(result.output)) == (0, UNLOCKED)
    assert json.loads(played.asked[0].content) == {
        "command": "Unlock",
        "parameters": {"evseNumber": 1},
        "timeout": 5.0,
    }


@pytest.mark.parametrize(
    ("verdict", "exit_code"),
    [("scheduled", 0), ("reboot_required", 0), ("rejected", 1), ("failed", 1), ("not_found", 1)],
)
def test_the_verdict_is_the_exit_code(run: Any, played: Any, verdict: str, exit_code: int) -> None:
    played.answers["POST /stations/CP1/command"] = httpx.Response(200, json=UNLOCKED | {"verdict": verdict})
    assert run("command", "CP1", "ClearCache").exit_code == exit_code


def test_the_commands_are_listed(run: Any, played: Any) -> None:
    row = {"command": "Unlock", "summary": "", "parameters": ["evseNumber*"], "versions": ["ocpp1.6"]}
    played.answers["GET /commands"] = httpx.Response(200, json=[row])
    assert "evseNumber*" in run("command", "--list").output
    assert json.loads(run("command", "--list", "--json").output) == [row]


@pytest.mark.parametrize("words", [("CP1",), ("CP1", "Unlock", "{evse: 1}")])
def test_a_command_that_is_not_whole_is_wrong_usage(run: Any, played: Any, words: tuple[str, ...]) -> None:
    assert run("command", *words).exit_code == 2
    assert played.asked == []


def test_a_session_is_asked_for(run: Any, played: Any) -> None:
    answer = {"verdict": "accepted", "word": "Accepted", "reason": None, "sessionId": 7}
    played.answers["POST /sessions"] = httpx.Response(200, json=answer)
    result = run("session", "start", "CP1", "--evse", "2", "--tag", "CARD")
    assert (result.exit_code, "session 7 is pending" in result.output) == (0, True)
    assert json.loads(played.asked[0].content) == {"station": "CP1", "evseNumber": 2, "idTag": "CARD"}


def test_a_refused_session_exits_with_1(run: Any, played: Any) -> None:
    answer = {"verdict": "rejected", "word": "Rejected", "reason": "no cable", "sessionId": 7}
    played.answers["POST /sessions"] = httpx.Response(200, json=answer)
    result = run("session", "start", "CP1")
    assert (result.exit_code, "Rejected (no cable): nothing was done" in result.output) == (1, True)
    assert json.loads(run("session", "start", "CP1", "--json").output) == answer


def test_a_session_is_stopped(run: Any, played: Any) -> None:
    played.answers["POST /sessions/7/stop"] = httpx.Response(200, json=UNLOCKED | {"word": "Accepted"})
    assert "session 7 is about to end" in run("session", "stop", "7").output


def test_a_held_session_is_released(run: Any, played: Any) -> None:
    session = {"id": 7, "review": [], "released": ["late_stop"], "releasedBy": "token:anna"}
    played.answers["POST /sessions/7/release"] = httpx.Response(200, json=session)
    result = run("session", "release", "7", "--note", "read on site")
    assert (result.exit_code, "late_stop" in result.output) == (0, True)
    assert json.loads(played.asked[0].content) == {"note": "read on site"}


def test_a_session_is_corrected_and_voided(run: Any, played: Any) -> None:
    played.answers["POST /sessions/7/correct"] = httpx.Response(200, json={"id": 7, "energyWh": 8_200})
    result = run("session", "correct", "7", "--energy-wh", "8200", "--note", "read on site")
    assert (result.exit_code, "8200" in result.output) == (0, True)
    played.answers["POST /sessions/7/void"] = httpx.Response(200, json={"id": 7, "waived": "voided"})
    assert "voided" in run("session", "void", "7", "--note", "test bench").output
    bodies = [json.loads(asked.content) for asked in played.asked]
    assert bodies == [
        {"energyWh": 8_200, "stoppedAt": None, "note": "read on site"},
        {"note": "test bench"},
    ]
    assert run("session", "void", "7").exit_code == 2  # no reason


def test_a_session_shows_its_events(run: Any, played: Any) -> None:
    played.answers["GET /sessions/7"] = httpx.Response(200, json={"id": 7})
    event = {"seqNo": 0, "eventType": "Started", "triggerReason": "CablePluggedIn"}
    played.answers["GET /sessions/7/events"] = httpx.Response(200, json={"data": [event], "nextCursor": None})
    assert "CablePluggedIn" in run("session", "show", "7", "--events").output
    assert json.loads(run("session", "show", "7", "--events", "--json").output)["events"] == [event]


def test_held_sessions_are_asked_for(run: Any, played: Any) -> None:
    played.answers["GET /sessions"] = httpx.Response(200, json={"data": [], "nextCursor": None})
    assert run("session", "list", "--held").output == "No such sessions.\n"
    assert played.asked[0].url.params["held"] == "true"
    assert run("session", "list", "--status", "bogus").exit_code == 2


def test_orphans_are_listed_and_dismissed(run: Any, played: Any) -> None:
    orphan = {"id": 17, "station": "CP1", "transactionId": "4711", "meterWh": 100}
    played.answers["GET /orphans"] = httpx.Response(200, json={"data": [orphan], "nextCursor": None})
    assert "4711" in run("orphans").output
    assert played.asked[0].url.params["open"] == "true"
    run("orphans", "--all")
    assert "open" not in played.asked[1].url.params
    played.answers["POST /orphans/17/dismiss"] = httpx.Response(200, json=orphan)
    assert run("orphans", "--dismiss", "17", "--note", "bench").exit_code == 0
    assert json.loads(played.asked[2].content) == {"note": "bench"}
    assert run("orphans", "--note", "bench").exit_code == 2


def test_the_reason_of_a_refused_setting_is_shown(run: Any, played: Any) -> None:
    queued = {
        "name": "nonsense",
        "value": "1",
        "status": "Rejected",
        "reason": "not sent: it names no variable",
    }
    found = {"requested": [queued], "reported": []}
    played.answers["GET /stations/CP1/configuration"] = httpx.Response(200, json=found)
    assert "names no variable" in run("station", "configuration", "CP1").output
    assert json.loads(run("station", "configuration", "CP1", "--json").output) == found
