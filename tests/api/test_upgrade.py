"""Moving up to a higher security profile through the admin API (A05), with a real connection behind it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from engine.domain.changes import ChargePointConnected
from engine.node import Node
from tests.plans import EVERYBODY

ACCEPTED = {"status": "Accepted"}
PATH = "/stations/CP1/upgrade"


async def test_from_told_to_moved(admin: httpx.AsyncClient, node: Node, connect: Any) -> None:
    charger = await connect("CP1", password_sha256=bytes(32))
    assert (await admin.get(PATH)).status_code == 404
    charger.answers |= {"ChangeConfiguration": ACCEPTED, "Reset": ACCEPTED}
    answer = await admin.post(PATH, json={"securityProfile": 2})
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
    assert charger.asked == [
        ("ChangeConfiguration", {"key": "SecurityProfile", "value": "2"}),
        ("Reset", {"type": "Soft"}),
    ]
    assert (await admin.get("/stations/CP1")).json()["nextSecurityProfile"] == 2
    station = await node.store.stations.get(EVERYBODY, "CP1")
    later = datetime.now(UTC) + timedelta(seconds=1)
    came = ChargePointConnected(
        charge_point_id=station.id,
        connected_at=later,
        network_protocol="ocpp1.6",
        current_security_profile=2,
        network_ip="",
    )
    await node.store.journal.commit([came])
    await node.store.station_certificates.settle_profiles(later - timedelta(days=1))
    shown = (await admin.get(PATH)).json()
    assert (shown["status"], shown["wanted"], shown["securityProfile"]) == ("applied", 2, 2)
    assert shown["actor"] == "token:test"


async def test_who_never_comes_keeps_its_profile(admin: httpx.AsyncClient, node: Node, connect: Any) -> None:
    charger = await connect("CP1", password_sha256=bytes(32))
    charger.answers |= {"ChangeConfiguration": ACCEPTED, "Reset": ACCEPTED}
    await admin.post(PATH, json={"securityProfile": 1})
    await node.store.station_certificates.settle_profiles(datetime.now(UTC) + timedelta(days=2))
    assert (await admin.get(PATH)).json()["status"] == "expired"


@pytest.mark.parametrize("refusal", [{"status": "Rejected"}, ("InternalError", "no", {})])
async def test_a_refusal_closes_the_way_at_once(
    admin: httpx.AsyncClient, connect: Any, refusal: object
) -> None:
    charger = await connect("CP1", password_sha256=bytes(32))
    charger.answers["ChangeConfiguration"] = refusal
    answer = await admin.post(PATH, json={"securityProfile": 2})
    assert answer.status_code in {406, 409}
    assert (await admin.get("/stations/CP1")).json()["nextSecurityProfile"] is None
    assert (await admin.get(PATH)).json()["status"] == "rejected"


async def test_one_that_leaves_instead_of_answering_is_on_its_way(
    admin: httpx.AsyncClient, node: Node, connect: Any
) -> None:
    charger = await connect("CP1", password_sha256=bytes(32))
    charger.answers["ChangeConfiguration"] = ACCEPTED

    async def leave(action: str) -> None:
        if action == "Reset":
            await charger.leave()

    charger.heard = leave
    answer = await admin.post(PATH, json={"securityProfile": 2})
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")


async def test_where_there_is_no_way(admin: httpx.AsyncClient, connect: Any) -> None:
    assert (await admin.post(PATH, json={"securityProfile": 2})).status_code == 404
    await admin.post("/stations", json={"identity": "CP1"})
    assert (await admin.post(PATH, json={"securityProfile": 2})).status_code == 424
    charger = await connect("CP1", password_sha256=None)
    without_password = await admin.post(PATH, json={"securityProfile": 2})
    assert (without_password.status_code, "password" in without_password.json()["message"]) == (422, True)
    for bad in ({}, {"securityProfile": 0}, {"securityProfile": 4}, {"securityProfile": 2, "slot": -1}):
        assert (await admin.post(PATH, json=bad)).status_code == 422
    assert charger.asked == []
