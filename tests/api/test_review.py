"""What waits for a person: held sessions, stops that nobody knows, sessions of a station that was removed."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest

from engine.domain.caller import Caller
from engine.domain.changes import Json, SessionReviewed, TransactionEventStored
from engine.node import Node
from engine.store.invariants import violations
from engine.store.repositories.sessions import SessionRow
from tests.plans import EVERYBODY

LATE = "2026-01-01T11:00:00Z"
FIELDS: Mapping[str, Mapping[str, Any]] = {"release": {}, "correct": {"energyWh": 1}, "void": {}}


@pytest.fixture
async def held(admin: httpx.AsyncClient, connect: Any) -> int:
    """A session that began in 1970 by the charger's clock."""
    await admin.put("/operator/price", json={"currency": "EUR", "perMinute": 1})
    await admin.post("/id-tags", json={"uid": "TAG1"})
    charger = await connect("CP1")
    start = {"connectorId": 1, "idTag": "TAG1", "meterStart": 0, "timestamp": "1970-01-01T00:00:00Z"}
    number = (await charger.call("StartTransaction", start))["transactionId"]
    await charger.call(
        "StopTransaction", {"transactionId": number, "meterStop": 100, "timestamp": LATE, "idTag": "TAG1"}
    )
    return int(number)


@pytest.fixture
async def over(admin: httpx.AsyncClient, connect: Any) -> int:
    """A session of half an hour in which more was delivered than can be."""
    await admin.post("/id-tags", json={"uid": "TAG1"})
    charger = await connect("CP1")
    start = {"connectorId": 1, "idTag": "TAG1", "meterStart": 100, "timestamp": LATE}
    number = (await charger.call("StartTransaction", start))["transactionId"]
    stop = {"transactionId": number, "meterStop": 910_100, "timestamp": "2026-01-01T11:45:00Z"}
    await charger.call("StopTransaction", stop)
    return int(number)


async def test_a_held_session_is_found_released_and_final(admin: httpx.AsyncClient, held: int) -> None:
    (found,) = (await admin.get("/sessions?held=true")).json()["data"]
    assert (found["id"], "clock_drift" in found["review"]) == (held, True)
    answer = await admin.post(f"/sessions/{held}/release", json={"note": "read on site"})
    released = answer.json()
    assert answer.status_code == 200
    assert (released["review"], released["released"], released["releasedBy"]) == (
        [],
        found["review"],
        "token:test",
    )
    assert released["amount"] == found["amount"]
    assert 0 <= released["amount"] < 5  # not the minutes since 1970
    assert (await admin.get("/sessions?held=true")).json()["data"] == []
    (row,) = (await admin.get("/audit", params={"subject": f"session:{held}"})).json()["data"]
    assert (row["action"], row["details"]["note"]) == ("session.release", "read on site")
    again = await admin.post(f"/sessions/{held}/release")
    assert (again.status_code, "not held" in again.json()["message"]) == (409, True)


async def test_a_running_session_is_not_released(admin: httpx.AsyncClient, connect: Any, node: Node) -> None:
    charger = await connect("CP1")
    start = {"connectorId": 1, "idTag": "TAG1", "meterStart": 0, "timestamp": LATE}
    number = (await charger.call("StartTransaction", start))["transactionId"]
    now = node.registry.shared.now()
    await node.store.journal.commit(
        [SessionReviewed(id=number, review=("clock_drift",), last_updated_at=now)]
    )
    answer = await admin.post(f"/sessions/{number}/release")
    assert (answer.status_code, "when it is over" in answer.json()["message"]) == (409, True)
    assert (await admin.post("/sessions/999/release")).status_code == 404


async def settled(admin: httpx.AsyncClient, node: Node, session: int, action: str) -> dict[str, Any]:
    """The details in the audit trail; there is one row of this action, and one event for it."""
    (row,) = (await admin.get("/audit", params={"subject": f"session:{session}"})).json()["data"]
    assert row["action"] == f"session.{action}"
    told = await node.store.query(
        f"select payload->>'status' from events where subject = 'session:{session}'"  # noqa: S608
        " and type = 'SessionUpdateNotification'"
    )
    assert [tuple(one) for one in told] == [("finished",)]
    details: dict[str, Any] = row["details"]
    return details


