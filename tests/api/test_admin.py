"""The admin API: every route, who may use it, and how errors look."""

import base64
from typing import Any

import httpx
import pytest
import trio

from api.admin import MODULES, admin_site
from engine.domain.access import password_matches
from engine.node import Node
from tests.plans import EVERYBODY

START = {"connectorId": 1, "idTag": "TAG1", "meterStart": 1_000, "timestamp": "2026-01-01T10:00:00Z"}


def values(session: int, minute: int, wh: int) -> dict[str, Any]:
    sample = {"value": str(wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    power = {"value": "7000", "measurand": "Power.Active.Import", "unit": "W"}
    at = f"2026-01-01T10:{minute:02}:00Z"
    return {
        "connectorId": 1,
        "transactionId": session,
        "meterValue": [{"timestamp": at, "sampledValue": [sample, power]}],
    }


# --- who may ask ------------------------------------------------------------------------------------------


def every_route() -> list[tuple[str, str]]:
    return [(route.method, route.rule) for module in MODULES for route in module.ROUTES]


async def test_every_route_wants_a_token(node: Node, ask: Any) -> None:
    metrics = await node.store.api_tokens.create(EVERYBODY, "prometheus", scope="metrics")
    revoked = await node.store.api_tokens.create(EVERYBODY, "old")
    await node.store.api_tokens.revoke(EVERYBODY, revoked.id)
    for method, rule in every_route():
        client = ask(admin_site(node))  # each counts wrong tokens of its own
        path = "/admin-api/v1" + "/".join("1" if part.startswith("<") else part for part in rule.split("/"))
        for secret, status in ((None, 401), ("wrong", 401), (revoked.secret, 401), (metrics.secret, 403)):
            headers = {"Authorization": f"Bearer {secret}"} if secret else {}
            answer = await client.request(method, path, headers=headers, json={})
            assert (answer.status_code, set(answer.json())) == (status, {"message"}), path


async def test_tokens_come_and_go(admin: httpx.AsyncClient, node: Node, ask: Any) -> None:
    made = (await admin.post("/tokens", json={"name": "ops"})).json()
    assert (made["name"], made["scope"]) == ("ops", "admin")
    other = ask(admin_site(node), Authorization=f"Bearer {made['secret']}")
    assert (await other.get("/admin-api/v1/tokens")).status_code == 200
    listed = (await admin.get("/tokens")).json()["data"]
    assert [row["name"] for row in listed] == ["test", "ops"]
    assert all("secret" not in row for row in listed)
    assert (await admin.delete(f"/tokens/{made['id']}")).status_code == 204
    assert (await other.get("/admin-api/v1/tokens")).status_code == 401
    assert (await admin.delete(f"/tokens/{made['id']}")).status_code == 404
    assert (await admin.delete("/tokens/99999999999999999999")).status_code == 404
    assert (await admin.post("/tokens", json={"name": ""})).status_code == 422
    assert (await admin.post("/tokens", json={"name": "x", "scope": "root"})).status_code == 422


# --- stations ---------------------------------------------------------------------------------------------


async def test_a_station_without_password_gets_one(admin: httpx.AsyncClient, node: Node) -> None:
    answer = await admin.post("/stations", json={"identity": "CP1"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["identity"], made["securityProfile"], made["connected"]) == ("CP1", 1, False)
    assert len(bytes.fromhex(made["password"])) == 16
    record = await node.store.reader.station("CP1")
    assert record is not None
    assert password_matches(record, made["password"].encode())
    shown = (await admin.get("/stations/CP1")).json()
    assert shown["hasPassword"] is True
    assert "password" not in shown
    assert made["password"] not in (await admin.get("/stations")).text
    assert base64.b64encode(record.password_sha256 or b"").decode() not in (await admin.get("/stations")).text


@pytest.mark.parametrize(
    "body",
    [
        {"identity": "CP1", "password": "sixteen letters!"},
        {"identity": "CP1", "securityProfile": 0},
        {"identity": "CP1", "securityProfile": 3, "certificateSerial": "0A:1B"},
    ],
)
async def test_no_password_is_made_where_none_is_needed(admin: httpx.AsyncClient, body: object) -> None:
    answer = await admin.post("/stations", json=body)
    assert answer.status_code == 201
    assert "password" not in answer.json()


async def test_bad_stations(admin: httpx.AsyncClient) -> None:
    for body, field in (
        ({}, "identity"),
        ({"identity": ""}, "identity"),
        ({"identity": "a/b"}, "identity"),
        ({"identity": "CP1", "securityProfile": 4}, "securityProfile"),
        ({"identity": "CP1", "password": "short"}, "password"),
        ({"identity": "CP1", "registrationStatus": "Perhaps"}, "registrationStatus"),
        ({"identity": "CP1", "settings": {"unknown_setting": 1}}, "unknown_setting"),
        ({"identity": "CP1", "settings": {"polcy": "strict"}}, "polcy"),
        ({"identity": "CP1", "settings": {"policy": "lax"}}, "settings.policy"),
    ):
        answer = await admin.post("/stations", json=body)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert (await admin.post("/stations", content=b"{")).status_code == 400
    assert (await admin.post("/stations", json={"identity": "CP1"})).status_code == 201
    assert (await admin.post("/stations", json={"identity": "CP1"})).status_code == 409


async def test_stations_are_listed_page_by_page(admin: httpx.AsyncClient) -> None:
    for number in range(5):
        await admin.post("/stations", json={"identity": f"CP{number}", "securityProfile": 0})
    first = (await admin.get("/stations", params={"limit": 3})).json()
    second = (await admin.get("/stations", params={"limit": 3, "cursor": first["nextCursor"]})).json()
    assert [row["identity"] for row in first["data"] + second["data"]] == [f"CP{n}" for n in range(5)]
    assert second["nextCursor"] is None
    for bad in ("limit=0", "limit=501", "cursor=-1", "cursor=x", "cursor=9999999999999999999"):
        assert (await admin.get(f"/stations?{bad}")).status_code == 422


async def test_settings_reach_a_connected_station(admin: httpx.AsyncClient, node: Node, connect: Any) -> None:
    await connect("CP1")
    answer = await admin.patch(
        "/stations/CP1", json={"name": "Front", "settings": {"heartbeat_interval": 42}}
    )
    assert (answer.status_code, answer.json()["name"]) == (200, "Front")
    state = node.registry.state("CP1")
    assert state is not None
    assert state.settings.heartbeat_interval == 42


async def test_disabling_and_deleting_disconnect(admin: httpx.AsyncClient, connect: Any) -> None:
    first = await connect("CP1")
    assert (await admin.patch("/stations/CP1", json={"status": "disabled"})).status_code == 200
    await first.closed.wait()
    second = await connect("CP2")
    assert (await admin.delete("/stations/CP2")).status_code == 204
    await second.closed.wait()
    assert (await admin.get("/stations/CP2")).status_code == 404
    assert (await admin.delete("/stations/CP2")).status_code == 404
    assert (await admin.patch("/stations/CP2", json={"name": "x"})).status_code == 404


async def test_accepting_asks_for_the_boot_again(admin: httpx.AsyncClient, connect: Any) -> None:
    charger = await connect("CP1", boot=False, registration_status="pending")
    assert (await charger.boot())["status"] == "Pending"
    charger.answers["TriggerMessage"] = {"status": "Accepted"}
    answer = await admin.post("/stations/CP1/accept")
    assert (answer.status_code, answer.json()["triggered"]) == (200, True)
    assert charger.asked == [("TriggerMessage", {"requestedMessage": "BootNotification"})]
    assert (await charger.boot())["status"] == "Accepted"
    charger.answers["TriggerMessage"] = ("NotSupported", "", {})
    assert (await admin.post("/stations/CP1/accept")).json()["triggered"] is False


async def test_a_station_that_came_by_itself_is_accepted_with_a_warning(
    admin: httpx.AsyncClient, node: Node
) -> None:
    await node.store.stations.create_pending("CP1")
    answer = (await admin.post("/stations/CP1/accept")).json()
    assert answer["securityProfile"] == 0
    assert "no password" in answer["warning"]
    assert "password" not in answer


@pytest.mark.parametrize(
    ("body", "profile", "made"),
    [
        ({"password": "sixteen letters!"}, 1, False),
        ({"password": "sixteen letters!", "securityProfile": 2}, 2, False),
        ({"securityProfile": 1}, 1, True),
        ({"securityProfile": 3}, 3, False),
    ],
)
async def test_accepting_can_say_how_it_is_let_in(
    admin: httpx.AsyncClient, node: Node, body: dict[str, Any], profile: int, made: bool
) -> None:
    await node.store.stations.create_pending("CP1")
    answer = (await admin.post("/stations/CP1/accept", json=body)).json()
    assert (answer["securityProfile"], answer["warning"], "password" in answer) == (profile, None, made)
    record = await node.store.reader.station("CP1")
    assert record is not None
    password = answer.get("password", body.get("password"))
    assert password is None or password_matches(record, password.encode())
    again = (await admin.post("/stations/CP1/accept", json={"securityProfile": profile})).json()
    assert "password" not in again  # who has one keeps it


async def test_accepting_with_what_does_not_fit(admin: httpx.AsyncClient, node: Node) -> None:
    await node.store.stations.create_pending("CP1")
    for body in ({"password": "short"}, {"securityProfile": 0, "password": "sixteen letters!"}):
        answer = await admin.post("/stations/CP1/accept", json=body)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["password"])
    assert (await admin.get("/stations/CP1")).json()["registrationStatus"] == "pending"


async def test_accepting_a_station_that_is_away(admin: httpx.AsyncClient) -> None:
    await admin.post("/stations", json={"identity": "CP1", "registrationStatus": "pending"})
    answer = (await admin.post("/stations/CP1/accept")).json()
    assert answer == {"triggered": False, "securityProfile": 1, "warning": None}
    assert (await admin.get("/stations/CP1")).json()["registrationStatus"] == "accepted"
    assert (await admin.post("/stations/nobody/accept")).status_code == 404


async def test_disconnect_and_connections(admin: httpx.AsyncClient, connect: Any) -> None:
    charger = await connect("CP1")
    await connect("CP2")
    listed = (await admin.get("/connections")).json()
    assert [row["identity"] for row in listed["data"]] == ["CP1", "CP2"]
    assert listed["data"][0]["version"] == "ocpp1.6"
    assert listed["data"][0]["securityProfile"] == 0
    assert listed["data"][0]["silentSeconds"] >= 0
    page = (await admin.get("/connections", params={"limit": 1, "cursor": 1})).json()
    assert [row["identity"] for row in page["data"]] == ["CP2"]
    assert (await admin.get("/stations/CP1")).json()["connected"] is True
    assert (await admin.post("/stations/CP1/disconnect", json={"reason": "maintenance"})).status_code == 204
    await charger.closed.wait()
    assert (await admin.post("/stations/CP1/disconnect", json={})).status_code == 404


async def test_connectors_and_configuration(admin: httpx.AsyncClient, node: Node, connect: Any) -> None:
    charger = await connect("CP1")
    status = {
        "connectorId": 1,
        "errorCode": "NoError",
        "status": "Preparing",
        "timestamp": "2026-01-01T00:00:00Z",
    }
    await charger.call("StatusNotification", status)
    keys = [{"key": "AuthorizationKey", "readonly": False, "value": "secret"}, {"key": "A", "readonly": True}]
    charger.answers["GetConfiguration"] = {"configurationKey": keys}
    assert (await admin.post("/stations/CP1/call", json={"action": "GetConfiguration"})).status_code == 200
    await node.store.journal.flush()
    station = await node.store.stations.get(EVERYBODY, "CP1")
    await node.store.configuration.request(
        EVERYBODY, station.id, {"AuthorizationKey": "new secret", "B": "1"}
    )
    (connector,) = (await admin.get("/stations/CP1")).json()["connectors"]
    assert (connector["evseNumber"], connector["status"].lower()) == (1, "preparing")
    answer = await admin.get("/stations/CP1/configuration")
    body = answer.json()
    assert {(row["name"], row["value"]) for row in body["requested"]} == {
        ("AuthorizationKey", "***"),
        ("B", "1"),
    }
    assert {(row["name"], row["value"]) for row in body["reported"]} == {
        ("AuthorizationKey", "***"),
        ("A", None),
    }
    assert "secret" not in answer.text


async def test_the_verdict_on_certificates_can_be_read(
    admin: httpx.AsyncClient, node: Node, client_certificate: str
) -> None:
    await admin.post("/stations", json={"identity": "CP1"})
    station = await node.store.stations.get(EVERYBODY, "CP1")
    row = await node.store.certificates.install(EVERYBODY, station.id, "CSMS", client_certificate)
    await node.store.certificates.answered(row.id, "Rejected", "no room")
    (shown,) = (await admin.get("/stations/CP1/certificates")).json()["data"]
    assert (shown["type"], shown["status"], shown["reason"]) == ("CSMS", "Rejected", "no room")
    assert (await admin.get("/stations/nobody/certificates")).status_code == 404


# --- calls ------------------------------------------------------------------------------------------------


async def test_the_charger_s_own_answer_comes_back(admin: httpx.AsyncClient, connect: Any) -> None:
    charger = await connect("CP1")
    charger.answers["GetConfiguration"] = {"unknownKey": ["A"]}
    answer = await admin.post(
        "/stations/CP1/call", json={"action": "GetConfiguration", "payload": {"key": ["A"]}}
    )
    assert (answer.status_code, answer.json()) == (
        200,
        {"action": "GetConfiguration", "payload": {"unknownKey": ["A"]}},
    )
    assert charger.asked == [("GetConfiguration", {"key": ["A"]})]


async def test_a_password_set_by_hand_counts_from_then_on(
    admin: httpx.AsyncClient, node: Node, connect: Any
) -> None:
    charger = await connect("CP1")
    payload = {"key": "AuthorizationKey", "value": "0123456789abcdef"}
    for status, known in (("Rejected", False), ("Accepted", True)):
        charger.answers["ChangeConfiguration"] = {"status": status}
        await admin.post("/stations/CP1/call", json={"action": "ChangeConfiguration", "payload": payload})
        record = await node.store.reader.station("CP1")
        assert record is not None
        assert password_matches(record, b"0123456789abcdef") is known


async def test_numbers_stay_what_they_are(admin: httpx.AsyncClient, connect: Any) -> None:
    charger = await connect("CP1")
    charger.answers["SetChargingProfile"] = {"status": "Accepted"}
    periods = [{"startPeriod": 0, "limit": 8.1}]
    payload = {
        "connectorId": 0,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "ChargePointMaxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": periods},
        },
    }
    answer = await admin.post("/stations/CP1/call", json={"action": "SetChargingProfile", "payload": payload})
    assert answer.status_code == 200
    assert charger.asked == [("SetChargingProfile", payload)]


