"""Operators as they are shown, and what may be given of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from api.kernel.shape import Given, Moment, Shape, titled

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
Zone = Annotated[str, Meta(min_length=1, max_length=64)]
Locale = Annotated[str, Meta(pattern="^[a-z]{2,3}(-[A-Z]{2})?$")]


class Operator(Shape, frozen=True, kw_only=True):
    """Who runs charge points. The price is that of sessions that start from now on; null: it is free."""

    id: Annotated[int, titled("Id", "ID")]
    name: Annotated[Name, titled("Name", "NAME"), Given.ALWAYS]
    is_default: Annotated[bool, titled("Default", "DEFAULT")]
    currency: Annotated[Currency, titled("Currency", "CURRENCY"), Given.ONCE]
    timezone: Annotated[Zone, titled("Time zone", "TIME ZONE"), Given.ALWAYS]
    locale: Annotated[Locale, titled("Language", "LANGUAGE"), Given.ALWAYS]
    price_per_session: Annotated[Decimal | None, titled("Price per session")]
    price_per_kwh: Annotated[Decimal | None, titled("Price per kWh")]
    price_per_minute: Annotated[Decimal | None, titled("Price per minute")]
    created_at: Annotated[Moment, titled("Added")]
