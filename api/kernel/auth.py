"""Bearer tokens: reading them, comparing them in constant time, verifying them against the store."""

from __future__ import annotations

import hmac

from quart import request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized


def bearer() -> str | None:
    """The token of the present request, if it carries one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def unauthorized(message: str) -> Unauthorized:
    return Unauthorized(message, www_authenticate=WWWAuthenticate("bearer"))


def is_secret(presented: str | None, secret: str) -> bool:
    """Constant-time comparison."""
    return hmac.compare_digest((presented or "").encode(), secret.encode())
