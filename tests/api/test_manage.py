"""The management API as its reference has it: every operation, its status codes and its error body."""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from msgspec.structs import replace

from api.http.message import phrase
from api.manage import manage_site
from engine.domain.access import password_matches
from engine.domain.changes import ChargePointConnected
from engine.node import Node
from engine.store.readings import AUDIT, LOCATIONS, OCPI_PARTIES
from tests.plans import EVERYBODY, found, whole

PASSWORD = base64.b64encode(hashlib.sha256(b"a password").digest()).decode()
TOKEN = {
    "countryCode": "GB",
    "partyId": "TWK",
    "type": "RFID",
    "uid": "DEADBEEF",
    "contractId": "GBTWK012345678V",
    "visualNumber": "1234",
    "issuer": "Thoughtworks",
    "groupId": "FLEET",
    "valid": True,
    "languageCode": "en",
    "cacheMode": "ALWAYS",
}
LOCATION = {
    "country_code": "BE",
    "party_id": "BEC",
    "name": "Gent Zuid",
    "address": "F.Rooseveltlaan 3A",
    "city": "Gent",
    "postal_code": "9000",
    "country": "BEL",
    "coordinates": {"latitude": "51.047599", "longitude": "3.729944"},
    "parking_type": "ON_STREET",
    "evses": [
        {
            "uid": "3256",
            "evse_id": "BE*BEC*E041503001",
            "connectors": [
                {
                    "id": "1",
                    "standard": "IEC_62196_T2",
                    "format": "CABLE",
                    "power_type": "AC_3_PHASE",
                    "max_voltage": 220,
                    "max_amperage": 16,
                }
            ],
        }
    ],
}
PROFILE = {
    "id": 7,
    "stackLevel": 0,
    "chargingProfilePurpose": "ChargingStationMaxProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "id": 1,
        "startSchedule": "2026-01-01T00:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.1}],
    },
}


def is_status(answer: httpx.Response, code: int) -> bool:
    """Whether it is an error as the reference has it: the phrase of its status, and details."""
    body = answer.json()
    assert answer.status_code == code, body
    assert set(body) <= {"status", "error"}
    return bool(body["status"] == phrase(code))


# --- registration and authentication details --------------------------------------------------------------


async def test_register_and_look_up(manage: httpx.AsyncClient, node: Node) -> None:
    answer = await manage.post("/cs/CP1", json={"securityProfile": 0, "base64SHA256Password": PASSWORD})
    assert (answer.status_code, answer.content) == (201, b"")
    assert (await manage.get("/cs/CP1/auth")).json() == {
        "securityProfile": 0,
        "base64SHA256Password": PASSWORD,
        "invalidUsernameAllowed": False,
    }
    record = await node.store.reader.station("CP1")
    assert record is not None
    assert record.security_profile == 1
    assert password_matches(record, b"a password")


async def test_a_new_station_is_pending_until_configured(
    manage: httpx.AsyncClient, admin: httpx.AsyncClient, node: Node
) -> None:
    await manage.post("/cs/CP1", json={"securityProfile": 0, "base64SHA256Password": PASSWORD})
    station = await node.store.stations.get(EVERYBODY, "CP1")
    assert (station.registration_status, station.accept_when_configured) == ("pending", True)
    # What a person decides holds.
    await admin.patch("/stations/CP1", json={"registrationStatus": "pending"})
    station = await node.store.stations.get(EVERYBODY, "CP1")
    assert (station.registration_status, station.accept_when_configured) == ("pending", False)


@pytest.mark.parametrize(("zero_based", "stored"), [(0, 1), (1, 2), (2, 3)])
async def test_security_profiles(manage: httpx.AsyncClient, node: Node, zero_based: int, stored: int) -> None:
    body = {"securityProfile": zero_based, "invalidUsernameAllowed": True}
    assert (await manage.post("/cs/CP1", json=body)).status_code == 201
    assert (await node.store.stations.get(EVERYBODY, "CP1")).security_profile == stored
    assert (await manage.get("/cs/CP1/auth")).json() == body


async def test_registering_again_replaces_everything(manage: httpx.AsyncClient, node: Node) -> None:
    first = {"securityProfile": 0, "base64SHA256Password": PASSWORD, "invalidUsernameAllowed": True}
    await manage.post("/cs/CP1", json=first)
    assert (await manage.post("/cs/CP1", json={"securityProfile": 2})).status_code == 201
    assert (await manage.get("/cs/CP1/auth")).json() == {
        "securityProfile": 2,
        "invalidUsernameAllowed": False,
    }
    assert (await node.store.rows(whole(AUDIT, subject="charge_point:CP1")))[0]["actor"] == "manage"