async def test_calls_that_are_not_sent(admin: httpx.AsyncClient, connect: Any) -> None:
    charger = await connect("CP1")
    for body, field in (
        ({}, "action"),
        ({"action": "Rest"}, "action"),
        ({"action": "Heartbeat"}, "action"),
        ({"action": "Reset"}, "payload"),
        ({"action": "Reset", "payload": {"type": "soft"}}, "payload"),
        ({"action": "Reset", "payload": {"type": "Soft", "x": 1}}, "payload"),
        ({"action": "Reset", "payload": []}, "payload"),
        ({"action": "Reset", "payload": {"type": "Soft"}, "timeout": 0}, "timeout"),
    ):
        answer = await admin.post("/stations/CP1/call", json=body)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field]), body
    rule = {"action": "UnlockConnector", "payload": {"connectorId": 0}}
    assert (await admin.post("/stations/CP1/call", json=rule)).status_code == 422
    assert charger.asked == []


@pytest.mark.parametrize(
    ("action", "payload", "hints"),
    [
        ("Rest", {}, ["did you mean Reset?"]),
        ("Reset", {"type": "soft"}, ["$.type", "allowed: Hard, Soft"]),
        ("Reset", {}, ["$.type", "missing", "allowed: Hard, Soft"]),
        ("ChangeConfiguration", {}, ["members: key*, value*"]),
        ("Reset", {"type": "Soft", "x": 1}, ["members: type*"]),
        (
            "RemoteStartTransaction",
            {"idTag": "T", "chargingProfile": {"chargingProfileId": 1, "chargingSchedule": {}}},
            ["chargingProfile"],
        ),
        ("ReserveNow", {"connectorId": "1"}, ["members: ", "expiryDate*", "parentIdTag,"]),
        ("SendLocalList", {"listVersion": 1, "updateType": "Some"}, ["allowed: Differential, Full"]),
    ],
)
async def test_what_is_not_sent_is_explained(
    admin: httpx.AsyncClient, connect: Any, action: str, payload: object, hints: list[str]
) -> None:
    await connect("CP1")
    answer = await admin.post("/stations/CP1/call", json={"action": action, "payload": payload})
    ((said,),) = answer.json()["errors"].values()
    assert [hint for hint in hints if hint not in said] == [], said


