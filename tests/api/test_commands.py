"""Commands in no version's words over HTTP, and the sessions that are asked for."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engine.ocpp.catalogue import OPERATIONS


async def command(admin: httpx.AsyncClient, name: str, identity: str = "CP1", **parameters: Any) -> Any:
    return await admin.post(f"/stations/{identity}/command", json={"command": name, "parameters": parameters})


async def test_every_command_is_listed(admin: httpx.AsyncClient) -> None:
    rows = (await admin.get("/commands")).json()
    assert [row["command"] for row in rows] == sorted(OPERATIONS)
    unlock = next(row for row in rows if row["command"] == "Unlock")
    assert (unlock["parameters"], unlock["versions"]) == (
        ["evseNumber*", "connectorNumber"],
        ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"],
    )


async def test_every_command_says_what_it_does_and_takes(admin: httpx.AsyncClient) -> None:
    rows = (await admin.get("/commands")).json()
    assert [row["command"] for row in rows if not row["summary"].endswith((".", "`"))] == []
    taken = {row["command"]: row["types"] for row in rows}
    assert taken["Reset"] == {"when": "idle | now | now_and_resume", "evseNumber": "integer"}
    assert taken["ListCertificates"] == {"types": "list of CSMS | MF | MO | OEM | V2G | V2GChain"}
    assert "any JSON" not in {
        kind for name, kinds in taken.items() for kind in kinds.values() if name != "TransferData"
    }


async def test_what_the_station_made_of_it_comes_back(admin: httpx.AsyncClient, connect: Any) -> None:
    charger = await connect("CP1")
    charger.answers["UnlockConnector"] = {"status": "UnlockFailed"}
    answer = await command(admin, "Unlock", evseNumber=2)
    assert (answer.status_code, answer.json()) == (
        200,
        {"verdict": "failed", "word": "UnlockFailed", "reason": None},
    )
    assert charger.asked == [("UnlockConnector", {"connectorId": 2})]
    (row,) = (await admin.get("/audit", params={"subject": "charge_point:CP1", "limit": 1})).json()["data"]
    assert row["action"] == "station.Unlock"


async def test_a_request_id_is_given_where_none_is(admin: httpx.AsyncClient, connect: Any) -> None:
    charger = await connect("CP1")
    charger.answers["GetLog"] = {"status": "Accepted", "filename": "a.log"}
    answer = (await command(admin, "GetLog", location="https://example.org/", kind="security")).json()
    ((_, asked),) = charger.asked
    assert (answer["filename"], answer["requestId"]) == ("a.log", asked["requestId"])


@pytest.mark.parametrize(
    ("name", "parameters", "told"),
    [
        ("Unlok", {}, "did you mean Unlock?"),
        ("Unlock", {}, "evseNumber*"),
        ("Unlock", {"evseNumber": 1, "bogus": 1}, "bogus"),
        ("Reserve", {"reservationId": 1, "idTag": "A", "expiresAt": "2030-01-01T00:00:00"}, "its zone"),
        ("Reset", {"when": "later"}, "allowed: now, now_and_resume, idle"),
        ("ChangeAvailability", {"operative": "no"}, "operative* (true | false)"),
        ("SetConfiguration", {"values": {"authorizationkey": "0123456789abcdef"}}, "reconfigure"),
        ("SetConfiguration", {"values": {"A": "1", "B": 5}}, "parameters.values.B"),
        ("SetConfiguration", {"values": {}}, "name at least one"),
        (
            "SetMonitoringBase",
            {"base": "All"},
            "ocpp1.6 has no SetMonitoringBase; ocpp2.0.1 and ocpp2.1 have",
        ),
    ],
)
async def test_what_cannot_be_asked_is_explained(
    admin: httpx.AsyncClient, connect: Any, name: str, parameters: Any, told: str
) -> None:
    charger = await connect("CP1")
    answer = await command(admin, name, **parameters)
    assert answer.status_code == (501 if told.startswith("ocpp1.6") else 422)
    assert told in answer.text
    assert charger.asked == []


async def test_a_station_that_is_away_or_unknown(admin: httpx.AsyncClient) -> None:
    await admin.post("/stations", json={"identity": "CP2"})
    assert (await command(admin, "ClearCache", "CP2")).status_code == 424
    assert (await command(admin, "ClearCache", "NOBODY")).status_code == 404


async def test_a_session_that_is_asked_for(admin: httpx.AsyncClient, connect: Any) -> None:
    charger = await connect("CP1")
    charger.answers["RemoteStartTransaction"] = {"status": "Accepted"}
    answer = (await admin.post("/sessions", json={"station": "CP1", "evseNumber": 1})).json()
    number = answer["sessionId"]
    assert charger.asked == [("RemoteStartTransaction", {"connectorId": 1, "idTag": f"*{number:07d}"})]
    pending = (await admin.get(f"/sessions/{number}")).json()
    assert (pending["status"], pending["transactionId"], pending["amount"]) == ("pending", None, None)
    assert (await admin.post(f"/sessions/{number}/stop")).status_code == 409
    charger.answers["RemoteStartTransaction"] = {"status": "Rejected"}
    refused = (await admin.post("/sessions", json={"station": "CP1", "idTag": "CARD"})).json()
    failed = (await admin.get(f"/sessions/{refused['sessionId']}")).json()
    assert (failed["status"], failed["reason"], failed["idTag"]) == ("failed", "rejected", "CARD")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"station": "CP1", "evseNumber": 0},
        {"station": "CP1", "evseNumber": 10**12},
        {"station": "CP1", "idTag": ""},
    ],
)
async def test_a_session_that_cannot_be_asked_for(admin: httpx.AsyncClient, body: Any) -> None:
    assert (await admin.post("/sessions", json=body)).status_code == 422


async def test_a_number_that_is_none_is_refused(admin: httpx.AsyncClient) -> None:
    body = b'{"command": "ClearCache", "timeout": 1e400}'
    answer = await admin.post(
        "/stations/CP1/command", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