async def test_a_session_is_corrected(admin: httpx.AsyncClient, over: int, node: Node) -> None:
    body = {"energyWh": 2_000, "stoppedAt": "2026-01-01T11:40:00Z", "note": "read on site"}
    answer = await admin.post(f"/sessions/{over}/correct", json=body)
    session = answer.json()
    assert (answer.status_code, session["energyWh"], session["stoppedAt"]) == (200, 2_000, body["stoppedAt"])
    assert (session["review"], session["released"]) == ([], ["implausible_energy"])
    assert session["correctedAt"] == session["releasedAt"] is not None
    assert session["meterStopWh"] == 910_100  # as it was reported
    details = await settled(admin, node, over, "correct")
    assert (details["note"], details["energy_wh"]) == ("read on site", {"from": "910000", "to": "2000"})
    assert await violations(node.store) == []


async def test_a_session_is_voided(admin: httpx.AsyncClient, over: int, node: Node) -> None:
    session = (await admin.post(f"/sessions/{over}/void", json={"note": "test bench"})).json()
    assert (session["waived"], session["review"], session["energyWh"]) == ("voided", [], 910_000)
    assert session["correctedAt"] is None
    assert (await settled(admin, node, over, "void"))["waived"] == {"from": "None", "to": "voided"}
    assert (await admin.post(f"/sessions/{over}/void", json={"note": "again"})).status_code == 409


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"energyWh": 1}, 422, id="no reason"),
        pytest.param({"note": "x"}, 422, id="nothing corrected"),
        pytest.param({"energyWh": -1, "note": "x"}, 422, id="below zero"),
        pytest.param({"stoppedAt": "2025-12-31T00:00:00Z", "note": "x"}, 422, id="before its start"),
        pytest.param({"stoppedAt": "2096-01-01T00:00:00Z", "note": "x"}, 422, id="in the future"),
    ],
)
async def test_what_cannot_be_is_no_correction(
    admin: httpx.AsyncClient, over: int, body: dict[str, Any], status: int
) -> None:
    before = (await admin.get(f"/sessions/{over}")).json()
    assert (await admin.post(f"/sessions/{over}/correct", json=body)).status_code == status
    assert (await admin.get(f"/sessions/{over}")).json() == before


async def test_the_end_of_a_session_of_a_wrong_clock_is_not_corrected(
    admin: httpx.AsyncClient, held: int
) -> None:
    body = {"stoppedAt": "2026-01-01T11:40:00Z", "note": "x"}
    answer = await admin.post(f"/sessions/{held}/correct", json=body)
    assert (answer.status_code, "clock" in answer.json()["message"]) == (409, True)