async def test_what_is_forced_is_sent_and_audited(admin: httpx.AsyncClient, connect: Any) -> None:
    charger = await connect("CP1")
    charger.answers |= {"UnlockConnector": {"status": "NotSupported"}, "Reset": {"free": ["words"]}}
    rule = {"action": "UnlockConnector", "payload": {"connectorId": 0}, "force": True}
    answer = await admin.post("/stations/CP1/call", json=rule)
    assert answer.json() == {"action": "UnlockConnector", "payload": {"status": "NotSupported"}}
    schema = {"action": "Reset", "payload": {"type": "Gently", "more": 1}, "force": True}
    answer = await admin.post("/stations/CP1/call", json=schema)
    assert (answer.status_code, answer.json()["payload"]) == (200, {"free": ["words"]})
    assert charger.asked == [("UnlockConnector", {"connectorId": 0}), ("Reset", schema["payload"])]
    rows = (await admin.get("/audit", params={"subject": "charge_point:CP1", "limit": 2})).json()["data"]
    assert [(row["action"], row["details"]) for row in rows] == [
        ("station.call", {"action": "Reset", "force": True}),
        ("station.call", {"action": "UnlockConnector", "force": True}),
    ]
    unknown = {"action": "Nothing", "force": True, "timeout": 0.01}
    assert (await admin.post("/stations/CP1/call", json=unknown)).status_code == 408
    await charger.leave()
    while (await admin.get("/stations/CP1")).json()["connected"]:
        await trio.testing.wait_all_tasks_blocked()
    assert (await admin.post("/stations/CP1/call", json=schema)).status_code == 424


