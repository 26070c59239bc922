"""Operators and their price."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from engine.domain.caller import Caller
from engine.domain.state import Frozen, Price
from engine.errors import NotFound
from engine.store.plan import Plan, fetch, scope_of
from engine.store.readings import OPERATORS
from engine.store.repositories.base import Audit, Repository, equal


class Operator(Frozen, frozen=True):
    id: int
    name: str
    currency: str
    timezone: str
    locale: str
    price_per_session: Decimal | None  # None with the others: charging is free
    price_per_kwh: Decimal | None
    price_per_minute: Decimal | None


ONE: Final = 1
SET_PRICE: Final = """
with tariff as (
    insert into tariffs (operator_id, currency, price_per_session, price_per_kwh, price_per_minute)
    values ($1, $2, $3, $4, $5)
    returning id
)
update operators set tariff_id = tariff.id, currency = $2 from tariff where operators.id = $1
returning operators.id
"""


class Operators(Repository):
    async def home(self, caller: Caller) -> Operator:
        """The one that the caller's new rows belong to. Raises NotFound."""
        where = () if scope_of(caller) == ONE else equal("is_default", True)
        fields = Operator.__struct_fields__
        rows = await fetch(
            self._database, Plan(caller=caller, reading=OPERATORS, where=where, fields=fields, limit=1)
        )
        if not rows:
            raise NotFound("no operator of yours is the default one")
        return Operator(**rows[0])

    async def set_price(self, caller: Caller, price: Price) -> None:
        """The price of sessions that start from now on; running ones keep theirs. Raises NotFound."""
        operator = await self.home(caller)
        rates = {"per_session": price.per_session, "per_kwh": price.per_kwh, "per_minute": price.per_minute}
        audit = Audit(
            actor=caller.actor,
            action="operator.set_price",
            subject=f"operator:{operator.id}",
            details={"currency": price.currency} | {name: str(rate) for name, rate in rates.items()},
        )
        await self._write(audit, SET_PRICE, operator.id, price.currency, *rates.values())
