"""How many tokens an address may try, and who is not kept out by others' failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, cast

import httpx
import pytest
import trio
from msgspec.structs import replace

from api.admin import admin_site, paced
from api.http.turns import Turns
from api.kernel.auth import Client
from api.manage import manage_site
from engine.domain.caller import Caller, CallerKind
from engine.errors import DatabaseAway
from engine.node import Node
from tests.plans import EVERYBODY

AT_ONCE = 1_500
LIMIT = 10  # auth_failures of 1, ten times for an address
PATH = "/admin-api/v1/tokens"
Try = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def strict(node: Node) -> Node:
    """A node that allows few failures, and believes a proxy."""
    settings = replace(node.settings, auth_failures=1, trusted_proxies=("127.0.0.1",), manage_token="right")
    return replace(node, settings=settings)


@pytest.fixture
def verified(strict: Node, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every token that the store was asked for."""
    asked: list[str] = []
    verify = strict.store.api_tokens.verify

    async def counting(secret: str) -> Any:
        asked.append(secret)
        return await verify(secret)

    monkeypatch.setattr(strict.store.api_tokens, "verify", counting)
    return asked


@pytest.fixture
def attempt(strict: Node, ask: Any) -> Try:
    client = ask(admin_site(strict))

    async def attempt(token: str, address: str = "192.0.2.1") -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": address}
        answer: httpx.Response = await client.get(f"http://127.0.0.1{PATH}", headers=headers)
        return answer

    return attempt


async def test_however_many_tokens_come_at_once_few_are_looked_at(attempt: Try, verified: list[str]) -> None:
    statuses: Counter[int] = Counter()

    async def one(token: str) -> None:
        statuses[(await attempt(token)).status_code] += 1

    async with trio.open_nursery() as nursery:
        for number in range(AT_ONCE):
            nursery.start_soon(one, f"vt_{number}")
    assert statuses == {401: LIMIT, 429: AT_ONCE - LIMIT}
    assert len(verified) == LIMIT


async def test_who_failed_too_often_comes_back_later_even_with_the_right_token(
    attempt: Try, strict: Node, verified: list[str]
) -> None:
    right = (await strict.store.api_tokens.create(EVERYBODY, "right")).secret
    for _ in range(LIMIT):
        assert (await attempt("wrong")).status_code == 401
    answer = await attempt(right)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert right not in verified
    assert (await attempt(right, "192.0.2.2")).status_code == 200


async def test_a_token_that_was_right_is_not_kept_out_by_its_neighbours(attempt: Try, strict: Node) -> None:
    right = (await strict.store.api_tokens.create(EVERYBODY, "right")).secret
    assert (await attempt(right)).status_code == 200
    for _ in range(LIMIT):
        assert (await attempt("wrong")).status_code == 401
    assert (await attempt("wrong")).status_code == 429
    assert (await attempt(right)).status_code == 200


async def test_right_tokens_count_as_no_failures(attempt: Try, strict: Node) -> None:
    for number in range(3 * LIMIT):
        secret = (await strict.store.api_tokens.create(EVERYBODY, f"t{number}")).secret
        assert (await attempt(secret)).status_code == 200


async def test_a_revoked_token_is_a_wrong_one(attempt: Try, strict: Node) -> None:
    made = await strict.store.api_tokens.create(EVERYBODY, "right")
    assert (await attempt(made.secret)).status_code == 200
    await strict.store.api_tokens.revoke(EVERYBODY, made.id)
    assert (await attempt(made.secret)).status_code == 401
    for _ in range(LIMIT):
        await attempt(made.secret)
    assert (await attempt(made.secret)).status_code == 429


async def test_without_a_database_nothing_is_counted(
    attempt: Try, strict: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(secret: str) -> Any:
        await trio.lowlevel.checkpoint()
        raise DatabaseAway("away")

    with monkeypatch.context() as gone:
        gone.setattr(strict.store.api_tokens, "verify", away)
        for _ in range(2 * LIMIT):
            assert (await attempt("any")).status_code == 503
    assert (await attempt("any")).status_code == 401


async def test_the_management_token_cannot_be_guessed_at_any_rate(strict: Node, ask: Any) -> None:
    client = ask(manage_site(strict))

    async def attempt(token: str, address: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": address}
        answer = await client.get("http://127.0.0.1/api/v0/token", headers=headers)
        return int(answer.status_code)

    assert [await attempt("right", "192.0.2.1") for _ in range(2 * LIMIT)] == [200] * 2 * LIMIT
    assert [await attempt("wrong", "192.0.2.1") for _ in range(LIMIT + 1)] == [401] * LIMIT + [429]
    assert await attempt("right", "192.0.2.1") == 429
    assert await attempt("right", "192.0.2.2") == 200
    assert strict.metrics.token_failures == {("management", "wrong"): LIMIT, ("management", "limited"): 2}


async def test_a_guard_can_have_its_callers_take_turns(autojump_clock: trio.testing.MockClock) -> None:
    async def guard(node: Node, client: Client) -> Caller:
        return Caller(client.peer, CallerKind.ANYBODY)

    guarded, nobody = paced(guard, Turns(10.0)), cast("Node", None)
    began = trio.current_time()
    for _ in range(30):
        assert await guarded(nobody, Client("192.0.2.1", ())) == Caller("192.0.2.1", CallerKind.ANYBODY)
    assert trio.current_time() - began == pytest.approx(2.0)
    await guarded(nobody, Client("192.0.2.2", ()))
    assert trio.current_time() - began == pytest.approx(2.0)
