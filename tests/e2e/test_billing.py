"""Who pays, for what, and what a station is told of it: stations of the package `ocpp`, the real program."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.peers import dial, take
from tests.e2e.program import Program
from tests.e2e.test_ocpp_package_v2x import CASES, EVSE, Station, command, connected, in_thread
from tests.patience import PATIENCE

HOUR_AGO = datetime.now(UTC) - timedelta(minutes=120)
CARD = "04B111"
LONG_TIME = re.compile(r"T\d\d:\d\d:\d\d\.\d{4,}")

Scenario = Callable[[Station], Awaitable[None]]
Play = Callable[[str, Scenario], list[dict[str, Any]]]


def at(minutes: float) -> datetime:
    return HOUR_AGO + timedelta(minutes=minutes)


def stamp(minutes: float) -> str:
    return at(minutes).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture(scope="module", autouse=True)
def price(program: Program) -> Iterator[None]:
    program.request("POST", "/id-tags", json={"uid": CARD})
    program.request(
        "PUT",
        "/operator/price",
        json={"currency": "EUR", "perSession": "0.5", "perKwh": "0.25", "perMinute": "0.1"},
    )
    yield
    program.request("PUT", "/operator/price", json={"currency": "EUR"})


@pytest.fixture(params=CASES)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def play(program: Program, version: str) -> Play:
    """Runs a scenario with a station of its own, which has booted; gives the sessions, oldest first."""

    def play(name: str, scenario: Scenario) -> list[dict[str, Any]]:
        identity = f"BILL-{name}-{version}"
        password = program.add_station(identity)

        async def main() -> None:
            async with connected(program, version, identity, password) as station:
                await station.boot()
                await scenario(station)

        asyncio.run(main())
        return sorted(program.rows("/sessions", station=identity), key=lambda one: one["startedAt"])

    return play


def register(minutes: float, wh: float, context: str = "Sample.Periodic") -> dict[str, Any]:
    return {
        "timestamp": stamp(minutes),
        "sampled_value": [
            {"value": wh, "context": context, "measurand": "Energy.Active.Import.Register"},
        ],
    }


class Transaction:
    """One transaction of a station, told event by event."""

    def __init__(self, station: Station, number: str) -> None:
        self._station = station
        self._number = number
        self._count = 0

    async def tell(
        self, kind: str, minutes: float, *values: dict[str, Any], trigger: str = "Trigger", **more: Any
    ) -> Any:
        named = {name: more.pop(name) for name in INFO if name in more}
        members = more | ({"meter_value": list(values)} if values else {})
        answer = await self._station.ask(
            "TransactionEvent",
            event_type=kind,
            timestamp=stamp(minutes),
            trigger_reason=trigger,
            seq_no=self._count,
            transaction_info={"transaction_id": self._number, **named},
            evse=EVSE,
            **members,
        )
        self._count += 1
        return answer


INFO = ("charging_state", "remote_start_id", "stopped_reason")


@pytest.mark.parametrize("cable_first", [False, True])
def test_a_remote_start_keeps_its_driver_though_its_station_names_only_the_number(
    program: Program, play: Play, *, cable_first: bool
) -> None:
    asked: dict[str, Any] = {}

    async def charge(station: Station) -> None:
        tx = Transaction(station, "T")
        if cable_first:
            await tx.tell("Started", 0, register(0, 0), trigger="CablePluggedIn")
        body = {"station": station.charger.id, "idTag": CARD, "evseNumber": 1}
        asked.update((await in_thread(program.request, "POST", "/sessions", json=body)).json())
        request = await station.commands.waited_for("RequestStartTransaction")
        number = request["remote_start_id"]
        kind = "Updated" if cable_first else "Started"
        await tx.tell(kind, 1, register(1, 0), trigger="RemoteStart", remote_start_id=number)
        await tx.tell("Updated", 2, register(2, 100), trigger="MeterValuePeriodic")
        await tx.tell("Ended", 61, register(61, 5_000), trigger="EVDeparted", stopped_reason="EVDisconnected")

    (session,) = play(f"REMOTE-{cable_first}", charge)
    assert (session["idTag"], session["waived"], session["review"]) == (CARD, None, [])
    assert session["remoteStartId"] == asked["sessionId"]
    assert (session["id"] == asked["sessionId"]) is not cable_first


def test_what_is_told_at_the_end_is_what_is_billed_however_late(play: Play) -> None:
    answers = []

    async def charge(station: Station) -> None:
        tx = Transaction(station, "T")
        await tx.tell("Started", 0, register(0, 1_000))
        for _ in range(2):
            answers.append((await tx.tell("Ended", 60, register(60, 6_000), offline=True)).total_cost)
            tx._count = 1  # it comes again

    (session,) = play("LATE", charge)
    assert (answers, session["amount"]) == ([7.75, 7.75], 7.75)
    assert session["chargingState"] is None


def test_registers_within_ten_seconds_of_begin_and_end_are_theirs(play: Play) -> None:
    async def charge(station: Station) -> None:
        tx = Transaction(station, "T")
        await tx.tell("Started", 0, charging_state="Charging")
        await tx.tell("Updated", 0.1, register(0.1, 1_000))
        await tx.tell("Updated", 59.9, register(59.9, 6_000))
        await tx.tell("Ended", 60, stopped_reason="EVDisconnected")

    (session,) = play("SAMPLES", charge)
    assert (session["energyWh"], session["review"]) == (5_000, [])


def test_what_comes_behind_the_end_is_no_end(play: Play) -> None:
    async def charge(station: Station) -> None:
        tx = Transaction(station, "T")
        await tx.tell("Started", 0, register(0, 0, "Transaction.Begin"))
        await tx.tell("Ended", 60, register(60, 318, "Transaction.End"))
        await tx.tell("Updated", 60.5, register(60.5, 340))

    (session,) = play("BEHIND", charge)
    assert (session["energyWh"], session["meterStopWh"], session["review"]) == (318, 318, [])


def test_who_takes_nothing_or_may_not_charge_pays_nothing(play: Play) -> None:
    answers = []

    async def charge(station: Station) -> None:
        cancelled, refused = Transaction(station, "A"), Transaction(station, "B")
        token = {"id_token": CARD, "type": "ISO14443"}
        await cancelled.tell("Started", 0, register(0, 1_000), id_token=token, trigger="Authorized")
        end = await cancelled.tell("Ended", 5, register(5, 1_000), stopped_reason="Timeout")
        answers.append(end.total_cost)
        stranger = {"id_token": "NOBODY", "type": "ISO14443"}
        await refused.tell("Started", 10, register(10, 1_000), id_token=stranger, trigger="Authorized")
        end = await refused.tell("Ended", 20, register(20, 1_500), stopped_reason="DeAuthorized")
        answers.append(end.total_cost)

    first, second = play("FREE", charge)
    assert answers == [0, 0]
    assert [(one["amount"], one["waived"]) for one in (first, second)] == [(0, None), (0, "refused")]


def test_a_battery_in_a_swap_station_is_nobodys(program: Program) -> None:
    identity = "BILL-SWAP"
    password = program.add_station(identity)

    async def main() -> Any:
        async with connected(program, "v21", identity, password) as station:
            await station.boot()
            await station.ask(
                "BatterySwap",
                battery_data=[{"evse_id": 1, "serial_number": "B1", "so_c": 20.0, "so_h": 90.0}],
                event_type="BatteryIn",
                id_token={"id_token": CARD, "type": "Central"},
                request_id=1,
            )
        async with connected(program, "v21", identity, password) as station:
            await station.boot()
            tx = Transaction(station, "T")
            await tx.tell("Started", 0, register(0, 1_000))
            return (await tx.tell("Ended", 60, register(60, 6_000))).total_cost

    assert asyncio.run(main()) == 0
    (session,) = program.rows("/sessions", station=identity)
    assert (session["amount"], session["waived"], session["energyWh"]) == (0, "battery_swap", 5_000)


def test_an_end_that_we_asked_for_is_remote(program: Program, play: Play) -> None:
    async def charge(station: Station) -> None:
        tx = Transaction(station, "T")
        await tx.tell("Started", 0, register(0, 0))
        stop = {"transactionId": "T"}
        answer = await in_thread(command, program, station.charger.id, "RequestStopTransaction", stop)
        assert answer["status"] == "Accepted"
        await tx.tell("Ended", 60, register(60, 5_000), trigger="EVDeparted")

    (session,) = play("STOP", charge)
    assert (session["reason"], session["review"]) == ("remote", [])


def test_one_register_is_not_billed_twice(play: Play) -> None:
    async def charge(station: Station) -> None:
        for n, (number, begin, end) in enumerate((("A", 1_000, 6_000), ("B", 0, 9_000), ("C", 9_000, 9_900))):
            tx = Transaction(station, number)
            await tx.tell("Started", 30 * n, register(30 * n, begin))
            await tx.tell("Ended", 30 * n + 29, register(30 * n + 29, end))

    assert [one["review"] for one in play("TWICE", charge)] == [[], ["billed_before"], []]


# --- OCPP 1.6, and frames as they are sent -----------------------------------------------------------------


def ask(socket: Any, action: str, payload: dict[str, Any]) -> Any:
    socket.send(json.dumps([2, action, action, payload]))
    kind, _, answer = take(socket)
    assert kind == 3, answer
    return answer


@pytest.mark.parametrize(
    ("lacking", "review"),
    [
        pytest.param({"timestamp": None}, "clock_drift", id="no time"),
        pytest.param({"meterStop": "nine"}, "missing_register", id="no number"),
        pytest.param({"meterStop": None, "timestamp": None}, "missing_register,clock_drift", id="neither"),
    ],
)
def test_a_stop_that_lacks_something_ends_its_session(
    program: Program, lacking: dict[str, Any], review: str
) -> None:
    identity = f"BILL-STOP-{'-'.join(lacking)}"
    program.add_station(identity, securityProfile=0)
    with dial(program.ocpp, identity) as socket:
        ask(socket, "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        start = {"connectorId": 1, "idTag": CARD, "meterStart": 1_000, "timestamp": stamp(0)}
        number = ask(socket, "StartTransaction", start)["transactionId"]
        value = {"timestamp": stamp(30), "sampledValue": [{"value": "4000"}]}
        ask(socket, "MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [value]})
        stop = {"transactionId": number, "meterStop": 6_000, "timestamp": stamp(60), **lacking}
        given = {name: one for name, one in stop.items() if one is not None}
        assert ask(socket, "StopTransaction", given) == {}
    (session,) = program.rows("/sessions", station=identity)
    held = sorted(session["review"])
    assert (session["status"], held) == ("finished", sorted(review.split(",")))
    assert session["energyWh"] == (3_000 if "meterStop" in lacking else 5_000)


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
def test_no_time_that_is_sent_has_more_than_three_decimals(program: Program, protocol: str) -> None:
    identity = f"BILL-TIMES-{protocol}"
    program.add_station(identity, securityProfile=0)
    old = protocol == "ocpp1.6"
    boot = {"chargePointVendor": "V", "chargePointModel": "M"}
    if not old:
        boot = {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}  # type: ignore[dict-item]
    expires = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=123_456).isoformat()
    token = {"idToken": CARD, "type": "ISO14443"}
    reserve = (
        {"connectorId": 1, "expiryDate": expires, "idTag": CARD, "reservationId": 1}
        if old
        else {"id": 1, "expiryDateTime": expires, "idToken": token, "evseId": 1}
    )
    with dial(program.ocpp, identity, version=protocol) as socket:
        for action, payload in (("BootNotification", boot), ("Heartbeat", {})):
            told = ask(socket, action, payload)["currentTime"]
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told)

        async def reserved() -> str:
            asking = asyncio.create_task(in_thread(command, program, identity, "ReserveNow", reserve))
            frame = await in_thread(socket.recv, PATIENCE)
            socket.send(json.dumps([3, json.loads(frame)[1], {"status": "Accepted"}]))
            assert await asking == {"status": "Accepted"}
            return str(frame)

        frame = asyncio.run(reserved())
    assert ".123" in frame
    assert not LONG_TIME.search(frame)
