"""A certificate's way from the station's request to its installation, over the real store (A02, A03, A05)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from engine.domain.caller import Caller, CallerKind
from engine.domain.changes import (
    CertificateWanted,
    ChargePointConnected,
    DeviceVariableRead,
    NetworkStatusChanged,
)
from engine.domain.state import ChargePoint
from engine.errors import CallError, CallTimeout, Conflict, Invalid, Offline, OutsideError
from engine.limits import Places
from engine.metrics import Metrics
from engine.node import Node
from engine.ocpp.blocks.provisioning.move_profile import Target
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Message
from engine.operations.profile_upgrade import profile_upgrade
from engine.operations.signing import Signer
from engine.points import Registry
from engine.security.authority import Applicant, Authority, built_in
from engine.settings import Settings
from engine.store import Store
from engine.store.repositories.stations import StationPatch
from tests.pki import NOW
from tests.plans import EVERYBODY

CALLER = Caller("token:test", CallerKind.API_TOKEN)
STATION_USE = "ChargingStationCertificate"


class Stations:
    """Twin of the registry and of its actors: who is connected, what was asked, and the answers."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.shared = SimpleNamespace(now=now)
        self.states: dict[str, ChargePoint] = {}
        self.asked: list[Message] = []
        self.answer: Callable[[Message], Message | CallError] = lambda request: request

    def is_connected(self, identity: str) -> bool:
        return identity in self.states

    def state(self, identity: str) -> ChargePoint | None:
        return self.states.get(identity)

    def actor(self, identity: str) -> Stations | None:
        return self if identity in self.states else None

    async def call(self, request: Message, timeout: float, *, force: bool = False) -> Message:
        await trio.lowlevel.checkpoint()
        self.asked.append(request)
        answer = self.answer(request)
        if isinstance(answer, CallError):
            raise answer
        return answer


class Bench:
    """A store with one station, its connection, the CA, and a clock."""

    def __init__(self, store: Store, authority: Authority) -> None:
        self.store = store
        self.registry = Stations(self.now)
        self.authority = authority
        self.time = NOW
        self.node = Node(
            settings=Settings(),
            store=store,
            registry=cast("Registry", self.registry),
            metrics=Metrics(),
            http_places=Places(lambda: 1, 1),
        )

    def now(self) -> datetime:
        return self.time

    def signer(self) -> Signer:
        return Signer(self.node, self.authority, renewal=timedelta(days=30), now=self.now)

    async def connect(self, version: str, profile: int = 1) -> None:
        record = await self.store.reader.station("CP1")
        assert record is not None
        self.registry.states["CP1"] = await self.store.reader.load(record, version)
        await self.store.journal.commit([
            ChargePointConnected(
                charge_point_id=record.id, connected_at=self.time, network_protocol=version,
                current_security_profile=profile, network_ip="",
            ),
            NetworkStatusChanged(id=record.id, network_status="available", at=self.time),
        ])  # fmt: skip

    async def want(self, csr: str, use: str = STATION_USE, number: int | None = None) -> None:
        record = await self.store.reader.station("CP1")
        assert record is not None
        wanted = CertificateWanted(
            charge_point_id=record.id,
            certificate_type=use,
            csr=csr,
            request_id=number,
            requested_at=self.time,
        )
        await self.store.journal.commit([wanted])

    async def look(self, times: int = 2) -> None:
        """Whole rounds: what a look starts is finished before the next."""
        signer = self.signer()
        for _ in range(times):
            async with trio.open_nursery() as nursery:
                await signer.look(nursery)

    async def rows(self, sql: str) -> list[Any]:
        return [tuple(row) for row in await self.store._database.fetch(sql)]

    async def request(self) -> Any:
        [row] = await self.rows("select status, attempts, reason from certificate_requests")
        return row


@pytest.fixture
async def bench(store: Store, tmp_path: Path) -> Bench:
    await store.stations.add(EVERYBODY, "CP1", StationPatch(password_sha256=bytes(32)))
    authority = built_in(tmp_path / "pki", organisation="ACME", days=365, now=lambda: NOW)
    return Bench(store, authority)


