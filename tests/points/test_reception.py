"""Log-ins that come all at once, and what the time of a refusal would tell."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import trio

from engine.domain.access import StationRecord
from engine.domain.changes import SecurityEventReported
from engine.metrics import Metrics
from engine.points import Registry, authentication, reception
from engine.points.handshake import Upgrade
from engine.points.reception import Admitted, Reception, Turned, Visitor
from engine.settings import Settings

PASSWORD = "0123456789abcdef"
AT_ONCE = 1_500
LogIn = tuple[str, str, str]  # identity, password, address


class Desk:
    """A reception over the store in memory, and the work that it has done."""

    def __init__(self, store: Any, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        registry = Registry(Settings(**settings), store, Metrics())
        self.reception = Reception(registry.shared)
        self.store = store
        self.cache: dict[str, StationRecord] = {}
        self.work: Counter[str] = Counter()
        self.gate = trio.Event()
        self.gate.set()
        hashed, look_up = authentication.password_matches, store.reader.look_up

        def matches(record: StationRecord, password: bytes) -> bool:
            self.work["hashes"] += 1
            return hashed(record, password)

        async def looked_up(identity: str) -> StationRecord | None:
            self.work["look-ups"] += 1
            await self.gate.wait()
            found: StationRecord | None = await look_up(identity)
            return found

        monkeypatch.setattr(authentication, "password_matches", matches)
        monkeypatch.setattr(store.reader, "look_up", looked_up)
        monkeypatch.setattr(store.reader, "remembered", self.cache.get)

    def remember(self) -> None:
        """As after each charge point's first log-in."""
        self.cache |= self.store.reader.records

    async def log_in(
        self, identity: str, password: str | None = None, address: str = "192.0.2.1", **visitor: Any
    ) -> Admitted | Turned:
        request = upgrade(identity, None if password is None else f"{identity}:{password}")
        return await self.reception.admit(request, Visitor(address=address, **visitor))

    @property
    def judged(self) -> int:
        """Log-ins whose password was looked at; each is compared in four spellings."""
        return self.work["hashes"] // 4

    async def all_at_once(self, log_ins: list[LogIn], last: LogIn | None = None) -> Counter[str]:
        """Outcomes of log-ins that all wait for the database together; `last` comes behind the others."""
        self.gate = trio.Event()
        outcomes: Counter[str] = Counter()

        async def one(identity: str, password: str, address: str) -> None:
            answer = await self.log_in(identity, password, address)
            outcomes[answer.outcome if isinstance(answer, Turned) else "accepted"] += 1

        async with trio.open_nursery() as nursery:
            for each in log_ins:
                nursery.start_soon(one, *each)
            await trio.testing.wait_all_tasks_blocked()
            if last is not None:
                nursery.start_soon(one, *last)
                await trio.testing.wait_all_tasks_blocked()
            self.gate.set()
        return outcomes


def upgrade(identity: str, user: str | None = None, *headers: tuple[bytes, bytes]) -> Upgrade:
    return Upgrade(
        path=f"/ocpp/{identity}",
        query="",
        headers=headers,
        subprotocols=("ocpp1.6",),
        authorization=None if user is None else b"Basic " + base64.b64encode(user.encode()),
        key=b"",
        extensions=(),
        leftover=b"",
    )


@pytest.fixture
def desk(store: Any, monkeypatch: pytest.MonkeyPatch, autojump_clock: Any) -> Callable[..., Desk]:
    for number in range(AT_ONCE):
        store.add(f"SAFE{number}", profile=1, password_sha256=hashlib.sha256(PASSWORD.encode()).digest())
    return lambda **settings: Desk(store, monkeypatch, **settings)


@pytest.mark.parametrize("remembered", [False, True])
async def test_of_many_passwords_at_once_no_more_are_judged_than_may_fail(
    desk: Callable[..., Desk], remembered: bool
) -> None:
    here = desk(auth_failures=10)
    if remembered:
        here.remember()
    guesses = [("SAFE1", f"wrong{number}", "192.0.2.1") for number in range(AT_ONCE - 1)]
    outcomes = await here.all_at_once(guesses, last=("SAFE1", PASSWORD, "192.0.2.1"))
    assert outcomes["accepted"] == 0
    assert outcomes["unauthorized"] + outcomes["rate_limited"] == AT_ONCE
    assert 1 <= here.judged <= 10


