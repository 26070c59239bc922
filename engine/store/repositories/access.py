"""API tokens with their secrets, and the audit trail of what writes no row of its own."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Final

from engine.domain.caller import Caller
from engine.domain.state import Frozen
from engine.store.edit import Edit
from engine.store.editing import Kind
from engine.store.editings import API_TOKENS
from engine.store.repositories.base import Audit, Repository, equal

SECRET_BYTES: Final = 32
# Secret scanners find it, and it is never taken for an option.
SECRET_PREFIX: Final = "vt_"  # noqa: S105 - begins secrets, is none
USED_AT_GRAIN: Final = "1 minute"  # last_used_at is not written more often


class ApiToken(Frozen, frozen=True):
    id: int
    name: str
    scope: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewApiToken(Frozen, frozen=True):
    """`secret` is shown this once; only its hash is kept."""

    id: int
    name: str
    scope: str
    secret: str


# The secret is 256 random bits: its plain hash cannot be guessed back, and tells an index look-up nothing.
VERIFY: Final = """
with found as (
    select id, last_used_at from api_tokens where secret_sha256 = $1 and revoked_at is null
), used as (
    update api_tokens t set last_used_at = now() from found f
    where t.id = f.id and (f.last_used_at is null or f.last_used_at < now() - $2::text::interval)
)
select id, name, scope, created_at, last_used_at, revoked_at from api_tokens where id = (select id from found)
"""


class ApiTokens(Repository):
    async def create(self, caller: Caller, name: str, scope: str = "admin") -> NewApiToken:
        """A new token with its secret."""
        secret = SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        values = {"name": name, "scope": scope, "secret_sha256": _digest(secret)}
        row = await self._edit(Edit(caller=caller, editing=API_TOKENS, kind=Kind.ADD, values=values))
        return NewApiToken(id=row["id"], name=name, scope=scope, secret=secret)

    async def verify(self, secret: str) -> ApiToken | None:
        """The token of this secret unless revoked; the work does not depend on how much of it is right."""
        return await self._one(ApiToken, VERIFY, _digest(secret), USED_AT_GRAIN)

    async def revoke(self, caller: Caller, token_id: int) -> None:
        """Raises NotFound when there is no such token or it is revoked already."""
        where = equal("id", token_id)
        await self._edit(Edit(caller=caller, editing=API_TOKENS, kind=Kind.DELETE, where=where))


class AuditTrail(Repository):
    async def add(self, audit: Audit) -> None:
        """What somebody did that writes no row of its own, such as a command to a station."""
        await self._write(audit, "select 1")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
