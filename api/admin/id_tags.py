"""Id tags: who may charge."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from api.kernel.listing import Aware, among, before, equal, same_text, since
from api.kernel.operations import Route
from api.kernel.resource import Resource
from api.kernel.views import Camel, shown
from api.shapes.drivers import IdTag
from engine.domain.authorization import IdTagType
from engine.domain.caller import Caller
from engine.node import Node
from engine.store.readings import ID_TAGS
from engine.store.repositories.id_tags import IdTagPatch

Status = Literal["enabled", "disabled", "suspended"]


class IdTagPatchBody(Camel, frozen=True, kw_only=True):
    """What changes; absent members stay as they are."""

    label: Annotated[str, Meta(max_length=255)] | UnsetType | None = UNSET
    type: IdTagType | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    expire_at: Aware | UnsetType | None = UNSET
    max_active_sessions: Annotated[int, Meta(ge=0, lt=2**31)] | UnsetType | None = UNSET
    group_id: Annotated[str, Meta(min_length=1, max_length=36)] | UnsetType | None = UNSET
    valid: bool | UnsetType = UNSET


class IdTagBody(IdTagPatchBody, frozen=True, kw_only=True):
    """A new tag, or what changes of the one there is."""

    uid: Annotated[str, Meta(min_length=1, max_length=36)]


class AddQuery(Camel, frozen=True, kw_only=True):
    """`only_new`: a tag that there is already stays as it is, and is an error."""

    only_new: bool = False


id_tags: Final = Resource(
    "id tag",
    IdTag,
    ID_TAGS,
    key="uid",
    alike=True,
    filters={
        "uid": same_text("uid"),
        "status": among("status", Status),
        "type": among("type", IdTagType),
        "groupId": equal("group_id"),
        "issuer": equal("issuer"),
        "valid": equal("valid"),
        "expiresBefore": before("expire_at"),
        "changedSince": since("last_updated_at"),
    },
)


async def put(node: Node, body: IdTagBody, query: AddQuery, caller: Caller) -> IdTag:
    write = node.store.id_tags.add if query.only_new else node.store.id_tags.set
    return shown(IdTag, await write(body.uid, patch_of(body), actor=caller.actor))


async def update(node: Node, uid: str, body: IdTagPatchBody, caller: Caller) -> IdTag:
    return shown(IdTag, await node.store.id_tags.update(uid, patch_of(body), actor=caller.actor))


async def delete(node: Node, uid: str, caller: Caller) -> None:
    await node.store.id_tags.delete(uid, actor=caller.actor)


def patch_of(body: IdTagPatchBody) -> IdTagPatch:
    return IdTagPatch(**{name: getattr(body, name) for name in IdTagPatchBody.__struct_fields__})


ROUTES = (
    id_tags.listing("/id-tags", "Id tags in the order in which they were added"),
    Route("POST", "/id-tags", put, 201),
    id_tags.one("/id-tags/<text:uid>", "One id tag"),
    Route("PATCH", "/id-tags/<text:uid>", update),
    Route("DELETE", "/id-tags/<text:uid>", delete, 204),
)