@pytest.mark.parametrize("remembered", [False, True])
async def test_of_many_identities_at_once_no_more_are_judged_than_an_address_may_fail(
    desk: Callable[..., Desk], remembered: bool
) -> None:
    here = desk(auth_failures=10)
    if remembered:
        here.remember()
    guesses = [(f"SAFE{number}", "wrong", "192.0.2.1") for number in range(AT_ONCE - 1)]
    outcomes = await here.all_at_once(guesses)
    assert outcomes == {"unauthorized": 100, "rate_limited": AT_ONCE - 1 - 100}
    assert here.judged == 100
    assert isinstance(await here.log_in(f"SAFE{AT_ONCE - 1}", PASSWORD), Turned)
    assert here.judged == 100


async def test_addresses_of_one_owner_are_one(desk: Callable[..., Desk]) -> None:
    here = desk(auth_failures=10)
    guesses = [(f"SAFE{number}", "wrong", f"2001:db8::{number:x}") for number in range(AT_ONCE)]
    assert (await here.all_at_once(guesses))["unauthorized"] == 100


async def test_a_storm_from_one_address_with_the_right_passwords_is_let_in(desk: Callable[..., Desk]) -> None:
    here = desk(auth_failures=10)
    log_ins = [(f"SAFE{number}", PASSWORD, "192.0.2.1") for number in range(AT_ONCE)]
    assert await here.all_at_once(log_ins) == {"accepted": AT_ONCE}


async def test_one_log_in_of_an_identity_from_an_address_at_a_time(desk: Callable[..., Desk]) -> None:
    here = desk()
    log_ins = [("SAFE1", PASSWORD, "192.0.2.1")] * 3 + [("SAFE1", PASSWORD, "192.0.2.2")]
    assert await here.all_at_once(log_ins) == {"accepted": 2, "rate_limited": 2}
    assert here.work["look-ups"] == 2
    assert isinstance(await here.log_in("SAFE1", PASSWORD), Admitted)


@pytest.mark.parametrize(
    ("identity", "stored"),
    [
        ("NOBODY", None),
        ("KNOWN", {"profile": 1}),
        ("SPELLED", {"profile": 1, "invalid_username_allowed": True}),
        ("NONE", {"profile": 1, "password_sha256": None}),
        ("MOVING", {"profile": 1, "next_security_profile": 2}),
        ("BOUND", {"profile": 3}),
        ("CLOSING", {"profile": 2, "next_security_profile": 3}),
        ("OFF", {"profile": 1, "enabled": False}),
        ("CHANGING", {"profile": 1, "next_password_sha256": bytes(32)}),
    ],
)
@pytest.mark.parametrize("password", [None, "wrong", "a" * 32])
@pytest.mark.parametrize("remembered", [False, True])
async def test_a_401_takes_the_same_work_whoever_it_is(
    desk: Callable[..., Desk],
    identity: str,
    stored: dict[str, Any] | None,
    password: str | None,
    remembered: bool,
) -> None:
    here = desk()
    if stored is not None:
        here.store.add(identity, **({"password_sha256": hashlib.sha256(b"right").digest()} | stored))
    if remembered:
        here.remember()
    answer = await here.log_in(identity, password, secure=True)
    assert isinstance(answer, Turned)
    assert answer.rejection.status == 401
    assert here.work == {"look-ups": 1, "hashes": 4}
    assert len(here.store.journal.of(SecurityEventReported)) == 1


async def test_who_is_remembered_and_right_waits_for_no_database(desk: Callable[..., Desk]) -> None:
    here = desk()
    here.remember()
    assert isinstance(await here.log_in("SAFE1", PASSWORD), Admitted)
    assert here.work["look-ups"] == 0


async def test_unknown_charge_points_are_made_no_faster_than_a_bound(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "NEWCOMERS_AT_ONCE", 5)
    here = desk(accept_unknown=True)
    outcomes = await here.all_at_once([(f"NEW{number}", "", "192.0.2.1") for number in range(20)])
    assert outcomes == {"accepted": 5, "overloaded": 15}


@pytest.mark.parametrize(
    ("allowed", "origin", "is_let_in"),
    [
        ((), None, True),
        ((), b"http://evil.example", False),
        ((), b"null", False),
        ((), b"", False),
        (("https://lab.example",), b"https://LAB.example", True),
        (("https://lab.example",), b"https://lab.example.evil", False),
    ],
)
async def test_a_web_page_is_no_charge_point(
    desk: Callable[..., Desk], allowed: tuple[str, ...], origin: bytes | None, is_let_in: bool
) -> None:
    here = desk(allowed_origins=allowed)
    headers = () if origin is None else ((b"origin", origin),)
    answer = await here.reception.admit(upgrade("CP1", None, *headers), Visitor(address="127.0.0.1"))
    assert isinstance(answer, Admitted) is is_let_in
    if isinstance(answer, Turned):
        assert (answer.outcome, answer.rejection.status) == ("foreign_origin", 403)
        assert here.work["look-ups"] == 0