async def test_an_answer_that_is_no_json_to_a_forced_call(admin: httpx.AsyncClient, connect: Any) -> None:
    charger = await connect("CP1")
    charger.answers["Nothing"] = float("nan")
    answer = await admin.post("/stations/CP1/call", json={"action": "Nothing", "force": True})
    assert (answer.status_code, "not valid JSON" in answer.json()["message"]) == (406, True)


async def test_calls_without_an_answer(admin: httpx.AsyncClient, connect: Any) -> None:
    reset = {"action": "Reset", "payload": {"type": "Soft"}}
    assert (await admin.post("/stations/CP1/call", json=reset)).status_code == 404
    charger = await connect("CP1")
    late = await admin.post("/stations/CP1/call", json=reset | {"timeout": 0.01})
    assert (late.status_code, "Reset" in late.json()["message"]) == (408, True)
    charger.answers["Reset"] = ("InternalError", "out of order", {"code": 7})
    refused = await admin.post("/stations/CP1/call", json=reset)
    assert refused.status_code == 406
    assert refused.json() == {
        "message": "InternalError: out of order",
        "code": "InternalError",
        "description": "out of order",
        "details": {"code": 7},
    }
    del charger.answers["Reset"]
    async with trio.open_nursery() as nursery:
        answers: list[int] = []

        async def ask() -> None:
            answers.append((await admin.post("/stations/CP1/call", json=reset)).status_code)

        nursery.start_soon(ask)
        while len(charger.asked) < 3:
            await trio.testing.wait_all_tasks_blocked(0.01)
        await charger.leave()
    assert answers == [424]
    gone = await admin.post("/stations/CP1/call", json=reset)
    assert (gone.status_code, "not connected" in gone.json()["message"]) == (424, True)