async def test_changed_credentials_count_from_the_next_connection(
    manage: httpx.AsyncClient, connect: Any, node: Any
) -> None:
    charger = await connect("CP1")
    await manage.post("/cs/CP1", json={"securityProfile": 0, "base64SHA256Password": PASSWORD})
    assert "currentTime" in await charger.call("Heartbeat", {})
    assert (await node.store.reader.station("CP1")).security_profile == 1


async def test_bad_registrations(manage: httpx.AsyncClient) -> None:
    for body in (
        {},
        {"securityProfile": 3},
        {"securityProfile": -1},
        {"securityProfile": "0"},
        {"securityProfile": 0, "base64SHA256Password": "not base64"},
        {"securityProfile": 0, "base64SHA256Password": "AAAA"},
        {"securityProfile": 0, "invalidUsernameAllowed": "yes"},
        [],
    ):
        assert is_status(await manage.post("/cs/CP1", json=body), 400)
    assert is_status(await manage.get("/cs/CP1/auth"), 404)


async def test_bodies_that_are_no_json(manage: httpx.AsyncClient) -> None:
    assert is_status(await manage.post("/cs/CP1", content=b"{"), 400)
    for path in ("/cs/CP1", "/cs/CP1/reconfigure", "/cs/CP1/certificates", "/token", "/register"):
        assert is_status(await manage.post(path, content=b""), 400)
    assert is_status(await manage.post("/cs/CP1", content=b" " * 2_000_000), 413)


async def test_unknown_members_are_ignored(manage: httpx.AsyncClient) -> None:
    assert (await manage.post("/cs/CP1", json={"securityProfile": 0, "extra": 1})).status_code == 201


async def test_identities_with_odd_characters(manage: httpx.AsyncClient) -> None:
    for identity in ("A B", "Säule:1", "%41", "+", "x" * 255):
        path = f"/cs/{quote(identity, safe='')}"
        assert (await manage.post(path, json={"securityProfile": 0})).status_code == 201
        assert (await manage.get(f"{path}/auth")).status_code == 200
    assert is_status(await manage.post(f"/cs/{'x' * 256}", json={"securityProfile": 0}), 400)
    assert is_status(await manage.post("/cs/a%00b", json={"securityProfile": 0}), 400)


UNKNOWN_STATION = [
    ("GET", "auth", None),
    ("POST", "reconfigure", {"HeartbeatInterval": "60"}),
    ("POST", "certificates", {"certificates": [{"type": "CSMS", "certificate": "…"}]}),
    ("POST", "trigger", {"trigger": "BootNotification"}),
    ("POST", "setchargingprofile", PROFILE),
]


async def test_unknown_stations(manage: httpx.AsyncClient) -> None:
    for method, operation, body in UNKNOWN_STATION:
        assert is_status(await manage.request(method, f"/cs/nobody/{operation}", json=body), 404)


# --- settings, certificates -------------------------------------------------------------------------------


async def test_reconfigure_queues_settings(manage: httpx.AsyncClient, node: Node) -> None:
    await manage.post("/cs/CP1", json={"securityProfile": 0})
    answer = await manage.post("/cs/CP1/reconfigure", json={"HeartbeatInterval": "60", "A": "b"})
    assert (answer.status_code, answer.content) == (200, b"")
    station = await node.store.stations.get(EVERYBODY, "CP1")
    wanted = await node.store.configuration.requested(station.id)
    assert {(row.name, row.value, row.status) for row in wanted} == {
        ("HeartbeatInterval", "60", "Pending"),
        ("A", "b", "Pending"),
    }


async def test_bad_settings(manage: httpx.AsyncClient) -> None:
    await manage.post("/cs/CP1", json={"securityProfile": 0})
    for body in ({"A": 1}, {"A": None}, {"": "x"}, {"A": "x" * 501}, []):
        assert is_status(await manage.post("/cs/CP1/reconfigure", json=body), 400)


