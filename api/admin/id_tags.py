"""Id tags: who may charge."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from api.kernel.operations import Route
from api.kernel.views import Camel, Limit, Number, Page, page, shown
from engine.domain.authorization import IdTagType
from engine.domain.caller import Caller
from engine.node import Node
from engine.store.repositories.id_tags import IdTag, IdTagPatch

Aware = Annotated[datetime, Meta(tz=True)]


class IdTagPatchBody(Camel, frozen=True, kw_only=True):
    """What changes; absent members stay as they are."""

    label: Annotated[str, Meta(max_length=255)] | UnsetType | None = UNSET
    type: IdTagType | UnsetType = UNSET
    status: Literal["enabled", "disabled", "suspended"] | UnsetType = UNSET
    expire_at: Aware | UnsetType | None = UNSET
    max_active_sessions: Annotated[int, Meta(ge=0, lt=2**31)] | UnsetType | None = UNSET
    group_id: Annotated[str, Meta(min_length=1, max_length=36)] | UnsetType | None = UNSET
    valid: bool | UnsetType = UNSET


class IdTagBody(IdTagPatchBody, frozen=True, kw_only=True):
    """A new tag, or what changes of the one there is."""

    uid: Annotated[str, Meta(min_length=1, max_length=36)]


class IdTagView(Camel, frozen=True, kw_only=True):
    id: int
    uid: str
    label: str | None
    type: str
    status: str
    valid: bool
    expire_at: datetime | None
    max_active_sessions: int | None
    group_id: str | None
    user_id: int | None
    issuer: str | None
    contract_id: str | None
    created_at: datetime
    last_updated_at: datetime


class ListQuery(Camel, frozen=True, kw_only=True):
    cursor: Number = 0
    limit: Limit = 100


class AddQuery(Camel, frozen=True, kw_only=True):
    """`only_new`: a tag that there is already stays as it is, and is an error."""

    only_new: bool = False


def view(row: IdTag) -> IdTagView:
    return shown(IdTagView, row)


async def list_(node: Node, query: ListQuery) -> Page:
    rows = await node.store.id_tags.list(after=query.cursor, limit=query.limit)
    return page(rows, query.limit, lambda row: row.id, view)


async def put(node: Node, body: IdTagBody, query: AddQuery, caller: Caller) -> IdTagView:
    write = node.store.id_tags.add if query.only_new else node.store.id_tags.set
    return view(await write(body.uid, patch_of(body), actor=caller.actor))


async def update(node: Node, uid: str, body: IdTagPatchBody, caller: Caller) -> IdTagView:
    return view(await node.store.id_tags.update(uid, patch_of(body), actor=caller.actor))


async def delete(node: Node, uid: str, caller: Caller) -> None:
    await node.store.id_tags.delete(uid, actor=caller.actor)


def patch_of(body: IdTagPatchBody) -> IdTagPatch:
    return IdTagPatch(**{name: getattr(body, name) for name in IdTagPatchBody.__struct_fields__})


async def show(node: Node, uid: str) -> IdTagView:
    return view(await node.store.id_tags.get(uid))


ROUTES = (
    Route("GET", "/id-tags", list_),
    Route("POST", "/id-tags", put, 201),
    Route("GET", "/id-tags/<text:uid>", show),
    Route("PATCH", "/id-tags/<text:uid>", update),
    Route("DELETE", "/id-tags/<text:uid>", delete, 204),
)