def accepting(request: Message) -> Message:
    kinds: dict[type[Message], Message] = {
        v16.CertificateSigned: v16.CertificateSignedResponse(status="Accepted"),
        v201.CertificateSigned: v201.CertificateSignedResponse(status="Accepted"),
        v21.CertificateSigned: v21.CertificateSignedResponse(status="Accepted"),
        v16.ExtendedTriggerMessage: v16.ExtendedTriggerMessageResponse(status="Accepted"),
        v201.TriggerMessage: v201.TriggerMessageResponse(status="Accepted"),
    }
    return kinds[type(request)]


@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
async def test_a_station_gets_what_it_asked_for(bench: Bench, csr: str, version: str) -> None:
    bench.registry.answer = accepting
    await bench.connect(version)
    await bench.want(csr, number=5 if version == "ocpp2.1" else None)
    await bench.look()
    [told] = bench.registry.asked
    assert isinstance(told, v16.CertificateSigned | v201.CertificateSigned | v21.CertificateSigned)
    leaf = x509.load_pem_x509_certificates(told.certificate_chain.encode())[0]
    if not isinstance(told, v16.CertificateSigned):
        assert told.certificate_type == STATION_USE
    if isinstance(told, v21.CertificateSigned):
        assert told.request_id == 5
    assert (await bench.request())[0] == "Accepted"
    assert await bench.rows("select serial, status, not_after from issued_certificates") == [
        (f"{leaf.serial_number:x}", "Installed", leaf.not_valid_after_utc)
    ]
    # Known by its hash too, for proxies that end TLS.
    known = await bench.store.certificates.get(leaf.fingerprint(hashes.SHA256()))
    assert x509.load_pem_x509_certificate(known.encode()) == leaf
    await bench.look()
    assert len(bench.registry.asked) == 1  # it is done


async def test_a_combined_request_is_answered_without_a_type(bench: Bench, csr: str) -> None:
    bench.registry.answer = accepting
    await bench.connect("ocpp2.0.1")
    await bench.want(csr, "Combined")
    await bench.look()
    [told] = bench.registry.asked
    assert isinstance(told, v201.CertificateSigned)
    assert not told.certificate_type


async def test_a_signed_certificate_waits_for_its_station(bench: Bench, csr: str) -> None:
    bench.registry.answer = accepting
    await bench.want(csr)
    await bench.look()
    assert (await bench.request())[0] == "Signed"
    await bench.connect("ocpp1.6")
    await bench.look()
    assert (await bench.request())[0] == "Accepted"
    assert len(await bench.rows("select 1 from issued_certificates")) == 1


async def test_a_silent_station_is_told_again_later_and_at_last_no_more(bench: Bench, csr: str) -> None:
    bench.registry.answer = lambda request: CallTimeout("silence")
    await bench.connect("ocpp1.6")
    await bench.want(csr)
    await bench.look(5)
    assert len(bench.registry.asked) == 1
    bench.time = NOW + timedelta(seconds=30)
    await bench.look(3)
    assert len(bench.registry.asked) == 2
    for hour in range(1, 40):
        bench.time = NOW + timedelta(hours=hour)
        await bench.look(1)
    assert len(bench.registry.asked) == 10
    assert await bench.request() == ("Failed", 9, "silence")


async def test_a_lost_connection_costs_no_attempt(bench: Bench, csr: str) -> None:
    bench.registry.answer = lambda request: Offline("gone")
    await bench.connect("ocpp1.6")
    await bench.want(csr)
    await bench.look()
    assert await bench.request() == ("Signed", 0, None)


async def test_what_the_station_refuses_is_not_installed(bench: Bench, csr: str) -> None:
    bench.registry.answer = lambda request: v16.CertificateSignedResponse(status="Rejected")
    await bench.connect("ocpp1.6")
    await bench.want(csr)
    await bench.look()
    assert (await bench.request())[0] == "Rejected"
    assert await bench.rows("select status from issued_certificates") == [("Refused",)]


