"""Who may do what, and who did what."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from engine.store.tables.declare import (
    NOW,
    Owner,
    document,
    ident,
    index,
    moment,
    sha256,
    stamps,
    table,
    text,
)

ocpi_parties: Final = table(
    "ocpi_parties",
    ident(),
    text("token"),  # CREDENTIALS_TOKEN_A; we send it, so its hash would not do
    text("url", null=True),
    text("status"),  # PENDING | REGISTERED
    *stamps(),
    sa.UniqueConstraint("token"),
    owner=Owner.PEOPLE,
    tenant=None,
)

api_tokens: Final = table(
    "api_tokens",
    ident(),
    text("name"),
    text("scope"),
    sha256("secret_sha256"),
    moment("created_at", default=NOW),
    moment("last_used_at", null=True),
    moment("revoked_at", null=True),
    sa.UniqueConstraint("secret_sha256"),
    owner=Owner.PEOPLE,
    tenant=None,
    reported=("last_used_at",),
)

audit_log: Final = table(
    "audit_log",
    ident(),
    moment("at", default=NOW),
    text("actor"),
    text("action"),
    text("subject"),
    document("details", default="{}"),
    index("audit_log_subject", "subject", "id desc"),
    owner=Owner.PEOPLE,
    tenant=None,
)
