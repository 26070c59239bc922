"""API tokens, and the price of the default operator."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal

from msgspec import Meta

from api.kernel.editable import Editable
from api.kernel.listing import equal, present
from api.kernel.operations import Route
from api.kernel.problems import INVALID_DATA
from api.kernel.resource import Resource
from api.kernel.views import NUMBER, Camel, shown
from api.shapes.access import Token
from engine.domain.caller import Caller
from engine.domain.state import Price
from engine.errors import Invalid
from engine.node import Node
from engine.store.editings import API_TOKENS
from engine.store.readings import TOKENS

HIGHEST: Final = 1_000_000
PLACES: Final = 5
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


class PriceBody(Camel, frozen=True, kw_only=True):
    """The price of sessions that start from now on."""

    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    per_session: Decimal = Decimal(0)
    per_kwh: Decimal = Decimal(0)
    per_minute: Decimal = Decimal(0)


class OperatorView(Camel, frozen=True, kw_only=True):
    id: int
    name: str
    currency: str
    timezone: str
    price_per_session: Decimal | None
    price_per_kwh: Decimal | None
    price_per_minute: Decimal | None


tokens: Final = Resource(
    "API token",
    Token,
    TOKENS,
    filters={"name": equal("name"), "scope": equal("scope", Scope), "revoked": present("revoked_at")},
)


async def create_token(node: Node, body: NewToken, caller: Caller) -> CreatedToken:
    return shown(CreatedToken, await node.store.api_tokens.create(caller, body.name, body.scope))


async def operator(node: Node, caller: Caller) -> OperatorView:
    return shown(OperatorView, await node.store.operators.home(caller))


async def set_price(node: Node, body: PriceBody, caller: Caller) -> OperatorView:
    wrong = {
        name: [f"must be 0 to {HIGHEST} with at most {PLACES} decimal places"]
        for name, value in (
            ("perSession", body.per_session),
            ("perKwh", body.per_kwh),
            ("perMinute", body.per_minute),
        )
        if not value.is_finite() or not 0 <= value < HIGHEST or value != round(value, PLACES)
    }
    if wrong:
        raise Invalid(INVALID_DATA, wrong)
    price = Price(
        currency=body.currency,
        per_session=body.per_session,
        per_kwh=body.per_kwh,
        per_minute=body.per_minute,
    )
    await node.store.operators.set_price(caller, price)
    return await operator(node, caller)


ROUTES = (
    *Editable(tokens, API_TOKENS).routes(
        "/tokens",
        f"{NUMBER}:token_id",
        {"L": "API tokens without their secrets, revoked ones too", "D": "Revoke an API token"},
    ),
    Route("POST", "/tokens", create_token, 201),
    Route("GET", "/operator", operator),
    Route("PUT", "/operator/price", set_price),
)