class Failing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def sign(self, csr: str, applicant: Applicant) -> str:
        await trio.lowlevel.checkpoint()
        raise self.error


async def test_a_ca_that_is_away_is_asked_again_and_one_that_refuses_is_not(bench: Bench, csr: str) -> None:
    bench.authority = Failing(OutsideError("away"))
    await bench.want(csr)
    await bench.look()
    assert await bench.request() == ("Requested", 1, "away")
    bench.authority = Failing(Invalid("never"))
    bench.time = NOW + timedelta(minutes=1)
    await bench.look()
    assert await bench.request() == ("Failed", 1, "the CA refused: never")


async def test_the_same_request_again_starts_nothing_anew(bench: Bench, csr: str) -> None:
    bench.registry.answer = accepting
    await bench.connect("ocpp1.6")
    await bench.want(csr)
    await bench.look()
    await bench.want(csr)
    assert (await bench.request())[0] == "Accepted"
    bench.time = NOW + timedelta(minutes=5)
    await bench.want(csr)
    assert (await bench.request())[0] == "Requested"


async def test_a_renewed_certificate_takes_the_place_of_the_old(bench: Bench, csr: str) -> None:
    bench.registry.answer = accepting
    await bench.connect("ocpp1.6")
    for minute in range(2):
        bench.time = NOW + timedelta(minutes=minute)
        await bench.want(csr)
        await bench.look()
    assert await bench.rows("select status from issued_certificates order by id") == [
        ("Replaced",),
        ("Installed",),
    ]


async def test_a_station_known_by_serial_is_known_by_its_name_again(bench: Bench, csr: str) -> None:
    await bench.store.stations.update(EVERYBODY, "CP1", StationPatch(certificate_serial="abc"))
    bench.registry.answer = accepting
    await bench.connect("ocpp1.6")
    await bench.want(csr)
    await bench.look()
    record = await bench.store.reader.station("CP1")
    assert record is not None
    assert record.certificate_serial is None


@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1"])
async def test_renewal_is_asked_for_in_time_and_once_a_day(bench: Bench, csr: str, version: str) -> None:
    bench.registry.answer = accepting
    await bench.connect(version)
    await bench.want(csr)
    await bench.look()
    for days, asked in ((334, 0), (336, 1), (336.5, 1), (337.1, 2)):
        bench.time = NOW + timedelta(days=days)
        await bench.signer().look_slowly()
        assert len(bench.registry.asked) == 1 + asked
    last = bench.registry.asked[-1]
    assert isinstance(last, v16.ExtendedTriggerMessage | v201.TriggerMessage)
    assert last.requested_message.startswith("SignCharg")


# --- moving up (A05) --------------------------------------------------------------------------------


async def up(bench: Bench, profile: int = 2, url: str = "wss://csms.example/ocpp", **more: Any) -> None:
    await profile_upgrade(bench.node, CALLER, "CP1", Target(profile=profile, url=url, **more))


def moving(request: Message) -> Message:
    result = v201.SetVariableResult(
        attribute_status="Accepted",
        component=v201.Component(name="OCPPCommCtrlr"),
        variable=v201.Variable(name="NetworkConfigurationPriority"),
    )
    kinds: dict[type[Message], Message] = {
        v16.ChangeConfiguration: v16.ChangeConfigurationResponse(status="Accepted"),
        v16.Reset: v16.ResetResponse(status="Accepted"),
        v201.SetNetworkProfile: v201.SetNetworkProfileResponse(status="Accepted"),
        v201.SetVariables: v201.SetVariablesResponse(set_variable_result=[result]),
        v201.Reset: v201.ResetResponse(status="Scheduled"),
    }
    return kinds[type(request)]


async def profiles(bench: Bench) -> tuple[int, int | None]:
    [row] = await bench.rows(
        "select c.security_profile, m.security_profile from charge_points c "
        "left join security_profile_moves m on m.charge_point_id = c.id and m.status = 'under_way'"
    )
    first, following = row
    return first, following


