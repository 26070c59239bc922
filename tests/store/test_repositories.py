"""What people read and write: every write audited, secrets never, pages in order."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from decimal import Decimal

import pytest
import trio

from engine.domain.access import StationRecord, password_matches
from engine.domain.changes import (
    ConfigurationKeyRead,
    MessageLogged,
    SecurityEventReported,
    StationRemoved,
)
from engine.domain.state import Price
from engine.errors import Conflict, Invalid, NotFound
from engine.store import Store
from engine.store.readings import (
    AUDIT,
    ID_TAGS,
    MESSAGES,
    METER_VALUES,
    SECURITY_EVENTS,
    SESSIONS,
    STATIONS,
    TOKENS,
)
from engine.store.repositories.stations import StationPatch
from tests.patience import PATIENCE
from tests.plans import EVERYBODY, found, put_tag, whole

from .conftest import NOW, at, closed, measured, opened, shown


async def actions(store: Store) -> list[str]:
    return [row["action"] for row in reversed(await store.rows(whole(AUDIT)))]


async def test_stations_from_added_to_deleted(store: Store) -> None:
    added = await store.stations.add(
        EVERYBODY, "CP1", StationPatch(security_profile=2, password_sha256=bytes(32))
    )
    assert (added.identity, added.name, added.registration_status) == ("CP1", "CP1", "accepted")
    assert added.has_password
    with pytest.raises(Conflict):
        await store.stations.add(EVERYBODY, "CP1", StationPatch())
    changed = await store.stations.update(EVERYBODY, "CP1", StationPatch(status="disabled"))
    assert (changed.status, changed.security_profile) == ("disabled", 2)
    record = await store.reader.station("CP1")
    assert record is not None
    assert not record.enabled
    await store.journal.commit([StationRemoved(id=record.id, at=NOW)])
    assert await store.reader.look_up("CP1") is None
    for gone in (
        store.stations.get(EVERYBODY, "CP1"),
        store.stations.update(EVERYBODY, "CP1", StationPatch(name="x")),
    ):
        with pytest.raises(NotFound):
            await gone
    again = await store.stations.add(EVERYBODY, "CP1", StationPatch())
    assert again.id != added.id
    assert await actions(store) == ["station.add", "station.update", "station.add"]


async def test_registering_again_sets_what_is_given(store: Store) -> None:
    await store.stations.register(
        EVERYBODY, "CP1", StationPatch(security_profile=1, password_sha256=bytes(32))
    )
    again = await store.stations.register(EVERYBODY, "CP1", StationPatch(security_profile=2))
    assert (again.security_profile, again.has_password) == (2, True)


async def test_an_unknown_charger_is_created_pending_once(store: Store) -> None:
    for _ in range(2):
        await store.stations.create_pending("CP9")
    station = await store.stations.get(EVERYBODY, "CP9")
    assert (station.registration_status, station.security_profile) == ("pending", 0)
    assert await actions(store) == ["station.add"]


async def test_secrets_stay_out_of_the_audit_trail(store: Store) -> None:
    await store.stations.add(EVERYBODY, "CP1", StationPatch(password_sha256=b"\xab" * 32))
    token = await store.api_tokens.create(EVERYBODY, "first")
    trail = str(await store.rows(whole(AUDIT)))
    assert "q6urq6" not in trail
    assert "abab" not in trail
    assert token.secret not in trail


@pytest.mark.parametrize(
    "patch",
    [
        StationPatch(settings={"heartbeat": 5}),
        StationPatch(settings={"heartbeat_interval": "often"}),
        StationPatch(security_profile=4),
        StationPatch(name="NUL\0"),
        StationPatch(password_sha256=b"short"),
    ],
)
async def test_what_breaks_a_rule_is_invalid(store: Store, patch: StationPatch) -> None:
    with pytest.raises(Invalid):
        await store.stations.add(EVERYBODY, "CP1", patch)


async def test_stations_page_by_id(store: Store) -> None:
    for number in range(5):
        await store.stations.add(EVERYBODY, f"CP{number}", StationPatch())
    first = await store.rows(whole(STATIONS, limit=3))
    rest = await store.rows(whole(STATIONS, after=[first[-1]["id"]], limit=3))
    assert [station["identity"] for station in (*first, *rest)] == [f"CP{n}" for n in range(5)]


async def test_id_tags_are_set_by_uid_in_any_case(store: Store) -> None:
    made = await put_tag(store, "AbC", issuer="Us", valid=True)
    changed = await put_tag(store, "aBC", valid=False)
    assert (changed.id, changed.uid, changed.issuer, changed.valid) == (made.id, "AbC", "Us", False)
    assert [tag["uid"] for tag in await store.rows(whole(ID_TAGS))] == ["AbC"]


async def test_sessions_are_listed(store: Store, station: StationRecord) -> None:
    other = (await store.stations.add(EVERYBODY, "CP2", StationPatch())).id
    await store.journal.commit(
        [
            opened(station.id, 1), opened(station.id, 2, id_tag="Other", started_at=at(100)), opened(other,
            3),
            closed(1), shown(3, energy_wh=123),
        ]
    )  # fmt: skip
    assert [row.id for row in await found(store, SESSIONS)] == [3, 2, 1]
    assert [row.id for row in await found(store, SESSIONS, station="CP1")] == [2, 1]
    assert [row.id for row in await found(store, SESSIONS, status="finished")] == [1]
    assert [row.id for row in await found(store, SESSIONS, after=[3], limit=1)] == [2]
    running = await store.sessions.get(EVERYBODY, 3)
    assert (running.identity, running.energy_wh, running.power_w, running.amount) == (
        "CP2",
        123,
        7_400.0,
        None,
    )
    with pytest.raises(NotFound):
        await store.sessions.get(EVERYBODY, 4)


async def test_a_closed_session_has_no_present_power(store: Store, station: StationRecord) -> None:
    await store.journal.commit([opened(station.id, 1), shown(1, energy_wh=123)])
    running = await store.sessions.get(EVERYBODY, 1)
    assert (running.power_w, running.current_a, running.voltage_v) == (7_400.0, 32.0, 231.5)
    await store.journal.commit([closed(1)])
    finished = await store.sessions.get(EVERYBODY, 1)
    assert (finished.power_w, finished.current_a, finished.voltage_v) == (None, None, None)
    assert finished.soc_percent == 41.0


async def test_a_session_keeps_the_price_it_started_with(store: Store, station: StationRecord) -> None:
    await store.operators.set_price(EVERYBODY, Price(currency="EUR", per_kwh=Decimal("0.50")))
    await store.journal.commit([opened(station.id)])
    await store.operators.set_price(
        EVERYBODY, Price(currency="CHF", per_session=Decimal(1), per_minute=Decimal("0.1"))
    )
    await store.journal.commit(
        [closed(), opened(station.id, 2), closed(2, stopped_at=NOW + timedelta(minutes=30))]
    )
    first, second = await store.sessions.get(EVERYBODY, 1), await store.sessions.get(EVERYBODY, 2)
    assert (first.currency, first.amount) == ("EUR", Decimal("5.00"))
    assert (second.currency, second.amount) == ("CHF", Decimal("4.00"))
    assert (await store.operators.home(EVERYBODY)).currency == "CHF"


async def test_meter_values_page_by_time(store: Store, station: StationRecord) -> None:
    rows = [measured(station.id, second=n, sample_key=k) for n in (30, 10, 20) for k in (1, 2)]
    await store.journal.commit([opened(station.id), *rows])
    first = await found(store, METER_VALUES, session_id=1, limit=3)
    rest = await found(store, METER_VALUES, session_id=1, after=[first[-1].timestamp, first[-1].sample_key])
    assert [(row.timestamp, row.sample_key) for row in (*first, *rest)] == [
        (at(n), k) for n in (10, 20, 30) for k in (1, 2)
    ]
    assert first[0].samples == rows[0].samples.decode()


async def test_api_tokens(store: Store) -> None:
    made = await store.api_tokens.create(EVERYBODY, "ops")
    assert made.secret.startswith("vt_")  # `--token -x…` would be taken for an option
    known = await store.api_tokens.verify(made.secret)
    assert known is not None
    assert (known.id, known.name, known.scope) == (made.id, "ops", "admin")
    assert await store.api_tokens.verify(made.secret + "x") is None
    assert (await store.rows(whole(TOKENS)))[0]["last_used_at"] is not None
    assert await store.query(
        "select count(*) from api_tokens where secret_sha256::text like $1", made.secret
    ) == [(0,)]
    await store.api_tokens.revoke(EVERYBODY, made.id)
    assert await store.api_tokens.verify(made.secret) is None
    with pytest.raises(NotFound):
        await store.api_tokens.revoke(EVERYBODY, made.id)


async def test_wanted_settings_and_reported_keys(store: Store, station: StationRecord) -> None:
    await store.configuration.request(EVERYBODY, station.id, {"A": "1", "B": "2"})
    assert await store.configuration.stations_with_work() == [station.id]
    pending = await store.configuration.pending(station.id)
    assert [(s.name, s.value) for s in pending] == [("A", "1"), ("B", "2")]
    await store.configuration.answered(pending[0], "Accepted")
    await store.configuration.request(EVERYBODY, station.id, {"B": "3"})
    await store.configuration.answered(pending[1], "Accepted")  # the answer to the old value
    assert {s.name: s.status for s in await store.configuration.requested(station.id)} == {
        "A": "Accepted",
        "B": "Pending",
    }
    await store.journal.commit(
        [ConfigurationKeyRead(charge_point_id=station.id, name="A", value="1", readonly=True, at=NOW)]
    )
    assert [(key.name, key.readonly) for key in await store.configuration.reported(station.id)] == [
        ("A", True)
    ]


async def test_certificates_by_hash_and_on_chargers(store: Store, station: StationRecord) -> None:
    digest = bytes(range(32))
    await store.certificates.put(EVERYBODY, digest, "PEM")
    await store.certificates.put(EVERYBODY, digest, "PEM")
    assert await store.certificates.get(digest) == "PEM"
    await store.certificates.delete(EVERYBODY, digest)
    with pytest.raises(NotFound):
        await store.certificates.get(digest)
    with pytest.raises(NotFound):
        await store.certificates.delete(EVERYBODY, digest)
    queued = await store.certificates.install(EVERYBODY, station.id, "CSMS", "PEM")
    await store.certificates.install(
        EVERYBODY, station.id, "MO", "PEM", status="Rejected", reason="not in 1.6"
    )
    assert [one.id for one in await store.certificates.pending(station.id)] == [queued.id]
    await store.certificates.answered(queued.id, "Accepted")
    assert [(c.type, c.status, c.reason) for c in await store.certificates.installations(station.id)] == [
        ("CSMS", "Accepted", None),
        ("MO", "Rejected", "not in 1.6"),
    ]
    await store.certificates.answered(queued.id, "Rejected", "full")
    assert await store.configuration.stations_with_work() == []


async def test_messages_and_security_events_newest_first(store: Store, station: StationRecord) -> None:
    def message(n: int, action: str) -> MessageLogged:
        return MessageLogged(
            charge_point_id=station.id, operator_id=1, at=at(n), direction="in", kind="call", action=action,
            message_id=str(n),
            payload='{"x":"\\u0000"}', correlation_id="c",
        )  # fmt: skip

    event = SecurityEventReported(
        charge_point_id=None,
        operator_id=None,
        type="InvalidMessages",
        timestamp=NOW,
        tech_info=None,
        critical=False,
        received_at=NOW,
    )
    await store.journal.commit([*(message(n, "AB"[n % 2]) for n in range(4)), event])
    newest = await store.rows(whole(MESSAGES, station="CP1", limit=2))
    older = await store.rows(whole(MESSAGES, station="CP1", after=[newest[-1]["at"], newest[-1]["id"]]))
    assert [one["message_id"] for one in (*newest, *older)] == ["3", "2", "1", "0"]
    only = await store.rows(whole(MESSAGES, station="CP1", action="B"))
    assert [one["message_id"] for one in only] == ["3", "1"]
    assert [one["type"] for one in await store.rows(whole(SECURITY_EVENTS))] == ["InvalidMessages"]
    assert await store.rows(whole(SECURITY_EVENTS, charge_point_id=station.id)) == []


@pytest.mark.parametrize("name", ["AuthorizationKey", "SecurityCtrlr/BasicAuthPassword"])
async def test_a_password_on_its_way_lets_in_until_it_is_refused(
    store: Store, station: StationRecord, name: str
) -> None:
    async def lets_in(password: bytes) -> bool:
        record = await store.reader.station("CP1")
        assert record is not None
        return password_matches(record, password)

    async def until(expected: bool) -> None:
        with trio.fail_after(PATIENCE):  # the word that something changed comes from the database
            while await lets_in(b"the new password") is not expected:
                await trio.lowlevel.checkpoint()

    await store.stations.update(
        EVERYBODY, "CP1", StationPatch(password_sha256=hashlib.sha256(b"the old password").digest())
    )
    await until(False)
    await store.configuration.request(EVERYBODY, station.id, {name: "the new password", "X": "1"})
    await until(True)
    assert await lets_in(b"the old password")
    assert not await lets_in(b"1")
    (row,) = [one for one in await store.configuration.pending(station.id) if one.name == name]
    await store.configuration.answered(row, "Rejected", secret=True)
    await until(False)
    assert await lets_in(b"the old password")
