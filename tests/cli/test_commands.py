"""What commands ask the node, print, and exit with."""

import json
import re
from typing import Any

import httpx
import pytest

from api.cli import COMMANDS
from api.cli.client import Client
from api.cli.log import followed
from api.cli.session import changed


def page(*rows: dict[str, Any], cursor: str | None = None) -> httpx.Response:
    return httpx.Response(200, json={"data": rows, "nextCursor": cursor})


def session(number: int, status: str = "active", energy: int = 1_200) -> dict[str, Any]:
    return {
        "id": number,
        "station": "CP1",
        "evseNumber": 1,
        "status": status,
        "idTag": "04A2",
        "startedAt": "2026-01-02T03:04:05Z",
        "stoppedAt": None if status == "active" else "2026-01-02T04:04:05Z",
        "energyWh": energy,
        "powerW": 7_000.4,
        "socPercent": 55.0,
        "reason": None if status == "active" else "ev_disconnected",
    }


def test_every_command_is_there_and_explains_itself(run: Any) -> None:
    assert run("--help").exit_code == 0
    for name in COMMANDS:
        result = run(name, "--help")
        assert result.exit_code == 0, name
        assert re.search(r"Usage: voltrio " + name, result.output)


def test_an_unknown_command_is_wrong_usage(run: Any) -> None:
    near = run("stations")
    assert (near.exit_code, "Did you mean 'station'?" in near.output) == (2, True)
    assert run("xyzzy").exit_code == 2


def test_what_there_is_not_leads_to_what_there_is(run: Any, played: Any) -> None:
    for words, hint in (
        (("station", "show", "CP9"), "voltrio station list"),
        (("tag", "block", "04A2"), "voltrio tag list"),
        (("session", "show", "9"), "voltrio session list"),
        (("messages", "CP9"), "voltrio station list"),
    ):
        result = run(*words)
        assert (result.exit_code, hint in result.output) == (1, True), words


def test_a_charger_that_is_away_leads_to_what_it_said_last(run: Any, played: Any) -> None:
    played.answers["POST /stations/C%20P/call"] = httpx.Response(424, json={"message": "not connected"})
    result = run("call", "C P", "Reset", "{}")
    assert (result.exit_code, "voltrio messages 'C P'" in result.output) == (5, True)


def test_version(run: Any) -> None:
    assert re.match(r"voltrio \d+\.\d+\.\d+", run("version").output)


