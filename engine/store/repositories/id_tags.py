"""Id tags: RFID cards and other tokens, with the members of an OCPI Token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from msgspec import UNSET, UnsetType

from engine.domain.state import Frozen
from engine.errors import NotFound
from engine.store.database import Database
from engine.store.repositories.base import DEFAULT_OPERATOR, Audit, Repository, assignments, given, page


class IdTag(Frozen, frozen=True):
    """`uid` compares without regard to case (CiString of OCPP 1.6)."""

    id: int
    operator_id: int
    uid: str
    label: str | None
    type: str  # rfid | mac_address | emaid
    status: str  # enabled | disabled | suspended
    user_id: int | None
    expire_at: datetime | None
    max_active_sessions: int | None  # None: no limit
    country_code: str | None
    party_id: str | None
    token_type: str  # OCPI: AD_HOC_USER | APP_USER | OTHER | RFID
    contract_id: str | None
    visual_number: str | None
    issuer: str | None
    group_id: str | None  # parentIdTag
    valid: bool
    language_code: str | None
    cache_mode: str  # ALWAYS | ALLOWED | ALLOWED_OFFLINE | NEVER
    created_at: datetime
    last_updated_at: datetime


class IdTagPatch(Frozen, frozen=True):
    """What may be set; absent members stay as they are, or take the column's default in a new tag."""

    label: str | UnsetType | None = UNSET
    type: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    user_id: int | UnsetType | None = UNSET
    expire_at: datetime | UnsetType | None = UNSET
    max_active_sessions: int | UnsetType | None = UNSET
    country_code: str | UnsetType | None = UNSET
    party_id: str | UnsetType | None = UNSET
    token_type: str | UnsetType = UNSET
    contract_id: str | UnsetType | None = UNSET
    visual_number: str | UnsetType | None = UNSET
    issuer: str | UnsetType | None = UNSET
    group_id: str | UnsetType | None = UNSET
    valid: bool | UnsetType = UNSET
    language_code: str | UnsetType | None = UNSET
    cache_mode: str | UnsetType = UNSET


COLUMNS: Final = ", ".join(IdTag.__struct_fields__)
SELECT: Final = f"select {COLUMNS} from id_tags"  # noqa: S608 - names of our own columns


class IdTags(Repository):
    """`forget` is called with operator and uid of a changed tag, so that this node reads it anew at once."""

    def __init__(self, database: Database, forget: Callable[[int, str], None]) -> None:
        super().__init__(database)
        self._forget = forget

    async def list(self, *, after: int = 0, limit: int = 100) -> Sequence[IdTag]:
        """By id, those above `after`."""
        return await self._many(IdTag, f"{SELECT} where id > $1 order by id limit $2", after, page(limit))

    async def slice(self, *, offset: int = 0, limit: int = 100) -> Sequence[IdTag]:
        """By id, skipping `offset`: for interfaces that page by number; it reads what it skips."""
        return await self._many(IdTag, f"{SELECT} order by id offset $1 limit $2", offset, page(limit))

    async def get(self, uid: str) -> IdTag:
        """Raises NotFound."""
        found = None
        if "\0" not in uid:
            sql = f"{SELECT} where operator_id = {DEFAULT_OPERATOR} and lower(uid) = lower($1)"
            found = await self._one(IdTag, sql, uid)
        if found is None:
            raise NotFound(f"no id tag {uid!r}")
        return found

    async def set(self, uid: str, patch: IdTagPatch, *, actor: str) -> IdTag:
        """Make the tag or set what `patch` gives on the one that exists."""
        values = given(patch)
        names = "".join(f", {name}" for name in values)
        placeholders = "".join(f", ${number}" for number in range(2, len(values) + 2))
        update = f"{assignments(values, 2)}, " if values else ""
        rows = await self._write(
            Audit(actor=actor, action="id_tag.set", subject=f"id_tag:{uid}", details=values),
            f"insert into id_tags (operator_id, uid{names}) values ({DEFAULT_OPERATOR}, $1{placeholders}) "  # noqa: S608
            f"on conflict (operator_id, lower(uid)) do update set {update} last_updated_at = now() "
            f"returning {COLUMNS}",
            uid,
            *values.values(),
            forget=f"tag:{await self._operator()}:{uid.lower()}",
        )
        tag = IdTag(**rows[0])
        self._forget(tag.operator_id, uid)
        return tag

    async def _operator(self) -> int:
        rows = await self._database.fetch("select id from operators where is_default")
        number: int = rows[0][0]
        return number
