"""Edits: a row is written in its caller's scope, with its entry in the audit trail, or nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain.caller import Caller, CallerKind
from engine.errors import Conflict, Invalid, NotFound
from engine.store import Store
from engine.store.edit import Edit
from engine.store.editing import Editing, Kind
from engine.store.editings import API_TOKENS, ID_TAGS
from engine.store.filters import Condition, Operator
from engine.store.readings import AUDIT
from engine.store.readings import ID_TAGS as READ
from engine.store.repositories.stations import StationPatch
from engine.store.tables.inventory import evses
from tests.plans import EVERYBODY, found

SHOWN = ("id", "operator_id", "uid", "label")


@pytest.fixture
async def store(store: Store) -> Store:
    """With three operators; the first is the default one."""
    await store.query("insert into operators (name) values ('second'), ('third')")
    return store


def by(*operators: int) -> Caller:
    return Caller(f"by {operators}", CallerKind.API_TOKEN, frozenset(operators))


async def edit(store: Store, caller: Caller, kind: str, *where: Condition, **more: Any) -> Any:
    made = Edit(caller=caller, editing=ID_TAGS, kind=Kind(kind), where=where, returning=SHOWN, **more)
    row = await store.write(made)
    return tuple(row.values())


async def add(store: Store, caller: Caller, uid: str, **values: Any) -> Any:
    return await edit(store, caller, "add", new={"uid": uid}, values=values)


def this(number: int) -> Condition:
    return Condition(field="id", operator=Operator.EQUAL, value=number)


async def trail(store: Store) -> list[tuple[str, str, str, Any]]:
    rows = await found(store, AUDIT)
    return [(row.actor, row.action, row.subject, row.details) for row in reversed(rows)]


@pytest.mark.parametrize(
    ("caller", "owner"), [(EVERYBODY, 1), (by(1), 1), (by(3), 3), (by(1, 2), 1), (by(3, 2, 1), 1)]
)
async def test_a_new_row_is_its_caller_s_operator_s(store: Store, caller: Caller, owner: int) -> None:
    assert await add(store, caller, "A", label="x") == (1, owner, "A", "x")
    assert await trail(store) == [(caller.actor, "id_tag.add", "id_tag:A", {"label": "x"})]


@pytest.mark.parametrize("caller", [by(), by(2, 3), by(9)])
@pytest.mark.parametrize("kind", ["add", "set"])
async def test_a_row_that_would_belong_to_nobody_is_refused(store: Store, caller: Caller, kind: str) -> None:
    with pytest.raises(Invalid) as refused:
        await edit(store, caller, kind, new={"uid": "A"})
    assert refused.value.fields == {"operator_id": ["say which of your operators it belongs to"]}
    assert await trail(store) == []


async def test_what_is_taken_is_named(store: Store) -> None:
    await add(store, by(2), "A")
    await add(store, by(3), "A")
    with pytest.raises(Conflict) as refused:
        await add(store, by(2), "a")
    assert refused.value.fields == {"uid": ["is taken"]}
    assert len(await trail(store)) == 2


async def test_what_is_set_is_made_or_changed(store: Store) -> None:
    first = await edit(store, EVERYBODY, "set", new={"uid": "A"}, values={"label": "x"})
    again = await edit(store, EVERYBODY, "set", new={"uid": "a"}, values={"label": None})
    other = await edit(store, by(2), "set", new={"uid": "a"}, values={})
    assert (first, again, other[1:]) == ((1, 1, "A", "x"), (1, 1, "A", None), (2, "a", None))
    (row, _) = await found(store, READ)
    assert row.last_updated_at > row.created_at


@pytest.mark.parametrize("kind", ["update", "delete"])
async def test_only_rows_of_the_caller_s_operators_are_found(store: Store, kind: str) -> None:
    number = (await add(store, by(2), "A", label="x"))[0]
    values = {"label": "y"} if kind == "update" else {}
    for caller in (by(), by(1), by(1, 3)):
        with pytest.raises(NotFound):
            await edit(store, caller, kind, this(number), values=values)
    assert [row.label for row in await found(store, READ)] == ["x"]
    assert len(await trail(store)) == 1
    for caller in (by(2), by(1, 2), EVERYBODY)[: 3 if kind == "update" else 1]:
        assert (await edit(store, caller, kind, this(number), values=values))[:3] == (number, 2, "A")
    assert [row.label for row in await found(store, READ)] == (["y"] if kind == "update" else [])
    assert (await trail(store))[-1][1:] == (f"id_tag.{kind}", "id_tag:A", values)


async def test_a_change_is_an_event_of_the_same_transaction(store: Store) -> None:
    number = (await add(store, by(2), "A"))[0]
    await edit(store, by(2), "update", this(number), values={"label": "y"})
    rows = await store.query("select type, operator_id from events where subject = 'id_tag:1' order by id")
    assert rows == [("id_tag.created", 2), ("id_tag.updated", 2)]


async def test_rows_of_the_node_are_nobody_else_s(store: Store) -> None:
    def new(caller: Caller) -> Edit:
        values = {"name": "n", "scope": "admin", "secret_sha256": bytes(32)}
        return Edit(caller=caller, editing=API_TOKENS, kind=Kind.ADD, values=values)

    with pytest.raises(Invalid):
        await store.write(new(by(1)))
    number = (await store.write(new(EVERYBODY)))["id"]
    added = {"name": "n", "scope": "admin", "secret_sha256": "***"}
    assert (await trail(store))[-1][2:] == (f"api_token:{number}", added)
    gone = Edit(caller=EVERYBODY, editing=API_TOKENS, kind=Kind.DELETE, where=[this(number)])
    with pytest.raises(NotFound):
        await store.write(Edit(caller=by(1), editing=API_TOKENS, kind=Kind.DELETE, where=[this(number)]))
    await store.write(gone)
    with pytest.raises(NotFound):  # it is revoked
        await store.write(gone)
    assert await store.query("select revoked_at is not null from api_tokens") == [(True,)]


async def test_a_part_of_a_row_is_its_operator_s(store: Store) -> None:
    """Rows whose operator is that of what they belong to."""
    parts = Editing(evses, "evse", unique="evses_charge_point_id_network_id_key")
    await store.stations.add(by(2), "CP1", StationPatch())

    async def new(caller: Caller, kind: Kind = Kind.ADD, number: int = 1, **values: Any) -> None:
        given = {"charge_point_id": 1, "network_id": number}
        await store.write(Edit(caller=caller, editing=parts, kind=kind, new=given, values=values))

    for caller in (by(), by(3), by(1, 3)):
        with pytest.raises(Invalid):
            await new(caller)
    await new(by(2))
    await new(by(2, 3), number=2)
    await new(EVERYBODY, number=3)
    with pytest.raises(Conflict) as refused:
        await new(by(2))
    assert refused.value.fields == {"network_id": ["is taken"]}
    await new(by(2), Kind.SET, physical_reference="left")
    where = (this(1),)
    with pytest.raises(NotFound):
        await store.write(Edit(caller=by(3), editing=parts, kind=Kind.DELETE, where=where))
    changes = {"physical_reference": "right"}
    await store.write(Edit(caller=by(2), editing=parts, kind=Kind.UPDATE, values=changes, where=where))
    rows = await store.query("select network_id, physical_reference from evses order by 1")
    assert rows == [(1, "right"), (2, None), (3, None)]
