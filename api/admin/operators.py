"""Operators, and what charging costs at their charge points."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from api.kernel.editable import Editable
from api.kernel.listing import Scope, equal
from api.kernel.operations import Route
from api.kernel.problems import INVALID_DATA
from api.kernel.resource import Resource, narrowed
from api.kernel.rows import is_
from api.kernel.views import NUMBER, Camel
from api.shapes.operators import Currency, Operator
from engine.domain.caller import Caller
from engine.domain.state import Price
from engine.errors import Invalid
from engine.node import Node
from engine.store.editings import OPERATORS as EDITING
from engine.store.plan import Row
from engine.store.readings import OPERATORS

HIGHEST: Final = 1_000_000
PLACES: Final = 5

operators: Final = Resource("operator", Operator, OPERATORS, filters={"name": equal("name")})


async def known_zone(node: Node, caller: Caller, values: dict[str, Any], row: Row | None) -> dict[str, Any]:
    """Raises Invalid for a time zone that nobody knows."""
    if "timezone" in values:
        try:
            ZoneInfo(values["timezone"])
        except (KeyError, ValueError, OSError):
            raise Invalid(INVALID_DATA, {"timezone": ["is no time zone such as Europe/Berlin"]}) from None
    return values


edited: Final = Editable(operators, EDITING, before_write=known_zone)


class PriceBody(Camel, frozen=True, kw_only=True):
    """The price of sessions that start from now on."""

    currency: Currency
    per_session: Decimal = Decimal(0)
    per_kwh: Decimal = Decimal(0)
    per_minute: Decimal = Decimal(0)


async def home(node: Node, query: Scope, caller: Caller) -> Operator:
    """The operator that the caller's new rows belong to, with its price."""
    caller = narrowed(caller, query)
    return await operators.shown(node, caller, is_("id", (await node.store.operators.home(caller)).id))


async def set_price(node: Node, body: PriceBody, query: Scope, caller: Caller) -> Operator:
    """The price of sessions that start from now on; running ones keep theirs."""
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
    await node.store.operators.set_price(narrowed(caller, query), price)
    return await home(node, query, caller)


ROUTES = (
    *edited.routes(
        "/operators",
        f"{NUMBER}:operator_number",
        {"L": "Operators", "C": "Add an operator", "R": "An operator", "U": "Change an operator"},
    ),
    Route("GET", "/operator", home),
    Route("PUT", "/operator/price", set_price),
)