async def test_no_settings_and_no_certificates_are_none_to_queue(
    manage: httpx.AsyncClient, node: Node
) -> None:
    await manage.post("/cs/CP1", json={"securityProfile": 0})
    for operation, body in (("reconfigure", {}), ("certificates", {"certificates": []})):
        answer = await manage.post(f"/cs/CP1/{operation}", json=body)
        assert (answer.status_code, answer.content) == (200, b"")
        assert is_status(await manage.post(f"/cs/nobody/{operation}", json=body), 404)
    station = await node.store.stations.get(EVERYBODY, "CP1")
    assert list(await node.store.configuration.requested(station.id)) == []


async def test_values_of_2x_may_be_longer(manage: httpx.AsyncClient, node: Node) -> None:
    await manage.post("/cs/CP1", json={"securityProfile": 0})
    station = await node.store.stations.get(EVERYBODY, "CP1")
    connected = ChargePointConnected(
        charge_point_id=station.id,
        connected_at=datetime.now(UTC),
        network_protocol="ocpp2.0.1",
        current_security_profile=1,
        network_ip="",
    )
    await node.store.journal.commit([connected])
    answer = await manage.post("/cs/CP1/reconfigure", json={"A/B": "x" * 2_500})
    assert answer.status_code == 200


async def test_certificates_are_queued(
    manage: httpx.AsyncClient, node: Node, client_certificate: str
) -> None:
    await manage.post("/cs/CP1", json={"securityProfile": 0})
    body = {
        "certificates": [
            {"type": "CSMS", "certificate": client_certificate},
            {"type": "V2G", "certificate": client_certificate.replace("\n", "\\n"), "status": "Accepted"},
        ]
    }
    answer = await manage.post("/cs/CP1/certificates", json=body)
    assert (answer.status_code, answer.content) == (200, b"")
    station = await node.store.stations.get(EVERYBODY, "CP1")
    queued = await node.store.certificates.installations(station.id)
    assert [(row.type, row.status, row.certificate) for row in queued] == [
        ("CSMS", "Pending", client_certificate),
        ("V2G", "Accepted", client_certificate),
    ]


async def test_one_bad_certificate_queues_none(
    manage: httpx.AsyncClient, node: Node, client_certificate: str
) -> None:
    await manage.post("/cs/CP1", json={"securityProfile": 0})
    good = {"type": "CSMS", "certificate": client_certificate}
    for bad in (
        {"type": "CSMS", "certificate": "no PEM"},
        {"type": "X", "certificate": client_certificate},
        {},
    ):
        assert is_status(await manage.post("/cs/CP1/certificates", json={"certificates": [good, bad]}), 400)
    assert (
        await node.store.certificates.installations((await node.store.stations.get(EVERYBODY, "CP1")).id)
        == []
    )


# --- commands ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trigger", "action", "requested"),
    [
        ("BootNotification", "TriggerMessage", "BootNotification"),
        ("StatusNotification", "TriggerMessage", "StatusNotification"),
        ("SignChargingStationCertificate", "ExtendedTriggerMessage", "SignChargePointCertificate"),
    ],
)
async def test_trigger(
    manage: httpx.AsyncClient, connect: Any, trigger: str, action: str, requested: str
) -> None:
    charger = await connect("CP1")
    charger.answers[action] = {"status": "Accepted"}
    answer = await manage.post("/cs/CP1/trigger", json={"trigger": trigger})
    assert (answer.status_code, answer.content) == (200, b"")
    assert charger.asked == [(action, {"requestedMessage": requested})]


async def test_triggers_that_fail(manage: httpx.AsyncClient, connect: Any) -> None:
    charger = await connect("CP1")
    for unknown in ("Heartbeat", "", None, 1):
        assert is_status(await manage.post("/cs/CP1/trigger", json={"trigger": unknown}), 400)
    for later in ("SignV2GCertificate", "SignCombinedCertificate"):
        assert is_status(await manage.post("/cs/CP1/trigger", json={"trigger": later}), 501)
    assert charger.asked == []
    charger.answers["TriggerMessage"] = [
        {"status": "NotImplemented"},
        ("NotSupported", "not here", {}),
    ]
    answer = await manage.post("/cs/CP1/trigger", json={"trigger": "BootNotification"})
    assert is_status(answer, 501)
    assert "NotImplemented" in answer.json()["error"]
    assert is_status(await manage.post("/cs/CP1/trigger", json={"trigger": "BootNotification"}), 501)
    charger.answers["TriggerMessage"] = [{"status": "Rejected"}, ("InternalError", "not now", {})]
    assert is_status(await manage.post("/cs/CP1/trigger", json={"trigger": "BootNotification"}), 409)
    assert is_status(await manage.post("/cs/CP1/trigger", json={"trigger": "BootNotification"}), 406)


