"""Every operation of both APIs meets what no caller should send: it is refused in words, never with a 500."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, get_type_hints
from urllib.parse import quote

import httpx
import pytest
from structlog.testing import capture_logs

from api.admin import MODULES as ADMIN
from api.kernel import reading
from api.kernel.operations import Route
from api.manage import MODULES as MANAGE
from engine.errors import StoreError
from engine.node import Node

VARIABLE = re.compile(r"<(?:[^:>]*:)?(\w+)>")
DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
NO_JSON = {
    "deep": DEEP,
    "deep list": b"[" * 200_000,
    "deep beside": b'{"zz":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "no UTF-8": b'{"identity":"\xff"}',
    "no UTF-8 in a name": b'{"\xff":1}',
    "half a character": b'{"uid":"\xc3"}',
    "overlong": b'{"uid":"\xc0\x80"}',
    "surrogate": b'{"uid":"\\ud800"}',
    "UTF-16": '{"uid":"a"}'.encode("utf-16"),
    "two documents": b"{}{}",
    "cut": b'{"uid":',
    "NUL": b"\0",
}
ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 1.5, 1e300, 2**31, 2**64, "", "a\0b", "\U0010ffff", "x" * 100_000, [[]], {"a\0": "b"},
    "0001-01-01T00:00:00Z",
)  # fmt: skip
# Words by which a database or its driver would be recognised.
FOREIGN = re.compile(
    r"sqlstate|asyncpg|postgres|relation|column|constraint|violates|query argument|syntax error|int[48]\b"
    r"|traceback|exception|selector",
    re.IGNORECASE,
)


def routes(modules: Any) -> list[Route]:
    return [route for module in modules for route in module.ROUTES]


def address(route: Route, values: dict[str, str]) -> str:
    return VARIABLE.sub(lambda found: values.get(found[1], "1"), route.rule)


def bodies_of(route: Route) -> Iterator[dict[str, Any]]:
    """Each member that a body may have with each odd value, all alone and with the others' names."""
    kind = get_type_hints(route.handler)["body"]
    names = getattr(kind, "__struct_encode_fields__", ("message",))
    for value in ODD_VALUES:
        yield dict.fromkeys(names, value)
        for name in names:
            yield {name: value}


def is_in_order(answer: httpx.Response) -> bool:
    """Whether it is an answer that says nothing of what is behind."""
    return answer.status_code < 500 or answer.status_code == httpx.codes.NOT_IMPLEMENTED


@pytest.fixture
async def both(
    manage: httpx.AsyncClient, admin: httpx.AsyncClient
) -> list[tuple[httpx.AsyncClient, list[Route]]]:
    await manage.post("/cs/CP1", json={"securityProfile": 0})
    return [(manage, routes(MANAGE)), (admin, routes(ADMIN))]


@pytest.fixture
def refused() -> Iterator[list[Any]]:
    """What the database itself had to refuse: each is a check that is missing before it."""
    with capture_logs() as lines:
        yield lines
    assert [line for line in lines if line["event"] == "the database refused a value"] == []


VALUES = {"identity": "CP1", "cs_id": "CP1"}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
async def test_what_is_no_json_is_refused_in_the_api_s_own_form(both: Any, body: bytes) -> None:
    for client, there in both:
        for route in there:
            if "body" not in get_type_hints(route.handler):
                continue
            answer = await client.request(route.method, address(route, VALUES), content=body)
            assert answer.status_code in {400, 422}, (route.rule, answer.text[:200])
            assert set(answer.json()) - {"errors"} in ({"message"}, {"status", "error"})
            assert not FOREIGN.search(answer.text), answer.text


@pytest.mark.usefixtures("refused")
async def test_odd_values_are_refused_without_a_word_of_the_database(both: Any) -> None:
    for client, there in both:
        for route in there:
            if "body" not in get_type_hints(route.handler):
                continue
            for body in bodies_of(route):
                answer = await client.request(
                    route.method, address(route, VALUES), content=json.dumps(body).encode()
                )
                assert is_in_order(answer), (route.rule, body, answer.text[:300])
                if answer.is_error:
                    assert not FOREIGN.search(answer.text), (route.rule, answer.text[:300])


ODD_WORDS = ("a\0b", "x" * 3_000, "..", "%", "\U0010ffff", "'; --", "1e400", str(2**64), "-1")


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize("word", ODD_WORDS, ids=lambda word: ascii(word)[:12])
async def test_odd_addresses_and_queries(both: Any, word: str) -> None:
    values = {name: quote(word, safe="") for name in ("identity", "cs_id", "token_uid", "uid", "number")}
    for client, there in both:
        for route in there:
            hints = get_type_hints(route.handler)
            query = dict.fromkeys(getattr(hints.get("query"), "__struct_encode_fields__", ()), word)
            content = b"{}" if "body" in hints else None
            for path in (address(route, values), VARIABLE.sub(quote(word, safe=""), route.rule)):
                for asked in ({}, query):
                    answer = await client.request(route.method, path, params=asked, content=content)
                    assert is_in_order(answer), (route.rule, asked, answer.text[:300])
                    if answer.is_error:
                        assert not FOREIGN.search(answer.text), (route.rule, answer.text[:300])


async def test_what_the_database_says_is_for_the_log(
    both: Any, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StoreError('database: permission denied for table "id_tags" of user voltrio@10.0.0.7')

    monkeypatch.setattr(node.store, "rows", away)
    for (client, _), path in zip(both, ("/token/A", "/id-tags/A"), strict=True):
        answer = await client.get(path)
        assert answer.status_code == 503
        assert "id_tags" not in answer.text
        assert "10.0.0.7" not in answer.text


@pytest.mark.parametrize(
    ("document", "deep"),
    [
        (b"[" * 64 + b"]" * 64, False),
        (b"[" * 65 + b"]" * 65, True),
        (b"[]," * 1_000, False),
        (b'"' + b"[" * 1_000 + b'"', False),
        (rb'["\"' + b"[" * 1_000 + b'"]', False),
        (b'{"a":' * 65, True),
        (b'"' + b'\\"' * 400_000, False),  # in time that grows with its size, not with the square of it
        (b"[" * 100 + b'"' + b'\\"' * 400_000, True),
    ],
)
def test_depth(document: bytes, deep: bool) -> None:
    assert reading.is_too_deep(document) is deep


async def test_a_refusal_names_a_bounded_number_of_members(manage: httpx.AsyncClient) -> None:
    await manage.post("/cs/CP1", json={"securityProfile": 0})
    body = {f"name{number}": number for number in range(50_000)}
    answer = await manage.post("/cs/CP1/reconfigure", json=body)
    assert answer.status_code == 400
    assert len(answer.content) < 20_000