async def test_a_full_queue(admin: httpx.AsyncClient, node: Node, connect: Any) -> None:
    charger = await connect("CP1")
    clear = {"action": "ClearCache", "timeout": 600}
    async with trio.open_nursery() as nursery:
        for _ in range(node.settings.call_queue + 1):
            nursery.start_soon(lambda: admin.post("/stations/CP1/call", json=clear))
        connection = node.registry.actor("CP1")
        while connection is not None and connection.waiting_calls < node.settings.call_queue:
            await trio.testing.wait_all_tasks_blocked(0.01)
        answer = await admin.post("/stations/CP1/call", json=clear)
        assert answer.status_code == 429
        assert "Retry-After" in answer.headers
        await charger.leave()


# --- id tags ----------------------------------------------------------------------------------------------


async def test_id_tags(admin: httpx.AsyncClient) -> None:
    body = {"uid": "TAG1", "groupId": "G", "expireAt": "2030-01-01T00:00:00Z", "maxActiveSessions": 2}
    answer = await admin.post("/id-tags", json=body)
    assert answer.status_code == 201
    assert body.items() <= answer.json().items()
    await admin.post("/id-tags", json={"uid": "tag1", "status": "disabled"})
    shown = (await admin.get("/id-tags/TAG1")).json()
    assert (shown["status"], shown["groupId"]) == ("disabled", "G")
    await admin.post("/id-tags", json={"uid": "TAG1", "groupId": None})
    await admin.post("/id-tags", json={"uid": "TAG2"})
    listed = (await admin.get("/id-tags")).json()
    assert [(row["uid"], row["groupId"]) for row in listed["data"]] == [("TAG1", None), ("TAG2", None)]
    assert (await admin.get("/id-tags/nobody")).status_code == 404
    for bad in (
        {"uid": ""},
        {"uid": "x" * 37},
        {"uid": "A", "status": "on"},
        {"uid": "A", "expireAt": "2030-01-01T00:00:00"},
    ):
        assert (await admin.post("/id-tags", json=bad)).status_code == 422


