"""Id tags: RFID cards and other tokens, with the members of an OCPI Token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import UNSET, UnsetType

from engine.domain.state import Frozen
from engine.errors import Conflict, NotFound
from engine.store.fields import columns
from engine.store.repositories.base import DEFAULT_OPERATOR, Audit, Repository, assignments, given


class IdTag(Frozen, frozen=True):
    """`uid` compares without regard to case (CiString of OCPP 1.6)."""

    id: int
    operator_id: int
    uid: str
    label: str | None
    type: str  # domain.authorization.IdTagType
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


COLUMNS: Final = columns(IdTag)
THIS: Final = f"where operator_id = {DEFAULT_OPERATOR} and lower(uid) = lower($1)"


class IdTags(Repository):
    """Id tags."""

    async def set(self, uid: str, patch: IdTagPatch, *, actor: str) -> IdTag:
        """Make the tag or set what `patch` gives on the one that exists."""
        values = given(patch)
        update = f"{assignments(values, 2)}, " if values else ""
        on_conflict = f"on conflict (operator_id, lower(uid)) do update set {update} last_updated_at = now()"
        (tag,) = await self._put("id_tag.set", uid, values, _insert(values, on_conflict), actor)
        return tag

    async def add(self, uid: str, patch: IdTagPatch, *, actor: str) -> IdTag:
        """Make the tag. Raises Conflict when there is one of this uid."""
        values = given(patch)
        sql = _insert(values, "on conflict (operator_id, lower(uid)) do nothing")
        made = await self._put("id_tag.add", uid, values, sql, actor)
        if not made:
            raise Conflict(f"id tag {uid!r} exists already")
        return made[0]

    async def update(self, uid: str, patch: IdTagPatch, *, actor: str) -> IdTag:
        """Set what `patch` gives. Raises NotFound."""
        values = given(patch)
        update = f"{assignments(values, 2)}, " if values else ""
        sql = f"update id_tags set {update} last_updated_at = now() {THIS} returning {COLUMNS}"  # noqa: S608
        changed = await self._put("id_tag.update", uid, values, sql, actor) if "\0" not in uid else []
        if not changed:
            raise NotFound(f"no id tag {uid!r}")
        return changed[0]

    async def delete(self, uid: str, *, actor: str) -> None:
        """Forget the tag; its sessions keep its uid. Raises NotFound."""
        sql = f"delete from id_tags {THIS} returning {COLUMNS}"  # noqa: S608 - names of our own columns
        gone = await self._put("id_tag.delete", uid, {}, sql, actor) if "\0" not in uid else []
        if not gone:
            raise NotFound(f"no id tag {uid!r}")

    async def _put(
        self, action: str, uid: str, values: Mapping[str, Any], sql: str, actor: str
    ) -> Sequence[IdTag]:
        """Run `sql`, which takes uid and values and returns the tags it changed."""
        rows = await self._write(
            Audit(actor=actor, action=action, subject=f"id_tag:{uid}", details=values),
            sql,
            uid,
            *values.values(),
        )
        return [IdTag(**row) for row in rows]

    async def _operator(self) -> int:
        rows = await self._database.fetch("select id from operators where is_default")
        number: int = rows[0][0]
        return number


def _insert(values: Mapping[str, Any], on_conflict: str) -> str:
    names = "".join(f", {name}" for name in values)
    placeholders = "".join(f", ${number}" for number in range(2, len(values) + 2))
    return (
        f"insert into id_tags (operator_id, uid{names}) values ({DEFAULT_OPERATOR}, $1{placeholders}) "  # noqa: S608 - fields of IdTagPatch
        f"{on_conflict} returning {COLUMNS}"
    )
