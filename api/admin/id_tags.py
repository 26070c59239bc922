"""Id tags: who may charge."""

from __future__ import annotations

from typing import Final

from api.kernel.editable import Editable
from api.kernel.listing import among, before, equal, same_text, since
from api.kernel.resource import Resource
from api.shapes.drivers import IdTag, IdTagStatus
from engine.domain.authorization import IdTagType
from engine.store import editings, readings

id_tags: Final = Resource(
    "id tag",
    IdTag,
    readings.ID_TAGS,
    key="uid",
    alike=True,
    filters={
        "uid": same_text("uid"),
        "status": among("status", IdTagStatus),
        "type": among("type", IdTagType),
        "groupId": equal("group_id"),
        "issuer": equal("issuer"),
        "valid": equal("valid"),
        "expiresBefore": before("expire_at"),
        "changedSince": since("last_updated_at"),
    },
)
edited: Final = Editable(id_tags, editings.ID_TAGS)
ROUTES = edited.routes(
    "/id-tags",
    "text:uid",
    {
        "L": "Id tags in the order in which they were added",
        "S": "Add an id tag, or change the one there is",
        "R": "One id tag",
        "U": "Change an id tag",
        "D": "Forget an id tag; its sessions stay",
    },
)