@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1"])
async def test_a_station_moves_once_it_came_with_the_higher_profile(bench: Bench, version: str) -> None:
    bench.registry.answer = moving
    await bench.connect(version)
    bench.time = NOW + timedelta(minutes=1)
    await up(bench)
    assert await profiles(bench) == (1, 2)
    await bench.signer().look_slowly()
    assert await profiles(bench) == (1, 2)
    bench.time = NOW + timedelta(minutes=2)
    await bench.connect(version, profile=2)
    await bench.signer().look_slowly()
    assert await profiles(bench) == (2, None)
    record = await bench.store.reader.station("CP1")
    assert record is not None
    assert (record.security_profile, record.next_security_profile) == (2, None)


async def test_the_old_profile_stays_second_choice(bench: Bench) -> None:
    bench.registry.answer = moving
    await bench.connect("ocpp2.0.1")
    await up(bench)
    first, second, restart = bench.registry.asked
    assert isinstance(first, v201.SetNetworkProfile)
    assert (first.configuration_slot, first.connection_data.security_profile) == (2, 2)
    assert isinstance(second, v201.SetVariables)
    assert second.set_variable_data[0].attribute_value == "2,1"
    assert restart == v201.Reset(type="OnIdle")


async def test_the_slot_in_use_is_kept_as_the_way_back(bench: Bench) -> None:
    bench.registry.answer = moving
    await bench.connect("ocpp2.0.1")
    active = DeviceVariableRead(
        charge_point_id=bench.registry.states["CP1"].id, component="OCPPCommCtrlr", component_instance="",
        evse_number=0, connector_number=0, variable="ActiveNetworkProfile", variable_instance="",
        attribute="Actual", value="2", mutability="ReadOnly", persistent=None, constant=None, data_type=None,
        unit=None, min_limit=None, max_limit=None, values_list=None, supports_monitoring=None, at=NOW,
    )  # fmt: skip
    await bench.store.journal.commit([active])
    for bad in ({"slot": 2}, {"slot": 5, "fallback_slot": 5}, {"interface": "Any"}):
        with pytest.raises(Invalid):
            await up(bench, **bad)
    assert (bench.registry.asked, await profiles(bench)) == ([], (1, None))
    await up(bench)
    first, second, _ = bench.registry.asked
    assert isinstance(first, v201.SetNetworkProfile)
    assert isinstance(second, v201.SetVariables)
    assert (first.configuration_slot, second.set_variable_data[0].attribute_value) == (1, "1,2")


async def test_who_never_comes_with_it_keeps_what_it_has(bench: Bench) -> None:
    bench.registry.answer = moving
    await bench.connect("ocpp1.6")
    bench.time = NOW + timedelta(minutes=1)
    await up(bench)
    bench.time = NOW + timedelta(minutes=2)
    await bench.connect("ocpp1.6", profile=1)
    bench.time = NOW + timedelta(days=2)
    await bench.signer().look_slowly()
    assert await profiles(bench) == (1, None)


async def refuses(attempt: Awaitable[None], error: type[Exception]) -> None:
    with pytest.raises(error):
        await attempt


async def test_there_is_no_way_down_and_no_way_without_tls(bench: Bench) -> None:
    bench.registry.answer = moving
    await refuses(up(bench), Offline)
    await bench.connect("ocpp2.0.1")
    await refuses(up(bench, 1), Invalid)
    await refuses(up(bench, 4), Invalid)
    await refuses(up(bench, 2, "ws://csms.example/"), Invalid)
    assert bench.registry.asked == []


async def test_a_station_that_refuses_stays_where_it_is(bench: Bench) -> None:
    bench.registry.answer = lambda request: v16.ChangeConfigurationResponse(status="Rejected")
    await bench.connect("ocpp1.6")
    await refuses(up(bench), Conflict)
    assert await profiles(bench) == (1, None)
