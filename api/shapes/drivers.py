"""Id tags as they are shown."""

from __future__ import annotations

from typing import Annotated

from api.kernel.shape import Moment, Shape, titled


class IdTag(Shape, frozen=True, kw_only=True):
    """An RFID card or another token that may charge."""

    id: int
    uid: Annotated[str, titled("UID", "UID")]
    status: Annotated[str, titled("Status", "STATUS")]
    valid: Annotated[bool, titled("Valid", "VALID")]
    label: Annotated[str | None, titled("Label")]
    type: Annotated[str, titled("Type")]
    group_id: Annotated[str | None, titled("Group", "GROUP")]
    expire_at: Annotated[Moment | None, titled("Expires", "EXPIRES")]
    max_active_sessions: Annotated[int | None, titled("Sessions at a time")]
    user_id: int | None
    issuer: Annotated[str | None, titled("Issuer", "ISSUER")]
    contract_id: Annotated[str | None, titled("Contract")]
    created_at: Annotated[Moment, titled("Added")]
    last_updated_at: Annotated[Moment, titled("Changed")]
