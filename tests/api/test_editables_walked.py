"""What holds of every declared row: it is made, read back, changed member by member, deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from msgspec import inspect

from api.admin import MODULES, id_tags, operators, stations
from api.kernel.editable import Editable
from api.kernel.types import bare, words

# Values where a pattern or a rule wants more than the type says.
SAMPLES = {
    "identity": "CP7",
    "certificateSerial": "0A:1B",
    "timezone": "Europe/Berlin",
    "locale": "de-AT",
    "currency": "CHF",
    "settings": {"heartbeat_interval": 60},
    "password": "sixteen letters!",
}
HIDDEN = {"password"}  # given and never shown
EDITED: Mapping[str, tuple[Editable[Any], str]] = {  # by address, with the member that stands in addresses
    "/stations": (stations.edited, "identity"),
    "/id-tags": (id_tags.edited, "uid"),
    "/operators": (operators.edited, "id"),
}


def members(kind: Any) -> Iterator[inspect.Field]:
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    yield from described.fields


def sample(field: inspect.Field) -> Any:
    """A value that the member takes."""
    if field.encode_name in SAMPLES:
        return SAMPLES[field.encode_name]
    kind = bare(field.type)
    if allowed := words(kind):
        return allowed[-1]
    if isinstance(kind, inspect.BoolType):
        return True
    if isinstance(kind, inspect.IntType):
        return 2
    if isinstance(kind, inspect.DateTimeType):
        return "2030-12-31T23:59:59Z"
    assert isinstance(kind, inspect.StrType), field
    return "Sample"


def may_be_null(field: inspect.Field) -> bool:
    kinds = field.type.types if isinstance(field.type, inspect.UnionType) else ()
    return any(isinstance(one, inspect.NoneType) for one in kinds)


def test_all_are_walked() -> None:
    declared = (one for module in MODULES for one in vars(module).values() if isinstance(one, Editable))
    assert {id(one) for one in declared} == {id(edited) for edited, _ in EDITED.values()}


@pytest.mark.parametrize("path", EDITED)
async def test_the_smallest_and_the_fullest_row(admin: httpx.AsyncClient, path: str) -> None:
    edited, key = EDITED[path]
    least = {field.encode_name: sample(field) for field in members(edited.new) if field.required}
    full = {field.encode_name: sample(field) for field in members(edited.new)}
    assert set(least) < set(full)
    for body in (least, full):
        made = await admin.post(path, json=body)
        assert made.status_code == 201, made.text
        this = f"{path}/{made.json()[key]}"
        read = (await admin.get(this)).json()
        told = {name: value for name, value in body.items() if name not in HIDDEN}
        assert {name: read[name] for name in told} == told
        for name in body:
            if name in least:
                missing = {other: value for other, value in body.items() if other != name}
                assert list((await admin.post(path, json=missing)).json()["errors"]) == [name]
        if path != "/operators":  # which stay
            assert (await admin.delete(this)).status_code == 204
            assert (await admin.get(this)).status_code == 404
            assert (await admin.patch(this, json={})).status_code == 404


@pytest.mark.parametrize("path", EDITED)
async def test_each_member_is_changed_alone(admin: httpx.AsyncClient, path: str) -> None:
    edited, key = EDITED[path]
    least = {field.encode_name: sample(field) for field in members(edited.new) if field.required}
    before = (await admin.post(path, json=least)).json()
    this = f"{path}/{before[key]}"
    before = (await admin.get(this)).json()
    for field in members(edited.changes):
        name = field.encode_name
        for value in (sample(field), *([None] if may_be_null(field) else [])):
            changed = await admin.patch(this, json={name: value})
            assert changed.status_code == 200, changed.text
            now = changed.json()
            assert now == (await admin.get(this)).json()
            others = {other for other in now if now[other] != before[other]}
            assert name in HIDDEN or now[name] == value
            assert others <= {name, "lastUpdatedAt", "hasPassword", "acceptWhenConfigured"}, name
            before = now
        if not may_be_null(field):
            assert (await admin.patch(this, json={name: None})).status_code == 422
    assert (await admin.patch(this, json={})).json() == before
    assert (await admin.patch(this, json={"id": 7})).status_code == 422
