"""Id tags as they are shown, and what may be given of them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from api.kernel.shape import Given, Moment, Shape, titled
from engine.domain.authorization import IdTagType

IdTagStatus = Literal["enabled", "disabled", "suspended"]
Uid = Annotated[str, Meta(min_length=1, max_length=36)]
Label = Annotated[str, Meta(max_length=255)]
Most = Annotated[int, Meta(ge=0, lt=2**31)]


class IdTag(Shape, frozen=True, kw_only=True):
    """An RFID card or another token that may charge."""

    id: int
    operator_id: int
    uid: Annotated[Uid, titled("UID", "UID"), Given.ONCE]
    status: Annotated[IdTagStatus, titled("Status", "STATUS"), Given.ALWAYS]
    valid: Annotated[bool, titled("Valid", "VALID"), Given.ALWAYS]
    label: Annotated[Label | None, titled("Label"), Given.ALWAYS]
    type: Annotated[IdTagType, titled("Type"), Given.ALWAYS]
    group_id: Annotated[Uid | None, titled("Group", "GROUP"), Given.ALWAYS]
    expire_at: Annotated[Moment | None, titled("Expires", "EXPIRES"), Given.ALWAYS]
    max_active_sessions: Annotated[Most | None, titled("Sessions at a time"), Given.ALWAYS]
    user_id: int | None
    issuer: Annotated[str | None, titled("Issuer", "ISSUER")]
    contract_id: Annotated[str | None, titled("Contract")]
    created_at: Annotated[Moment, titled("Added")]
    last_updated_at: Annotated[Moment, titled("Changed")]
