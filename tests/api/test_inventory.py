"""What is known of a station's inside, over HTTP: pages, filters, cursors."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.admin import inventory
from engine.domain.changes import CertificateWanted, ChargingProfileChanged, DeviceVariableRead
from engine.node import Node
from engine.store.repositories.security import Issue
from engine.store.repositories.stations import StationPatch
from tests.plans import EVERYBODY

from .conftest import NOW


@pytest.fixture
async def number(node: Node) -> int:
    """A charge point CP1 that nobody has heard of yet."""
    return (await node.store.stations.add(EVERYBODY, "CP1", StationPatch())).id


@pytest.mark.parametrize("rule", [route.rule for route in inventory.ROUTES])
async def test_nothing_is_an_empty_listing_and_nobody_is_404(
    admin: httpx.AsyncClient, number: int, rule: str
) -> None:
    empty = (await admin.get(rule.replace("<identity>", "CP1"))).json()
    assert empty == {"data": [], "nextCursor": None}
    assert (await admin.get(rule.replace("<identity>", "nobody"))).status_code == 404


async def pages(admin: httpx.AsyncClient, path: str, **query: Any) -> list[Any]:
    found: list[Any] = []
    cursor = None
    while True:
        answer = await admin.get(path, params=query | ({"cursor": cursor} if cursor is not None else {}))
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        cursor = answer.json()["nextCursor"]
        if cursor is None:
            return found


async def test_variables(admin: httpx.AsyncClient, node: Node, number: int) -> None:
    def variable(name: str, evse: int) -> DeviceVariableRead:
        return DeviceVariableRead(
            charge_point_id=number, component="EVSE", component_instance="ö/;", evse_number=evse,
            connector_number=0, variable=name, variable_instance="", attribute="Actual", value="1",
            mutability="ReadOnly", persistent=None, constant=None, data_type="integer", unit="W",
            min_limit=0.0, max_limit=None, values_list=None, supports_monitoring=None, at=NOW,
        )  # fmt: skip

    await node.store.journal.commit(
        [variable("Power", n) for n in range(1, 6)] + [variable("Temperature", 1)]
    )
    rows = await pages(admin, "/stations/CP1/variables", limit=2)
    assert [(row["variable"], row["evseNumber"]) for row in rows] == [
        ("Power", 1),
        ("Temperature", 1),
        *(("Power", n) for n in range(2, 6)),
    ]
    assert (rows[0]["unit"], rows[0]["minLimit"], rows[0]["componentInstance"]) == ("W", 0.0, "ö/;")
    assert len(await pages(admin, "/stations/CP1/variables", variable="temperature")) == 1


async def test_profiles(admin: httpx.AsyncClient, node: Node, number: int) -> None:
    await node.store.journal.commit(
        [
            ChargingProfileChanged(
                charge_point_id=number,
                evse_number=evse,
                profile_id=evse + 10,
                purpose="TxProfile",
                stack_level=0,
                profile=b'{"limit":8.1}',
                active=evse != 2,
                at=NOW,
            )
            for evse in range(4)
        ]
    )
    rows = await pages(admin, "/stations/CP1/charging-profiles", limit=1)
    assert [row["profileId"] for row in rows] == [10, 11, 12, 13]
    assert rows[0]["profile"] == {"limit": 8.1}
    assert len(await pages(admin, "/stations/CP1/charging-profiles", active="true")) == 3


async def test_certificates_asked_for_and_given(admin: httpx.AsyncClient, node: Node, number: int) -> None:
    wanted = CertificateWanted(
        charge_point_id=number,
        certificate_type="V2GCertificate",
        csr="a request",
        request_id=None,
        requested_at=NOW,
    )
    await node.store.journal.commit([wanted])
    (request,) = await node.store.station_certificates.due(NOW)
    issue = Issue(chain="c", certificate="PEM", serial="0a", not_after=NOW + timedelta(days=1), issued_at=NOW)
    assert await node.store.station_certificates.signed(request, issue)
    (shown,) = await pages(admin, "/stations/CP1/certificate-requests")
    assert (shown["certificateType"], shown["status"]) == ("V2GCertificate", "Signed")
    (given,) = await pages(admin, "/stations/CP1/issued-certificates", limit=1)
    assert (given["serial"], given["status"], given["certificate"]) == ("0a", "Issued", "PEM")


async def test_coming_and_going_can_be_read(admin: httpx.AsyncClient, node: Node, connect: Any) -> None:
    await connect("CP1")
    await node.store.journal.flush()
    (row,) = await pages(admin, "/stations/CP1/statuses", limit=1, scope="network")
    assert (row["scope"], row["status"]) == ("network", "available")
    assert await pages(admin, "/stations/CP1/statuses", scope="hardware") == []


@pytest.mark.parametrize(
    "query",
    [
        "variables?cursor=x",
        "variables?cursor=W10",  # []
        "charging-profiles?cursor=WzEsMiwzXQ",  # [1,2,3]
        "charging-profiles?cursor=Wzk5OTk5OTk5OTk5OTk5LDFd",  # [99999999999999,1]
        "variables?component=a%00b",
        "monitors?active=perhaps",
        "monitors?cursor=-1",
        "statuses?scope=moon",
        "reservations?limit=0",
    ],
)
async def test_bad_questions_are_the_caller_s_fault(
    admin: httpx.AsyncClient, number: int, query: str
) -> None:
    answer = await admin.get(f"/stations/CP1/{query}")
    assert answer.status_code == 422, answer.text
