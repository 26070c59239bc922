"""Who may do what and who did: API tokens, OCPI parties, the audit trail, security events."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.state import Frozen
from engine.errors import NotFound
from engine.store.repositories.base import Audit, Repository, page

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


class Party(Frozen, frozen=True):
    """An OCPI party that registered or is about to."""

    id: int
    token: str
    url: str | None
    status: str  # PENDING | REGISTERED
    created_at: datetime
    last_updated_at: datetime


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
    async def create(self, name: str, *, actor: str, scope: str = "admin") -> NewApiToken:
        """A new token with its secret."""
        secret = SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        rows = await self._write(
            Audit(
                actor=actor, action="api_token.create", subject=f"api_token:{name}", details={"scope": scope}
            ),
            "insert into api_tokens (name, scope, secret_sha256) values ($1, $2, $3) returning id",
            name,
            scope,
            _digest(secret),
        )
        return NewApiToken(id=rows[0]["id"], name=name, scope=scope, secret=secret)

    async def verify(self, secret: str) -> ApiToken | None:
        """The token of this secret unless revoked; the work does not depend on how much of it is right."""
        return await self._one(ApiToken, VERIFY, _digest(secret), USED_AT_GRAIN)

    async def revoke(self, token_id: int, *, actor: str) -> None:
        """Raises NotFound when there is no such token or it is revoked already."""
        rows = await self._write(
            Audit(actor=actor, action="api_token.revoke", subject=f"api_token:{token_id}"),
            "update api_tokens set revoked_at = now() where id = $1 and revoked_at is null returning id",
            token_id,
        )
        if not rows:
            raise NotFound(f"no API token {token_id} that could be revoked")


class Parties(Repository):
    async def register(self, token: str, url: str | None, status: str, *, actor: str) -> Party:
        """Store a party's first connection details; a known token gets the new ones."""
        rows = await self._write(
            Audit(
                actor=actor,
                action="party.register",
                subject="ocpi_party",
                details={"url": url, "status": status},
            ),
            "insert into ocpi_parties (token, url, status) values ($1, $2, $3) "
            "on conflict (token) do update "
            "set url = excluded.url, status = excluded.status, last_updated_at = now() "
            "returning id, token, url, status, created_at, last_updated_at",
            token,
            url,
            status,
        )
        return Party(**rows[0])

    async def list(self, *, after: int = 0, limit: int = 100) -> Sequence[Party]:
        return await self._many(
            Party,
            "select id, token, url, status, created_at, last_updated_at from ocpi_parties "
            "where id > $1 order by id limit $2",
            after,
            page(limit),
        )


class AuditTrail(Repository):
    async def add(self, audit: Audit) -> None:
        """What somebody did that writes no row of its own, such as a command to a station."""
        await self._write(audit, "select 1")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