@pytest.mark.parametrize("action", ["release", "correct", "void"])
async def test_nothing_is_decided_of_a_session_that_has_changed_meanwhile(
    admin: httpx.AsyncClient, over: int, node: Node, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = node.store.sessions.get

    async def before_a_change(caller: Caller, session_id: int) -> SessionRow:
        row = await read(caller, session_id)
        change = SessionReviewed(id=over, review=("late_event",), last_updated_at=node.registry.shared.now())
        await node.store.journal.commit([change])
        return row

    with monkeypatch.context() as patched:
        patched.setattr(node.store.sessions, "get", before_a_change)
        answer = await admin.post(f"/sessions/{over}/{action}", json={"note": "x", **FIELDS[action]})
    assert (answer.status_code, "meanwhile" in answer.json()["message"]) == (409, True)
    assert (await read(EVERYBODY, over)).review == ["late_event"]
    assert (await admin.get("/audit", params={"subject": f"session:{over}"})).json()["data"] == []


async def test_orphans_are_listed_and_dismissed(admin: httpx.AsyncClient, connect: Any) -> None:
    charger = await connect("CP1")
    stop = {"transactionId": 4711, "meterStop": 100, "timestamp": LATE, "idTag": "TAG1"}
    assert await charger.call("StopTransaction", stop) != {}
    await connect("CP2")
    (orphan,) = (await admin.get("/orphans?open=true&station=CP1")).json()["data"]
    assert (orphan["station"], orphan["transactionId"], orphan["meterWh"]) == ("CP1", "4711", 100)
    assert orphan["payload"] == stop
    assert (await admin.get("/orphans?station=CP2")).json()["data"] == []
    dismissed = await admin.post(f"/orphans/{orphan['id']}/dismiss", json={"note": "test bench"})
    assert (dismissed.status_code, dismissed.json()["sessionId"]) == (200, None)
    assert dismissed.json()["resolvedAt"] is not None
    assert (await admin.get("/orphans?open=true")).json()["data"] == []
    assert len((await admin.get("/orphans?open=false")).json()["data"]) == 1
    assert (await admin.post(f"/orphans/{orphan['id']}/dismiss")).status_code == 409
    assert (await admin.get(f"/orphans/{orphan['id']}")).json() == dismissed.json()
    assert (await admin.get("/orphans/1")).status_code == 404


async def test_metrics_count_what_waits(admin: httpx.AsyncClient, connect: Any, held: int) -> None:
    charger = await connect("CP2")
    await charger.call("StopTransaction", {"transactionId": 4711, "meterStop": 1, "timestamp": LATE})
    text = (await admin.get("http://127.0.0.1/metrics")).text
    assert "voltrio_orphans_open 1.0" in text
    assert "voltrio_sessions_held 1.0" in text


async def test_sessions_of_a_removed_station_end(admin: httpx.AsyncClient, connect: Any, node: Node) -> None:
    charger = await connect("CP1")
    start = {"connectorId": 1, "idTag": "TAG1", "meterStart": 100, "timestamp": LATE}
    number = (await charger.call("StartTransaction", start))["transactionId"]
    sample = {"timestamp": "2026-01-01T11:30:00Z", "sampledValue": [{"value": "600"}]}
    await charger.call("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [sample]})
    assert (await admin.delete("/stations/CP1")).status_code == 204
    await charger.closed.wait()
    session = (await admin.get(f"/sessions/{number}")).json()
    assert (session["status"], session["stoppedAt"]) == ("finished", "2026-01-01T11:30:00Z")
    assert "station_removed" in session["review"]
    assert session["energyWh"] == 500
    told = await node.store.query(
        f"select payload->>'action', payload->>'meterStop' from events where subject = 'session:{number}'"  # noqa: S608
        " and payload->>'action' is not null order by id"
    )
    assert [tuple(row) for row in told] == [("start", "100"), ("stop", "600")]
    assert (await admin.delete("/stations/CP1")).status_code == 404


async def test_a_session_s_events_are_paged(
    admin: httpx.AsyncClient, held: int, node: Node, add_events: Callable[[int, int], Awaitable[None]]
) -> None:
    await add_events(held, 3)
    path = f"/sessions/{held}/events?limit=2"
    first = (await admin.get(path)).json()
    rest = (await admin.get(path, params={"limit": 2, "cursor": first["nextCursor"]})).json()
    assert [row["seqNo"] for row in (*first["data"], *rest["data"])] == [0, 1, 2]
    assert first["data"][0]["payload"] == {"n": 0}
    assert rest["nextCursor"] is None
    assert (await admin.get(path, params={"cursor": "bogus"})).status_code == 422
    assert (await admin.get("/sessions/999/events")).status_code == 404


@pytest.fixture
def add_events(node: Node) -> Callable[[int, int], Awaitable[None]]:
    """Rows as a station of OCPP 2.x leaves them."""

    async def add(session_id: int, count: int) -> None:
        row = await node.store.sessions.get(EVERYBODY, session_id)
        await node.store.journal.commit([
            TransactionEventStored(
                charge_point_id=row.charge_point_id,
                transaction_id=str(row.transaction_id),
                seq_no=n,
                timestamp=row.started_at,
                event_type="Updated",
                trigger_reason="MeterValuePeriodic",
                offline=False,
                session_id=session_id,
                payload=Json(json.dumps({"n": n}).encode()),
                received_at=row.started_at,
            )
            for n in range(count)
        ])  # fmt: skip

    return add
