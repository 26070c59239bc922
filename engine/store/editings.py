"""What people write, by table; what interfaces may change of it, they declare themselves."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func

from engine.store.editing import Editing
from engine.store.tables.access import api_tokens
from engine.store.tables.drivers import id_tags

ID_TAGS: Final = Editing(id_tags, "id_tag", key="uid", unique="id_tags_uid")
API_TOKENS: Final = Editing(
    api_tokens,
    "api_token",
    alive=api_tokens.c.revoked_at.is_(None),
    removal={"revoked_at": func.now()},
)
