"""Queued settings and certificates reach the charger: once, in order, again after a break."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from engine.errors import DatabaseAway
from engine.node import Node
from engine.ocpp.blocks.device_model.passwords import is_password, is_secret, password_taken
from engine.ocpp.messages import v16, v201
from engine.operations.delivery import FIRST_RETRY, Provisioner, deliver_pending
from engine.store.repositories.stations import StationPatch
from tests.plans import EVERYBODY

Deliver = Callable[[], Awaitable[None]]
ACCEPTED = {"status": "Accepted"}


@pytest.fixture
async def provisioner(node: Node) -> Provisioner:
    return Provisioner(node)


@pytest.fixture
async def deliver(provisioner: Provisioner) -> Deliver:
    """Look once and finish what that starts."""

    async def deliver() -> None:
        async with trio.open_nursery() as nursery:
            await provisioner.look(nursery)

    return deliver


@pytest.fixture
async def request_settings(node: Node) -> Callable[..., Awaitable[None]]:
    async def request_settings(identity: str, **settings: str) -> None:
        station = await node.store.stations.get(EVERYBODY, identity)
        await node.store.configuration.request(EVERYBODY, station.id, settings)

    return request_settings


async def statuses(node: Node, identity: str) -> dict[str, str]:
    station = await node.store.stations.get(EVERYBODY, identity)
    return {row.name: row.status for row in await node.store.configuration.requested(station.id)}


async def test_settings_are_sent_and_their_verdicts_kept(
    node: Node, connect: Any, deliver: Deliver, request_settings: Any
) -> None:
    charger = await connect("CP1")
    await request_settings("CP1", A="1", B="2", C="3")
    charger.answers["ChangeConfiguration"] = [ACCEPTED, {"status": "Rejected"}, {"status": "NotSupported"}]
    await deliver()
    assert charger.asked == [
        ("ChangeConfiguration", {"key": "A", "value": "1"}),
        ("ChangeConfiguration", {"key": "B", "value": "2"}),
        ("ChangeConfiguration", {"key": "C", "value": "3"}),
    ]
    assert await statuses(node, "CP1") == {"A": "Accepted", "B": "Rejected", "C": "NotSupported"}
    await deliver()
    assert len(charger.asked) == 3


async def test_what_was_refused_or_never_sent_says_why(
    node: Node, admin: Any, connect: Any, deliver: Deliver, request_settings: Any
) -> None:
    charger = await connect("CP1")
    await request_settings("CP1", A="1", B="2", C="3", D="4", **{"x" * 51: "5"})
    refusal: tuple[Any, ...] = ("InternalError", "no memory", {})
    charger.answers["ChangeConfiguration"] = [
        ACCEPTED,
        {"status": "Rejected"},
        {"status": "NotSupported"},
        refusal,
    ]
    await deliver()
    rows = (await admin.get("/stations/CP1/configuration")).json()["requested"]
    reasons = {row["name"]: row["reason"] for row in rows}
    assert (reasons["A"], reasons["B"], reasons["C"]) == (
        None,
        "the charge point answered Rejected",
        "the charge point answered NotSupported",
    )
    assert "no memory" in reasons["D"]
    assert reasons["x" * 51].startswith("not sent: ")
    await request_settings("CP1", B="9")
    charger.answers["ChangeConfiguration"] = [ACCEPTED]
    await deliver()
    rows = (await admin.get("/stations/CP1/configuration")).json()["requested"]
    assert {row["name"]: row["reason"] for row in rows}["B"] is None


async def test_one_reboot_for_all_that_need_it(
    node: Node, connect: Any, deliver: Deliver, request_settings: Any
) -> None:
    charger = await connect("CP1")
    await request_settings("CP1", A="1", B="2", C="3")
    reboot = {"status": "RebootRequired"}
    charger.answers |= {"ChangeConfiguration": [reboot, ACCEPTED, reboot], "Reset": ACCEPTED}
    await deliver()
    assert [action for action, _ in charger.asked] == ["ChangeConfiguration"] * 3 + ["Reset"]
    assert charger.asked[-1] == ("Reset", {"type": "Soft"})
    assert await statuses(node, "CP1") == {"A": "RebootRequired", "B": "Accepted", "C": "RebootRequired"}


async def test_an_unanswered_reboot_is_asked_for_again(
    node: Node, connect: Any, deliver: Deliver, request_settings: Any
) -> None:
    charger = await connect("CP1")
    await request_settings("CP1", A="1")
    charger.answers["ChangeConfiguration"] = {"status": "RebootRequired"}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(deliver)
        while len(charger.asked) < 2:
            await trio.testing.wait_all_tasks_blocked(0.01)
        node.registry.disconnect("CP1", "in the middle")
    assert await statuses(node, "CP1") == {"A": "Pending"}
    again = await connect("CP1")
    again.answers |= {"ChangeConfiguration": {"status": "RebootRequired"}, "Reset": ACCEPTED}
    await deliver()
    assert [action for action, _ in again.asked] == ["ChangeConfiguration", "Reset"]
    assert await statuses(node, "CP1") == {"A": "RebootRequired"}


async def test_a_call_error_is_a_verdict(
    node: Node, connect: Any, deliver: Deliver, request_settings: Any
) -> None:
    charger = await connect("CP1")
    await request_settings("CP1", A="1")
    await request_settings("CP1", B="1")
    charger.answers["ChangeConfiguration"] = [("NotImplemented", "what?", {}), ("InternalError", "", {})]
    await deliver()
    assert await statuses(node, "CP1") == {"A": "NotSupported", "B": "Rejected"}


async def test_a_new_password_is_expected_from_then_on(
    node: Node, connect: Any, deliver: Deliver, request_settings: Any
) -> None:
    charger = await connect("CP1")
    await request_settings("CP1", AuthorizationKey="0123456789abcdef")
    charger.answers["ChangeConfiguration"] = ACCEPTED
    await deliver()
    station = await node.store.stations.get(EVERYBODY, "CP1")
    assert station.password_sha256 == hashlib.sha256(b"0123456789abcdef").digest()


@pytest.mark.parametrize(
    ("verdict", "adopted"), [("Accepted", True), ("Rejected", False), ("RebootRequired", True)]
)
async def test_a_password_is_forgotten_once_the_station_has_decided(
    node: Node, connect: Any, deliver: Deliver, *, request_settings: Any, verdict: str, adopted: bool
) -> None:
    old = hashlib.sha256(b"the old password").digest()
    charger = await connect("CP1", password_sha256=old)
    await request_settings("CP1", authorizationKEY="0123456789abcdef", A="stays")
    charger.answers |= {"ChangeConfiguration": [ACCEPTED, {"status": verdict}], "Reset": ACCEPTED}
    await deliver()
    assert await statuses(node, "CP1") == {"A": "Accepted", "authorizationKEY": verdict}
    rows = await node.store.query("select name, value from charge_point_settings")
    assert set(rows) == {("A", "stays"), ("authorizationKEY", "")}
    new = hashlib.sha256(b"0123456789abcdef").digest()
    assert (await node.store.stations.get(EVERYBODY, "CP1")).password_sha256 == (new if adopted else old)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("AuthorizationKey", True),
        ("SecurityCtrlr/BasicAuthPassword", True),
        ("securityctrlr;;/basicauthpassword;;Actual", True),
        ("SecurityCtrlr/Identity", False),
        ("BasicAuthPassword", False),
    ],
)
def test_what_is_a_password(name: str, secret: bool) -> None:
    assert is_password(name) is secret


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("AuthorizationKey", True),
        ("SecurityCtrlr/BasicAuthPassword", True),
        ("WifiPSK", True),
        ("VpnCtrlr/Key", True),
        ("HeartbeatInterval", False),
        ("SecurityCtrlr/Identity", False),
    ],
)
def test_what_is_a_secret(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


def set_variable(component: str, variable: str, value: str, status: str) -> tuple[Any, Any]:
    named: Any = {"component": v201.Component(name=component), "variable": v201.Variable(name=variable)}
    wanted = v201.SetVariableData(attribute_value=value, **named)
    result = v201.SetVariableResult(attribute_status=status, **named)  # type: ignore[arg-type]  # by parameter
    return (
        v201.SetVariables(set_variable_data=[wanted]),
        v201.SetVariablesResponse(set_variable_result=[result]),
    )


@pytest.mark.parametrize(
    ("component", "variable", "status", "taken"),
    [
        ("SecurityCtrlr", "BasicAuthPassword", "Accepted", True),
        ("securityctrlr", "BASICAUTHPASSWORD", "RebootRequired", True),
        ("SecurityCtrlr", "BasicAuthPassword", "Rejected", False),
        ("SecurityCtrlr", "Identity", "Accepted", False),
    ],
)
def test_a_password_told_by_hand_is_noticed(component: str, variable: str, status: str, taken: bool) -> None:
    request, answer = set_variable(component, variable, "a new password!!", status)
    assert password_taken(request, answer) == ("a new password!!" if taken else None)
    assert password_taken(v16.ClearCache(), v16.ClearCacheResponse(status="Accepted")) is None


async def test_a_password_the_station_has_outlasts_a_database_that_is_away(
    node: Node, connect: Any, deliver: Deliver, request_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    charger = await connect("CP1")
    await request_settings("CP1", AuthorizationKey="0123456789abcdef")
    charger.answers["ChangeConfiguration"] = ACCEPTED
    update, failures = node.store.stations.update, [DatabaseAway("gone"), DatabaseAway("gone")]

    async def now_and_then(*arguments: Any, **named: Any) -> Any:
        if failures:
            raise failures.pop()
        return await update(*arguments, **named)

    monkeypatch.setattr(node.store.stations, "update", now_and_then)
    monkeypatch.setattr("engine.operations.provisioning.AGAIN", 0)
    await deliver()
    assert (await node.store.stations.get(EVERYBODY, "CP1")).has_password
    assert await statuses(node, "CP1") == {"AuthorizationKey": "Accepted"}


# --- pending until configured ------------------------------------------------------------------------------


async def to_be_configured(node: Node, identity: str) -> None:
    patch = StationPatch(security_profile=0)
    await node.store.stations.register(EVERYBODY, identity, patch, configure_first=True)


async def test_a_new_station_is_accepted_once_all_has_its_verdict(
    node: Node, connect: Any, deliver: Deliver, request_settings: Any
) -> None:
    await to_be_configured(node, "CP1")
    await request_settings("CP1", A="1", B="2")
    charger = await connect("CP1", boot=False)
    await deliver()
    assert charger.asked == []  # it has not booted: nothing is known of it
    assert (await charger.boot())["status"] == "Pending"
    charger.answers |= {
        "ChangeConfiguration": [ACCEPTED, {"status": "Rejected"}],
        "TriggerMessage": ACCEPTED,
    }
    await deliver()
    assert (await node.store.stations.get(EVERYBODY, "CP1")).registration_status == "pending"
    await deliver()
    assert [action for action, _ in charger.asked] == ["ChangeConfiguration"] * 2 + ["TriggerMessage"]
    assert (await charger.boot())["status"] == "Accepted"
    station = await node.store.stations.get(EVERYBODY, "CP1")
    assert (station.registration_status, station.accept_when_configured) == ("accepted", False)


async def test_nothing_to_configure_is_accepted_after_the_boot(
    node: Node, connect: Any, deliver: Deliver
) -> None:
    await to_be_configured(node, "CP1")
    charger = await connect("CP1", boot=False)
    assert (await charger.boot())["status"] == "Pending"
    charger.answers["TriggerMessage"] = ("NotSupported", "", {})
    await deliver()
    assert (await charger.boot())["status"] == "Accepted"  # by itself: it does not obey triggers


async def test_registering_again_does_not_take_a_station_out_of_service(node: Node, connect: Any) -> None:
    charger = await connect("CP1")
    await to_be_configured(node, "CP1")
    await node.registry.refresh("CP1")
    assert (await charger.boot())["status"] == "Accepted"


async def test_who_waits_for_a_person_goes_on_waiting(node: Node, connect: Any, deliver: Deliver) -> None:
    charger = await connect("CP1", registration_status="pending")
    await deliver()
    assert charger.asked == []
    assert (await node.store.stations.get(EVERYBODY, "CP1")).registration_status == "pending"


async def test_nothing_is_sent_before_the_first_boot(
    node: Node, connect: Any, deliver: Deliver, request_settings: Any
) -> None:
    charger = await connect("CP1", boot=False)
    await request_settings("CP1", A="1")
    charger.answers["ChangeConfiguration"] = ACCEPTED
    await deliver()
    assert charger.asked == []
    await charger.boot()
    await deliver()
    assert await statuses(node, "CP1") == {"A": "Accepted"}


@pytest.mark.parametrize(("registration", "asked"), [("pending", 1), ("rejected", 0)])
async def test_pending_stations_are_configured_and_rejected_ones_left_alone(
    connect: Any, deliver: Deliver, request_settings: Any, registration: str, asked: int
) -> None:
    charger = await connect("CP1", registration_status=registration)
    await request_settings("CP1", A="1")
    charger.answers["ChangeConfiguration"] = ACCEPTED
    await deliver()
    assert len(charger.asked) == asked


async def test_certificates_in_the_words_of_1_6(
    node: Node, connect: Any, deliver: Deliver, client_certificate: str
) -> None:
    charger = await connect("CP1")
    station = await node.store.stations.get(EVERYBODY, "CP1")
    for kind in ("CSMS", "MF", "V2G", "MO", "CSMS"):
        await node.store.certificates.install(EVERYBODY, station.id, kind, client_certificate)
    charger.answers["InstallCertificate"] = [ACCEPTED, {"status": "Failed"}, ("InternalError", "full", {})]
    await deliver()
    assert [payload["certificateType"] for _, payload in charger.asked] == [
        "CentralSystemRootCertificate",
        "ManufacturerRootCertificate",
        "CentralSystemRootCertificate",
    ]
    assert charger.asked[0][1]["certificate"] == client_certificate
    rows = await node.store.certificates.installations(station.id)
    assert [(row.type, row.status) for row in rows] == [
        ("CSMS", "Accepted"),
        ("MF", "Rejected"),
        ("V2G", "Rejected"),
        ("MO", "Rejected"),
        ("CSMS", "Rejected"),
    ]
    reasons = [row.reason or "" for row in rows]
    assert reasons[0] == ""
    assert "Failed" in reasons[1]
    assert "V2G" in reasons[2]
    assert "full" in reasons[4]


async def test_what_breaks_a_rule_is_not_sent(
    node: Node, connect: Any, deliver: Deliver, client_certificate: str
) -> None:
    charger = await connect("CP1")
    station = await node.store.stations.get(EVERYBODY, "CP1")
    await node.store.certificates.install(EVERYBODY, station.id, "CSMS", client_certificate * 2)
    await deliver()
    (row,) = await node.store.certificates.installations(station.id)
    assert (row.status, charger.asked) == ("Rejected", [])
    assert "exactly one" in (row.reason or "")


async def test_stations_that_are_away_keep_their_rows(
    node: Node, connect: Any, deliver: Deliver, request_settings: Any
) -> None:
    charger = await connect("CP1")
    await charger.leave()
    while node.registry.is_connected("CP1"):
        await trio.testing.wait_all_tasks_blocked(0.01)
    await request_settings("CP1", A="1")
    await deliver()
    assert await statuses(node, "CP1") == {"A": "Pending"}


async def test_silence_is_not_pressed_until_the_station_comes_back(
    node: Node, connect: Any, provisioner: Provisioner, request_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    charger = await connect("CP1")
    await request_settings("CP1", A="1")
    now = trio.current_time()
    monkeypatch.setattr("engine.operations.delivery.trio.current_time", lambda: now)
    generation = node.registry.actor("CP1").generation  # type: ignore[union-attr]  # it is connected
    provisioner._postpone("CP1", generation)
    first = provisioner._attempts["CP1"].retry_at - now
    provisioner._postpone("CP1", generation)
    assert first == FIRST_RETRY.total_seconds()
    assert provisioner._attempts["CP1"].retry_at - now == 2 * first
    assert not provisioner._may_ask("CP1")
    now += 2 * first
    assert provisioner._may_ask("CP1")
    now -= 1
    assert not provisioner._may_ask("CP1")
    await charger.leave()
    await connect("CP1")
    assert provisioner._may_ask("CP1")


async def test_one_silent_station_keeps_nobody_waiting(
    node: Node, connect: Any, nursery: trio.Nursery, request_settings: Any
) -> None:
    silent, good = await connect("CP1"), await connect("CP2")
    good.answers["ChangeConfiguration"] = ACCEPTED
    await request_settings("CP1", A="1")
    await request_settings("CP2", A="1")
    await nursery.start(lambda task_status: deliver_pending(node, interval=0.05, task_status=task_status))
    while not good.asked or await statuses(node, "CP2") != {"A": "Accepted"}:
        await trio.testing.wait_all_tasks_blocked(0.01)
    assert len(silent.asked) <= 1
    assert await statuses(node, "CP1") == {"A": "Pending"}


def test_a_password_is_noticed_wherever_its_result_stands_and_however_it_is_spelt() -> None:
    request, answer = set_variable("SecurityCtrlr", "BasicAuthPassword", "a new password!!", "Accepted")
    other, refused = set_variable("OCPPCommCtrlr", "HeartbeatInterval", "60", "Rejected")
    both = v201.SetVariables(set_variable_data=[*request.set_variable_data, *other.set_variable_data])
    [told] = answer.set_variable_result
    spelt = replace(told, component=v201.Component(name="securityctrlr"))
    swapped = v201.SetVariablesResponse(set_variable_result=[*refused.set_variable_result, spelt])
    assert password_taken(both, swapped) == "a new password!!"
