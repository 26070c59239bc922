"""API tokens and the audit trail as they are shown."""

from __future__ import annotations

from typing import Annotated, Any

from api.kernel.shape import Moment, Shape, titled


class Token(Shape, frozen=True, kw_only=True):
    """An API token, without its secret."""

    id: Annotated[int, titled(listed="ID")]
    name: Annotated[str, titled(listed="NAME")]
    scope: Annotated[str, titled(listed="SCOPE")]
    created_at: Annotated[Moment, titled(listed="CREATED")]
    last_used_at: Annotated[Moment | None, titled(listed="LAST USED")]
    revoked_at: Annotated[Moment | None, titled(listed="REVOKED")]


class Audit(Shape, frozen=True, kw_only=True):
    """Who did what to what."""

    id: int
    at: Moment
    actor: str
    action: str
    subject: str
    details: dict[str, Any]