async def test_an_id_tag_that_is_there_already(admin: httpx.AsyncClient) -> None:
    new = {"onlyNew": "true"}
    assert (await admin.post("/id-tags", json={"uid": "TAG1"}, params=new)).status_code == 201
    assert (await admin.patch("/id-tags/tag1", json={"status": "disabled"})).status_code == 200
    again = await admin.post("/id-tags", json={"uid": "tag1", "status": "enabled"}, params=new)
    assert (again.status_code, "exists" in again.json()["message"]) == (409, True)
    assert (await admin.get("/id-tags/TAG1")).json()["status"] == "disabled"
    assert (await admin.delete("/id-tags/tag1")).status_code == 204
    for method, path in (("PATCH", "tag1"), ("DELETE", "tag1"), ("PATCH", "x%01"), ("DELETE", "x%01")):
        assert (await admin.request(method, f"/id-tags/{path}", json={})).status_code == 404


async def test_a_deleted_tag_charges_no_more(admin: httpx.AsyncClient, connect: Any) -> None:
    await admin.post("/id-tags", json={"uid": "TAG1"})
    charger = await connect("CP1")
    assert (await charger.call("Authorize", {"idTag": "TAG1"}))["idTagInfo"]["status"] == "Accepted"
    await admin.delete("/id-tags/TAG1")
    assert (await charger.call("Authorize", {"idTag": "TAG1"}))["idTagInfo"]["status"] == "Invalid"