async def test_commands_to_stations_that_are_away(manage: httpx.AsyncClient) -> None:
    await manage.post("/cs/CP1", json={"securityProfile": 0})
    for operation, body in (("trigger", {"trigger": "BootNotification"}), ("setchargingprofile", PROFILE)):
        answer = await manage.post(f"/cs/CP1/{operation}", json=body)
        assert answer.status_code == 424
        assert "not connected" in answer.json()["error"]


async def test_a_wrong_charging_profile_is_told_of_a_station_that_is_away(
    manage: httpx.AsyncClient, admin: httpx.AsyncClient, connect: Any
) -> None:
    path, wrong = "/cs/CP1/setchargingprofile", {**PROFILE, "stackLevel": "high"}
    await manage.post("/cs/CP1", json={"securityProfile": 0})
    never_here = await manage.post(path, json=wrong)
    assert is_status(never_here, 400)
    charger = await connect("CP1")
    await charger.leave()
    while (await admin.get("/stations/CP1")).json()["connected"]:
        await trio.testing.wait_all_tasks_blocked()
    assert is_status(await manage.post(path, json=wrong), 400)
    assert is_status(await manage.post(path, json=PROFILE), 424)
    raw = {"action": "SetChargingProfile", "payload": {"connectorId": 1}}
    assert (await admin.post("/stations/CP1/call", json=raw)).status_code == 422
    raw = {"action": "GetCompositeSchedule", "payload": {"connectorId": 1, "duration": 0}}
    assert (await admin.post("/stations/CP1/call", json=raw)).status_code == 422
    raw = {"action": "GetCompositeSchedule", "payload": {"connectorId": 1, "duration": 60}}
    assert (await admin.post("/stations/CP1/call", json=raw)).status_code == 424


