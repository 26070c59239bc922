"""API tokens."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from api.kernel.editable import Editable
from api.kernel.listing import equal, present
from api.kernel.operations import Route
from api.kernel.resource import Resource
from api.kernel.views import NUMBER, Camel, shown
from api.shapes.access import Token
from engine.domain.caller import Caller
from engine.node import Node
from engine.store.editings import API_TOKENS
from engine.store.readings import TOKENS

Scope = Literal["admin", "metrics"]


class NewToken(Camel, frozen=True, kw_only=True):
    """Scopes: `admin` may do everything, `metrics` may only read /metrics."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    scope: Scope = "admin"


class CreatedToken(Camel, frozen=True, kw_only=True):
    """`secret` is shown this once."""

    id: int
    name: str
    scope: str
    secret: str


tokens: Final = Resource(
    "API token",
    Token,
    TOKENS,
    filters={"name": equal("name"), "scope": equal("scope", Scope), "revoked": present("revoked_at")},
)


async def create_token(node: Node, body: NewToken, caller: Caller) -> CreatedToken:
    return shown(CreatedToken, await node.store.api_tokens.create(caller, body.name, body.scope))


ROUTES = (
    *Editable(tokens, API_TOKENS).routes(
        "/tokens",
        f"{NUMBER}:token_id",
        {"L": "API tokens without their secrets, revoked ones too", "D": "Revoke an API token"},
    ),
    Route("POST", "/tokens", create_token, 201),
)
