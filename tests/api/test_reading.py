"""What callers send: a refusal names the member at fault and what would do."""

from typing import Annotated, Any, Literal

import httpx
import msgspec
import pytest
from msgspec import Meta

from api.kernel import reading
from api.kernel.views import Camel
from api.manage.schema import ChargeStationSettings
from engine.errors import Invalid


class Part(Camel, frozen=True, kw_only=True):
    kind: Literal["AC", "DC"]


class Order(Camel, frozen=True, kw_only=True):
    max_power: int = 0
    label: str | None = None
    parts: tuple[Part, ...] = ()


def refused(kind: Any, data: bytes) -> Any:
    with pytest.raises(Invalid) as error:
        reading.body(msgspec.json.Decoder(kind), data)
    return error.value.fields


def test_an_unknown_member_is_refused_with_those_there_are() -> None:
    assert refused(Order, b'{"maxPowr": 1}') == {
        "maxPowr": ["is not known here (did you mean maxPower?); there are: maxPower, label, parts"]
    }
    assert refused(Order, b'{"parts": [{"kind": "AC", "zzz": 1}]}') == {
        "parts[0].zzz": ["is not known here; there are: kind"]
    }


def test_a_wrong_word_is_refused_with_those_allowed() -> None:
    said = refused(Order, b'{"parts": [{"kind": "AC"}, {"kind": "XX"}]}')
    assert said == {"parts[1].kind": ["is none of the allowed words; allowed: AC, DC"]}


def test_a_setting_at_fault_is_named() -> None:
    long = "x" * 2_501
    said = refused(ChargeStationSettings, b'{"Good": "1", "Bad": 5, "Long": "%s"}' % long.encode())
    assert said == {
        "Bad": ["must be text, not a whole number"],
        "Long": ["must have at most 2500 characters"],
    }
    assert list(refused(ChargeStationSettings, b'{"%s": "1"}' % long.encode())) == ["x" * 48]
    assert list(refused(ChargeStationSettings, b"[]")) == ["body"]


def test_nul_is_refused_in_our_own_words() -> None:
    assert refused(Order, rb'{"label": "a\u0000b"}') == {"label": [reading.NUL]}
    settings = Annotated[dict[str, str], Meta(min_length=1)]
    assert refused(settings, rb'{"a\u0000": "b", "c": "\u0000"}') == {
        "a\\0": [reading.NUL],
        "c": [reading.NUL],
    }
    whole = reading.body(msgspec.json.Decoder(Order), rb'{"label": "\\u0000"}')
    assert whole == Order(label="\\u0000")


@pytest.mark.parametrize(
    ("path", "member", "said"),
    [
        ("/sessions?status=bogus", "status", "allowed: pending, active, finished, expired, failed"),
        ("/sessions?bogus=1", "bogus", "there are: limit, cursor, page, station"),
        ("/sessions?before=1", "before", "is not known here"),
        ("/sessions?station=a%00b", "station", "U+0000"),
        ("/stations/CP1?verbose=1", "verbose", "there are: operatorId"),
        ("/stations/CP1/reservations?status=open", "status", "allowed: active"),
    ],
)
async def test_a_wrong_filter_is_refused(admin: httpx.AsyncClient, path: str, member: str, said: str) -> None:
    await admin.post("/stations", json={"identity": "CP1"})
    answer = await admin.get(path)
    assert answer.status_code == 422
    assert said in answer.json()["errors"][member][0]


async def test_a_member_that_would_change_nothing_is_refused(admin: httpx.AsyncClient) -> None:
    await admin.post("/stations", json={"identity": "CP1"})
    answer = await admin.patch("/stations/CP1", json={"name": "new", "bogus": 1})
    assert (answer.status_code, "bogus" in answer.json()["errors"]) == (422, True)
    assert (await admin.get("/stations/CP1")).json()["name"] == "CP1"


@pytest.mark.parametrize(
    "amount", ["NaN", "Infinity", "-Infinity", -1, "1e400", 1e300, "0.000001", 1_000_000]
)
async def test_what_is_no_price_is_refused(admin: httpx.AsyncClient, amount: object) -> None:
    answer = await admin.put("/operator/price", json={"currency": "EUR", "perKwh": amount})
    assert answer.status_code == 422
    assert "perKwh" in answer.json()["errors"]


async def test_tags_with_a_slash_have_addresses(admin: httpx.AsyncClient, manage: httpx.AsyncClient) -> None:
    assert (await admin.post("/id-tags", json={"uid": "/a/b"})).status_code == 201
    assert (await admin.get("/id-tags/%2Fa%2Fb")).json()["uid"] == "/a/b"
    assert (await admin.patch("/id-tags/%2Fa%2Fb", json={"label": "x"})).json()["label"] == "x"
    assert (await manage.get("/token/%2Fa%2Fb")).json()["uid"] == "/a/b"
    assert (await admin.delete("/id-tags/%2Fa%2Fb")).status_code == 204


async def test_nothing_has_no_content_type(admin: httpx.AsyncClient, manage: httpx.AsyncClient) -> None:
    created = await manage.post("/cs/CP1", json={"securityProfile": 0})
    gone = await admin.delete("/stations/CP1")
    assert [created.status_code, gone.status_code] == [201, 204]
    assert "content-type" not in created.headers
    assert "content-type" not in gone.headers


async def test_the_management_api_says_things_once(manage: httpx.AsyncClient) -> None:
    wrong = {"securityProfile": 0, "base64SHA256Password": "short"}
    said = (await manage.post("/cs/CP1", json=wrong)).json()["error"]
    assert said.count("base64SHA256Password") == 1
    said = (await manage.post("/certificate", json={"certificate": "x"})).json()["error"]
    assert said == "The given data was invalid. certificate: must be a PEM certificate"


async def test_an_identity_with_a_slash_is_refused_in_so_many_words(manage: httpx.AsyncClient) -> None:
    answer = await manage.post("/cs/a%2Fb", json={"securityProfile": 0})
    assert answer.status_code == 404
    assert "identity has no slash" in answer.json()["error"]