async def test_charging_profile_in_1_6(manage: httpx.AsyncClient, connect: Any) -> None:
    charger = await connect("CP1")
    charger.answers["SetChargingProfile"] = {"status": "Accepted"}
    answer = await manage.post("/cs/CP1/setchargingprofile", json=PROFILE)
    assert (answer.status_code, answer.content) == (200, b"")
    ((action, payload),) = charger.asked
    assert (action, payload["connectorId"]) == ("SetChargingProfile", 0)
    sent = payload["csChargingProfiles"]
    assert (sent["chargingProfileId"], sent["chargingProfilePurpose"]) == (7, "ChargePointMaxProfile")
    assert sent["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 8.1}]


async def test_unknown_members_beside_a_charging_profile_are_ignored(
    manage: httpx.AsyncClient, connect: Any
) -> None:
    charger = await connect("CP1")
    charger.answers["SetChargingProfile"] = {"status": "Accepted"}
    schedule: dict[str, Any] = PROFILE["chargingSchedule"]  # type: ignore[assignment]
    (period,) = schedule["chargingSchedulePeriod"]
    open_schedule = schedule | {"extra": [1], "chargingSchedulePeriod": [period | {"extra": {"a": 1}}]}
    body = PROFILE | {"extra": "x", "chargingSchedule": [open_schedule]}
    assert (await manage.post("/cs/CP1/setchargingprofile", json=PROFILE)).status_code == 200
    assert (await manage.post("/cs/CP1/setchargingprofile", json=body)).status_code == 200
    (_, plain), (_, opened) = charger.asked
    assert opened == plain
    # What another version knows is no unknown member: leaving it out would change what is meant.
    known = PROFILE | {"maxOfflineDuration": 60}
    assert is_status(await manage.post("/cs/CP1/setchargingprofile", json=known), 400)


async def test_charging_profiles_that_fail(manage: httpx.AsyncClient, connect: Any) -> None:
    charger = await connect("CP1")
    for bad in ({}, PROFILE | {"stackLevel": "x"}, PROFILE | {"chargingProfilePurpose": "Other"}, []):
        assert is_status(await manage.post("/cs/CP1/setchargingprofile", json=bad), 400)
    assert charger.asked == []
    charger.answers["SetChargingProfile"] = [{"status": "NotSupported"}, {"status": "Rejected"}]
    assert is_status(await manage.post("/cs/CP1/setchargingprofile", json=PROFILE), 501)
    assert is_status(await manage.post("/cs/CP1/setchargingprofile", json=PROFILE), 409)


# --- tokens -----------------------------------------------------------------------------------------------


async def test_tokens_are_set_and_read(manage: httpx.AsyncClient) -> None:
    answer = await manage.post("/token", json=TOKEN)
    assert (answer.status_code, answer.content) == (201, b"")
    found = (await manage.get("/token/DEADBEEF")).json()
    assert found.pop("lastUpdated").endswith("Z")
    assert found == TOKEN
    assert (await manage.get("/token/deadbeef")).status_code == 200  # CiString


async def test_setting_a_token_again_replaces_it(manage: httpx.AsyncClient) -> None:
    await manage.post("/token", json=TOKEN)
    required = ("countryCode", "partyId", "type", "uid", "issuer")
    less = {name: TOKEN[name] for name in required} | {
        "contractId": "gb-twk-012345678-V",
        "valid": False,
        "cacheMode": "NEVER",
        "lastUpdated": "2019-08-24T14:15:22Z",
    }
    assert (await manage.post("/token", json=less)).status_code == 201
    found = (await manage.get("/token/DEADBEEF")).json()
    assert found.pop("lastUpdated") > "2026"
    del less["lastUpdated"]
    assert found == less | {"contractId": "GBTWK012345678V"}


async def test_texts_of_a_token_may_be_empty(manage: httpx.AsyncClient) -> None:
    assert (await manage.post("/token", json=TOKEN | {"issuer": "", "contractId": ""})).status_code == 201
    found = (await manage.get("/token/DEADBEEF")).json()
    assert (found["issuer"], found["contractId"]) == ("", "")


async def test_unknown_tokens(manage: httpx.AsyncClient) -> None:
    assert is_status(await manage.get("/token/nobody"), 404)


async def test_bad_tokens(manage: httpx.AsyncClient) -> None:
    for member, value in (
        ("countryCode", "GBR"),
        ("partyId", "X"),
        ("type", "CARD"),
        ("uid", ""),
        ("uid", "x" * 37),
        ("uid", None),
        ("valid", "true"),
        ("cacheMode", "SOMETIMES"),
        ("contractId", 7),
        ("issuer", "a\0b"),
    ):
        assert is_status(await manage.post("/token", json=TOKEN | {member: value}), 400)
        missing = {name: given for name, given in TOKEN.items() if name != member}
        assert is_status(await manage.post("/token", json=missing), 400)
    assert is_status(await manage.post("/token", json=TOKEN | {"languageCode": "english"}), 400)
    assert (await manage.get("/token")).json() == []


async def test_tokens_are_listed_page_by_page(manage: httpx.AsyncClient) -> None:
    uids = [f"TAG{number:02}" for number in range(23)]
    for uid in uids:
        await manage.post("/token", json=TOKEN | {"uid": uid})

    async def listed(**query: int) -> list[str]:
        answer = await manage.get("/token", params=query)
        assert answer.status_code == 200
        return [token["uid"] for token in answer.json()]

    assert await listed() == uids[:20]
    assert await listed(offset=20) == uids[20:]
    assert await listed(offset=5, limit=2) == uids[5:7]
    assert await listed(limit=1_000) == uids
    assert await listed(offset=100) == []
    assert await listed(limit=0) == []
    for bad in ("offset=-1", "limit=-1", "limit=x", "offset=99999999999999"):
        assert is_status(await manage.get(f"/token?{bad}"), 400)


# --- certificates by hash ---------------------------------------------------------------------------------


async def test_certificates_by_hash(manage: httpx.AsyncClient, client_certificate: str) -> None:
    answer = await manage.post("/certificate", json={"certificate": client_certificate})
    assert (answer.status_code, answer.content) == (201, b"")
    digest = x509.load_pem_x509_certificate(client_certificate.encode()).fingerprint(hashes.SHA256())
    standard, safe = base64.b64encode(digest).decode(), base64.urlsafe_b64encode(digest).decode()
    for spelling in (standard, quote(standard, safe=""), safe, safe.rstrip("=")):
        found = await manage.get(f"/certificate/{spelling}")
        assert (found.status_code, found.json()) == (200, {"certificate": client_certificate})
    assert (await manage.post("/certificate", json={"certificate": client_certificate})).status_code == 201
    gone = await manage.delete(f"/certificate/{safe}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert is_status(await manage.get(f"/certificate/{safe}"), 404)
    assert is_status(await manage.delete(f"/certificate/{safe}"), 404)


async def test_bad_certificates(manage: httpx.AsyncClient) -> None:
    assert is_status(await manage.post("/certificate", json={"certificate": "no PEM"}), 400)
    assert is_status(await manage.post("/certificate", json={}), 400)
    assert is_status(await manage.get("/certificate/AAAA"), 400)
    assert is_status(await manage.get(f"/certificate/{'A' * 43}="), 404)
    slashes = base64.b64encode(b"\xff" * 32).decode()  # neither swallowed nor redirected
    assert is_status(await manage.get(f"/certificate/{slashes}"), 404)
    assert is_status(await manage.get(f"/certificate/{quote(slashes, safe='')}"), 404)


# --- parties and locations --------------------------------------------------------------------------------


async def test_parties_are_registered(manage: httpx.AsyncClient, node: Node) -> None:
    for body in (
        {"token": "A"},
        {"token": "B", "url": "http://example.com/ocpi/versions", "status": "REGISTERED"},
        {"token": "A", "url": "https://example.com"},
    ):
        answer = await manage.post("/register", json=body)
        assert (answer.status_code, answer.content) == (201, b"")
    parties = await found(node.store, OCPI_PARTIES)
    assert [(row.token, row.url, row.status) for row in parties] == [
        ("A", "https://example.com", "PENDING"),
        ("B", "http://example.com/ocpi/versions", "REGISTERED"),
    ]


async def test_bad_parties(manage: httpx.AsyncClient) -> None:
    for body in (
        {},
        {"token": ""},
        {"token": "x" * 65},
        {"token": "A", "url": "ftp://x"},
        {"token": "A", "status": "DONE"},
    ):
        assert is_status(await manage.post("/register", json=body), 400)


async def test_locations_are_registered(manage: httpx.AsyncClient, node: Node) -> None:
    answer = await manage.post("/location/loc001", json=LOCATION)
    assert (answer.status_code, answer.content) == (201, b"")
    (stored,) = await found(node.store, LOCATIONS)
    assert (stored.city, stored.latitude, stored.post_code) == ("Gent", "51.047599", "9000")
    assert stored.name == [{"locale": "en", "translation": LOCATION["name"]}]
    assert stored.evses == LOCATION["evses"]
    least = {
        name: LOCATION[name]
        for name in ("country_code", "party_id", "address", "city", "country", "coordinates")
    }
    assert (
        await manage.post("/location/loc001", json=least | {"name": None, "evses": None})
    ).status_code == 201
    assert [row.name for row in await found(node.store, LOCATIONS)] == [[]]


async def test_bad_locations(manage: httpx.AsyncClient) -> None:
    for change in (
        {"coordinates": {"latitude": "51"}},
        {"coordinates": {"latitude": "north", "longitude": "3"}},
        {"parking_type": "CELLAR"},
        {"city": None},
        {"country_code": "BEL"},
        {"evses": [{"uid": "1"}]},
        {"evses": [{"uid": "1", "connectors": [{"id": "1", "standard": "PLUG"}]}]},
    ):
        assert is_status(await manage.post("/location/loc001", json=LOCATION | change), 400)


# --- who may ask ------------------------------------------------------------------------------------------


async def test_web_pages_are_kept_out(manage: httpx.AsyncClient) -> None:
    assert is_status(await manage.get("/token", headers={"Origin": "http://evil.example"}), 403)
    assert is_status(await manage.get("/token", headers={"Host": "evil.example"}), 403)
    for host in ("localhost:9410", "127.0.0.1:9410", "[::1]:9410"):
        assert (await manage.get("/token", headers={"Host": host})).status_code == 200


async def test_with_a_token_everybody_needs_it(node: Node, ask: Any) -> None:
    guarded = replace(node, settings=replace(node.settings, manage_token="a secret"))
    client = ask(manage_site(guarded))
    for token in (None, "Bearer wrong", "Bearer  a secret", "Basic a secret"):
        answer = await client.get("/api/v0/token", headers={"Authorization": token} if token else {})
        assert answer.status_code == (200 if token == "Bearer  a secret" else 401)
    own = {"Authorization": "Bearer a secret", "Origin": "http://127.0.0.1"}
    assert (await client.get("/api/v0/token", headers=own)).status_code == 200


async def test_addresses_and_methods_that_are_not_there(manage: httpx.AsyncClient) -> None:
    assert is_status(await manage.get("/nothing"), 404)
    assert is_status(await manage.put("/token", json=TOKEN), 405)