# --- sessions ---------------------------------------------------------------------------------------------


async def test_sessions_from_start_to_end(admin: httpx.AsyncClient, connect: Any) -> None:
    price = {"currency": "EUR", "perKwh": 0.5, "perSession": 1}
    assert (await admin.put("/operator/price", json=price)).json()["pricePerKwh"] == 0.5
    await admin.post("/id-tags", json={"uid": "TAG1"})
    charger = await connect("CP1")
    number = (await charger.call("StartTransaction", START))["transactionId"]
    await charger.call("MeterValues", values(number, 1, 1_500))
    running = (await admin.get(f"/sessions/{number}")).json()
    assert (running["status"], running["energyWh"], running["powerW"]) == ("active", 500, 7_000.0)
    assert (running["station"], running["idTag"], running["amount"]) == ("CP1", "TAG1", 1.25)
    stop = {
        "transactionId": number,
        "meterStop": 3_000,
        "timestamp": "2026-01-01T10:10:00Z",
        "reason": "Local",
    }
    await charger.call("StopTransaction", stop)
    ended = (await admin.get(f"/sessions/{number}")).json()
    assert (ended["status"], ended["energyWh"], ended["meterStopWh"]) == ("finished", 2_000, 3_000)
    assert (ended["amount"], ended["currency"], ended["reason"]) == (2.0, "EUR", "local")
    (value,) = (await admin.get(f"/sessions/{number}/meter-values")).json()["data"]
    assert (value["energyWh"], value["samples"][0]["value"]) == (500, "1500")
    periods = (await admin.get(f"/sessions/{number}/periods")).json()["data"]
    assert all(period["stoppedAt"] is not None for period in periods)


async def test_session_listings(admin: httpx.AsyncClient, connect: Any) -> None:
    await admin.post("/id-tags", json={"uid": "TAG1"})
    await admin.post("/id-tags", json={"uid": "TAG2"})
    charger, other = await connect("CP1"), await connect("CP2")
    first = (await charger.call("StartTransaction", START))["transactionId"]
    second = (
        await other.call("StartTransaction", START | {"idTag": "TAG2", "timestamp": "2026-01-02T10:00:00Z"})
    )["transactionId"]

    async def listed(path: str = "/sessions", **query: object) -> list[int]:
        answer = await admin.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()["data"]]

    assert await listed() == [second, first]
    assert await listed(station="CP1") == [first]
    assert await listed(idTag="tag2") == [second]
    assert await listed(status="finished") == []
    assert await listed(**{"from": "2026-01-02T00:00:00Z"}) == [second]
    assert await listed(until="2026-01-02T00:00:00Z") == [first]
    newest = (await admin.get("/sessions?limit=1")).json()
    assert await listed(cursor=newest["nextCursor"]) == [first]
    assert await listed(status="active,pending", held="false") == [second, first]
    assert await listed(order="oldest") == [first, second]
    assert await listed(order="oldest", after=first) == [second]
    assert (await admin.get("/sessions", params={"from": "yesterday"})).status_code == 422
    assert (await admin.get("/sessions/999999")).status_code == 404
    assert (await admin.get("/sessions/x")).status_code == 404
    assert (await admin.get("/sessions/999999/periods")).status_code == 404


async def test_meter_values_page_by_page(admin: httpx.AsyncClient, connect: Any) -> None:
    await admin.post("/id-tags", json={"uid": "TAG1"})
    charger = await connect("CP1")
    number = (await charger.call("StartTransaction", START))["transactionId"]
    for minute in range(1, 6):
        await charger.call("MeterValues", values(number, minute, 1_000 + 100 * minute))
    seen: list[int] = []
    query: dict[str, object] = {"limit": 2}
    while True:
        page = (await admin.get(f"/sessions/{number}/meter-values", params=query)).json()
        seen += [row["energyWh"] for row in page["data"]]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    assert seen == [100, 200, 300, 400, 500]
    for bad in ("x", "2026-01-01_1", "2026-01-01T00:00:00Z_x", "2026-01-01T00:00:00Z_99999999999999999999"):
        answer = await admin.get(f"/sessions/{number}/meter-values", params={"cursor": bad})
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["cursor"])