def test_without_a_token_it_says_how_to_get_one(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOLTRIO_TOKEN", raising=False)
    result = run("station", "list")
    assert result.exit_code == 4
    assert "voltrio token create" in result.output


def test_without_a_node_it_says_how_to_start_one(run: Any) -> None:
    result = run("station", "list", "--token", "x", "--server", "http://127.0.0.1:9")
    assert result.exit_code == 3
    assert "voltrio serve" in result.output


def test_the_token_is_sent_as_bearer(run: Any, played: Any) -> None:
    played.answers["GET /stations"] = page()
    assert run("station", "list").exit_code == 0
    assert played.asked[0].headers["Authorization"] == "Bearer a token"


@pytest.mark.parametrize(
    ("status", "exit_code"),
    [(401, 4), (403, 4), (404, 1), (406, 6), (408, 5), (409, 1), (422, 1), (424, 5), (429, 1), (503, 1)],
)
def test_exit_codes(run: Any, played: Any, status: int, exit_code: int) -> None:
    body = {"message": "said why", "errors": {"payload.type": ["is unknown"]}}
    played.answers["POST /stations/CP1/call"] = httpx.Response(status, json=body)
    result = run("call", "CP1", "Reset", '{"type": "Soft"}')
    assert result.exit_code == exit_code
    if exit_code != 4:
        assert "said why" in result.output
        assert "payload.type: is unknown" in result.output


def test_something_else_on_that_port(run: Any, played: Any) -> None:
    played.answers["GET /stations"] = httpx.Response(500, text="<html>")
    result = run("station", "list")
    assert result.exit_code == 1
    assert "is it a Voltrio node?" in result.output


def test_call_prints_the_charger_s_answer(run: Any, played: Any) -> None:
    played.answers["POST /stations/CP%2F1/call"] = httpx.Response(
        200, json={"payload": {"status": "Accepted"}}
    )
    result = run("call", "CP/1", "Reset", '{"type": "Soft"}', "--timeout", "5")
    assert json.loads(result.output) == {"status": "Accepted"}
    assert json.loads(played.asked[0].content) == {
        "action": "Reset",
        "payload": {"type": "Soft"},
        "timeout": 5.0,
    }


def test_a_forced_call(run: Any, played: Any) -> None:
    played.answers["POST /stations/CP1/call"] = httpx.Response(200, json={"payload": {}})
    run("call", "CP1", "Nothing", "--force")
    assert json.loads(played.asked[0].content) == {"action": "Nothing", "payload": {}, "force": True}


def test_call_wants_json(run: Any, played: Any) -> None:
    assert run("call", "CP1", "Reset", "{type: Soft}").exit_code == 2
    assert played.asked == []


def test_station_add_shows_the_password_that_was_made(run: Any, played: Any) -> None:
    played.answers["POST /stations"] = httpx.Response(201, json={"identity": "CP1", "password": "0123abcd"})
    result = run("station", "add", "CP1")
    assert "0123abcd" in result.output
    assert json.loads(played.asked[0].content) == {"identity": "CP1", "securityProfile": 1}


def test_station_add_with_everything(run: Any, played: Any) -> None:
    played.answers["POST /stations"] = httpx.Response(201, json={"identity": "CP1", "password": None})
    result = run("station", "add", "CP1", "--profile", "2", "--password", "sixteen letters!", "--pending")
    assert result.output == "Added CP1.\n"
    assert json.loads(played.asked[0].content) == {
        "identity": "CP1",
        "securityProfile": 2,
        "password": "sixteen letters!",
        "registrationStatus": "pending",
    }


def test_listings_follow_the_cursor(run: Any, played: Any) -> None:
    rows = [{"uid": f"TAG{n}", "status": "enabled", "valid": True} for n in range(3)]

    def answer(request: httpx.Request) -> httpx.Response:
        return page(*rows[:2], cursor="c1") if "cursor" not in request.url.params else page(rows[2])

    played.answers["GET /id-tags"] = answer
    assert json.loads(run("tag", "list", "--json").output) == rows
    assert "TAG2" in run("tag", "list").output


def test_an_empty_listing_says_what_to_do(run: Any, played: Any) -> None:
    for words, path in (
        (("tag", "list"), "/id-tags"),
        (("station", "list"), "/stations"),
        (("session", "list"), "/sessions"),
    ):
        played.answers[f"GET {path}"] = page()
        assert "voltrio" in run(*words).output
        assert json.loads(run(*words, "--json").output) == []


def test_session_filters_reach_the_node(run: Any, played: Any) -> None:
    played.answers["GET /sessions"] = page(session(7))
    result = run("session", "list", "--station", "CP1", "--status", "active", "--tag", "04A2", "--limit", "5")
    assert "CP1" in result.output
    assert dict(played.asked[0].url.params) == {
        "station": "CP1",
        "status": "active",
        "idTag": "04A2",
        "limit": "5",
    }


def test_session_show_with_meter_values(run: Any, played: Any) -> None:
    played.answers["GET /sessions/7"] = httpx.Response(200, json=session(7))
    played.answers["GET /sessions/7/meter-values"] = page(
        {"timestamp": "2026-01-02T03:05:05Z", "energyWh": 42}
    )
    assert (
        json.loads(run("session", "show", "7", "--meter-values", "--json").output)["meterValues"][0][
            "energyWh"
        ]
        == 42
    )
    assert "42" in run("session", "show", "7", "--meter-values").output


def test_tail_begins_with_the_newest(run: Any, played: Any) -> None:
    played.answers["GET /sessions"] = page(session(8, "finished"), session(7, "finished"))
    lines = run("session", "tail", "--no-follow").output.splitlines()
    assert ["#7" in lines[0], "#8" in lines[1]] == [True, True]
    assert "ev_disconnected" in lines[0]


def test_tail_as_json_is_a_document_per_line(run: Any, played: Any) -> None:
    played.answers["GET /sessions"] = page(session(9), session(8))
    lines = run("session", "tail", "--no-follow", "--json").output.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [8, 9]


def test_tail_tells_what_is_new_and_what_moved_on(played: Any) -> None:
    seen: dict[int, Any] = {7: session(7, "finished"), 8: session(8), 9: session(9)}
    played.answers["GET /sessions"] = page(session(10))
    played.answers["GET /sessions/8"] = httpx.Response(200, json=session(8, energy=1_300))
    played.answers["GET /sessions/9"] = httpx.Response(200, json=session(9))
    assert [row["id"] for row in changed(Client("http://node", "t"), seen)] == [8, 10]
    assert seen[8]["energyWh"] == 1_300
    (listed,) = [request.url for request in played.asked if request.url.path.endswith("/sessions")]
    assert dict(listed.params) == {"order": "oldest", "after": "9"}


def test_tail_dates_a_change_by_when_it_was_seen(
    run: Any, played: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    played.answers["GET /sessions"] = lambda asked: page(
        *([] if "after" in asked.url.params else [session(8)])
    )
    played.answers["GET /sessions/8"] = httpx.Response(200, json=session(8, energy=1_300))
    looks = iter([None])

    def sleep(_seconds: float) -> None:
        if next(looks, "end") == "end":
            raise KeyboardInterrupt

    monkeypatch.setattr("api.cli.session.time.sleep", sleep)
    first, second = run("session", "tail").output.splitlines()
    began = first.partition("  ")[0]
    assert "1200 Wh" in first
    assert "1300 Wh" in second
    assert not second.startswith(began)


# --- stations ---------------------------------------------------------------------------------------------


def sent(request: httpx.Request) -> Any:
    return json.loads(request.content)


def test_accepting_warns_of_a_station_that_anybody_can_play(run: Any, played: Any) -> None:
    answer = {"triggered": True, "securityProfile": 0, "warning": "Anybody can connect as it."}
    played.answers["POST /stations/CP1/accept"] = httpx.Response(200, json=answer)
    result = run("station", "accept", "CP1")
    assert result.exit_code == 0
    assert "asked to boot again" in result.stdout
    assert "Anybody can connect as it." in result.stderr
    assert "voltrio station accept CP1 --profile 1" in result.stderr
    assert sent(played.asked[0]) == {}
    assert json.loads(run("station", "accept", "CP1", "--json").stdout) == answer


def test_accepting_with_a_profile_shows_the_password_made(run: Any, played: Any) -> None:
    answer = {"triggered": False, "securityProfile": 1, "warning": None, "password": "0123abcd"}
    played.answers["POST /stations/CP1/accept"] = httpx.Response(200, json=answer)
    result = run("station", "accept", "CP1", "--security-profile", "1")
    assert ("0123abcd" in result.stdout, result.stderr) == (True, "")
    assert sent(played.asked[0]) == {"securityProfile": 1}


def test_change_names_only_what_changes(run: Any, played: Any) -> None:
    kept = {"settings": {"policy": "strict", "boot_retry_interval": 5}}
    played.answers |= {
        "GET /stations/CP1": httpx.Response(200, json=kept),
        "PATCH /stations/CP1": httpx.Response(200, json=kept),
    }
    words = ("--disable", "--registration", "pending", "--set", "heartbeat_interval=42", "--unset", "policy")
    assert run("station", "change", "CP1", *words).exit_code == 0
    assert sent(played.asked[-1]) == {
        "status": "disabled",
        "registrationStatus": "pending",
        "settings": {"boot_retry_interval": 5, "heartbeat_interval": 42},
    }
    run("station", "change", "CP1", "--name", "Left", "--any-user-name")
    assert sent(played.asked[-1]) == {"name": "Left", "invalidUsernameAllowed": True}


def test_change_of_nothing_or_of_nonsense_is_wrong_usage(run: Any, played: Any) -> None:
    nothing = run("station", "change", "CP1")
    assert (nothing.exit_code, "--help" in nothing.output) == (2, True)
    nonsense = run("station", "change", "CP1", "--set", "policy")
    assert (nonsense.exit_code, "KEY=VALUE" in nonsense.output) == (2, True)
    assert run("station", "upgrade", "CP1", "--url", "wss://x").exit_code == 2
    assert played.asked == []


def test_delete_asks_first(run: Any, played: Any) -> None:
    played.answers["DELETE /stations/CP1"] = httpx.Response(204)
    assert run("station", "delete", "CP1").exit_code == 1  # nobody there to say yes
    assert played.asked == []
    assert run("station", "delete", "CP1", "--yes").output == "Deleted CP1.\n"


def test_disconnect(run: Any, played: Any) -> None:
    played.answers["POST /stations/CP1/disconnect"] = httpx.Response(204)
    assert run("station", "disconnect", "CP1", "--reason", "new cable").output == "Disconnected CP1.\n"
    assert sent(played.asked[0]) == {"reason": "new cable"}
    assert run("station", "disconnect", "CP2").exit_code == 1


def test_upgrade_and_how_it_went(run: Any, played: Any) -> None:
    move = {
        "status": "pending",
        "wanted": 2,
        "securityProfile": 1,
        "plannedAt": "2026-01-02T03:04:05Z",
        "actor": "token:ops",
    }
    played.answers |= {
        "POST /stations/CP1/upgrade": httpx.Response(200, json=move),
        "GET /stations/CP1/upgrade": httpx.Response(200, json=move | {"status": "applied"}),
    }
    told = run("station", "upgrade", "CP1", "--profile", "2", "--url", "wss://csms/ocpp", "--slot", "3")
    assert "pending" in told.output
    assert sent(played.asked[0]) == {"securityProfile": 2, "url": "wss://csms/ocpp", "slot": 3}
    assert json.loads(run("station", "upgrade", "CP1", "--json").output)["status"] == "applied"
    played.answers["POST /stations/CP1/upgrade"] = httpx.Response(424, json={"message": "not connected"})
    assert run("station", "upgrade", "CP1", "--profile", "2").exit_code == 5


# --- what happened ----------------------------------------------------------------------------------------


def message(number: int, **other: Any) -> dict[str, Any]:
    return {
        "id": number,
        "station": "CP1",
        "at": "2026-01-02T03:04:05Z",
        "direction": "in",
        "kind": "call",
        "action": "Heartbeat",
        "messageId": str(number),
        "payload": "{}",
        "correlationId": "c",
        "repairs": None,
        **other,
    }


def test_messages_oldest_first(run: Any, played: Any) -> None:
    rows = [message(2, direction="out", kind="result", repairs="enum-case $.status"), message(1)]
    played.answers |= {"GET /stations/CP1/messages": page(*rows), "GET /messages": page(*rows)}
    first, second = run("messages", "CP1", "--action", "Heartbeat").output.splitlines()
    assert "CP1  → Heartbeat  {}" in first
    assert "← Heartbeat result  {}  mended: enum-case $.status" in second
    assert played.asked[0].url.params["action"] == "Heartbeat"
    assert [row["id"] for row in json.loads(run("messages", "--json").output)] == [1, 2]
    played.answers["GET /messages"] = page()
    assert "voltrio" in run("messages").output


def test_long_payloads_are_cut_unless_asked_for(run: Any, played: Any) -> None:
    played.answers["GET /messages"] = page(message(1, payload="x" * 1_000))
    assert len(run("messages").output) < 300
    assert "x" * 1_000 in run("messages", "--full").output


def test_following_brings_each_message_once_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.cli.log.time.sleep", lambda _seconds: None)
    looks = iter([[3, 2, 1], [3, 2, 1], [6, 4, 3, 2, 1], [7, 6, 5, 4, 3, 2, 1]])  # 5 was written late
    coming = followed(lambda: iter([message(n) for n in next(looks)]), lines=2, interval=1)
    assert [next(coming)["id"] for _ in range(6)] == [2, 3, 4, 6, 5, 7]


def test_security_events(run: Any, played: Any) -> None:
    event = {
        "id": 1,
        "chargePointId": None,
        "station": None,
        "type": "FailedToAuthenticateAtCentralSystem",
        "timestamp": "2026-01-02T03:04:05Z",
        "techInfo": "unknown identity",
        "critical": False,
        "receivedAt": "2026-01-02T03:04:05Z",
    }
    played.answers["GET /security-events"] = page(event)
    assert "unknown identity" in run("security-events", "--station", "CP1", "--limit", "3").output
    assert dict(played.asked[0].url.params) == {"station": "CP1", "limit": "3"}
    assert json.loads(run("security-events", "--json").output) == [event]