# --- logs -------------------------------------------------------------------------------------------------


async def test_messages_of_a_station(admin: httpx.AsyncClient, node: Node, connect: Any) -> None:
    charger = await connect("CP1")
    charger.answers["ClearCache"] = {"status": "Accepted"}
    await admin.post("/stations/CP1/call", json={"action": "ClearCache"})
    await node.store.journal.flush(behind=True)
    everything = (await admin.get("/stations/CP1/messages")).json()["data"]
    assert [(row["direction"], row["kind"], row["action"]) for row in everything] == [
        ("in", "result", "ClearCache"),
        ("out", "call", "ClearCache"),
        ("out", "result", "BootNotification"),
        ("in", "call", "BootNotification"),
    ]
    paged: list[dict[str, Any]] = []
    cursor = None
    for _ in range(4):
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = (await admin.get("/stations/CP1/messages", params=query)).json()
        paged += page["data"]
        cursor = page["nextCursor"]
    assert paged == everything
    only = (await admin.get("/stations/CP1/messages", params={"action": "ClearCache"})).json()["data"]
    assert only == everything[:2]
    assert (await admin.get("/stations/nobody/messages")).status_code == 404
    assert {row["station"] for row in everything} == {"CP1"}
    await connect("CP2")
    await node.store.journal.flush(behind=True)
    of_all = (await admin.get("/messages", params={"limit": 3})).json()["data"]
    assert [row["station"] for row in of_all] == ["CP2", "CP2", "CP1"]
    assert (await admin.get("/messages", params={"station": "CP1"})).json()["data"] == everything
    assert (await admin.get("/messages", params={"station": "nobody"})).json()["data"] == []


async def test_security_events(admin: httpx.AsyncClient, node: Node, connect: Any) -> None:
    charger = await connect("CP1")
    await connect("CP2")
    event = {"type": "SettingSystemTime", "timestamp": "2026-01-01T00:00:00Z", "techInfo": "by hand"}
    await charger.call("SecurityEventNotification", event)
    (row,) = (await admin.get("/security-events")).json()["data"]
    assert row["station"] == "CP1"
    assert (row["type"], row["critical"], row["techInfo"]) == ("SettingSystemTime", True, "by hand")
    assert (await admin.get("/security-events", params={"station": "CP1"})).json()["data"] == [row]
    assert (await admin.get("/security-events", params={"station": "CP2"})).json()["data"] == []
    assert (await admin.get("/security-events", params={"station": "CP3"})).json()["data"] == []


async def test_the_audit_trail_names_the_token(admin: httpx.AsyncClient) -> None:
    await admin.post("/stations", json={"identity": "CP1", "password": "sixteen letters!"})
    answer = await admin.get("/audit", params={"subject": "charge_point:CP1"})
    (row,) = answer.json()["data"]
    assert (row["actor"], row["action"]) == ("token:test", "station.add")
    assert "sixteen letters!" not in answer.text


async def test_prices(admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/operator")).json()["pricePerKwh"] is None
    for bad in (
        {"currency": "euro"},
        {"currency": "EUR", "perKwh": -1},
        {"currency": "EUR", "perKwh": 0.1234567},
        {"currency": "EUR", "perMinute": 1e9},
    ):
        assert (await admin.put("/operator/price", json=bad)).status_code == 422


async def test_texts_that_no_database_takes(admin: httpx.AsyncClient) -> None:
    assert (await admin.post("/id-tags", json={"uid": "a\0b"})).status_code == 422
    assert (await admin.get("/stations/a%00b")).status_code == 400
    assert (await admin.get("/id-tags/a%00b")).status_code == 400
    assert (await admin.get("/sessions?station=a%00b")).status_code == 422
    assert (await admin.post("/id-tags", content=b'{"uid": "\\ud800"}')).status_code in {400, 422}
