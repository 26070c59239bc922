"""Where charge points stand and what charging costs: locations, and operators with their price."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from engine.domain.state import Frozen, Price
from engine.errors import NotFound
from engine.store.fields import columns
from engine.store.repositories.base import DEFAULT_OPERATOR, Audit, Repository, page


class Location(Frozen, frozen=True):
    """A site; `external_id` is the name its registrar gave it. Coordinates are decimal degrees as given."""

    external_id: str
    address: str
    city: str
    country: str
    latitude: str
    longitude: str
    country_code: str | None = None
    party_id: str | None = None
    name: str | None = None
    post_code: str | None = None
    parking_type: str | None = None
    evses: Sequence[Any] = ()  # as registered


class StoredLocation(Frozen, frozen=True):
    """As read: localised texts are lists of {"locale", "translation"}."""

    id: int
    external_id: str
    status: str
    name: list[dict[str, str]]
    address: list[dict[str, str]]
    city: str | None
    post_code: str | None
    country: str | None
    latitude: str | None
    longitude: str | None
    country_code: str | None
    party_id: str | None
    parking_type: str | None
    evses: list[Any]
    created_at: datetime
    last_updated_at: datetime


class Operator(Frozen, frozen=True):
    id: int
    name: str
    currency: str
    timezone: str
    locale: str
    price_per_session: Decimal | None  # None with the others: charging is free
    price_per_kwh: Decimal | None
    price_per_minute: Decimal | None


COLUMNS: Final = columns(StoredLocation)


class Locations(Repository):
    async def put(self, location: Location, *, actor: str) -> int:
        """Register a location of the default operator, or replace the one of this name; returns its id."""
        rows = await self._write(
            Audit(actor=actor, action="location.put", subject=f"location:{location.external_id}"),
            """
            insert into locations (operator_id, external_id, country_code, party_id, name, address, city,
                                   post_code, country, latitude, longitude, parking_type, evses)
            select o.id, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 from operators o where o.is_default
            on conflict (operator_id, external_id) do update
            set country_code = excluded.country_code, party_id = excluded.party_id, name = excluded.name,
                address = excluded.address, city = excluded.city, post_code = excluded.post_code,
                country = excluded.country, latitude = excluded.latitude, longitude = excluded.longitude,
                parking_type = excluded.parking_type, evses = excluded.evses, last_updated_at = now()
            returning id
            """,
            location.external_id,
            location.country_code,
            location.party_id,
            await self._localised(location.name),
            await self._localised(location.address),
            location.city,
            location.post_code,
            location.country,
            location.latitude,
            location.longitude,
            location.parking_type,
            location.evses,
        )
        number: int = rows[0]["id"]
        return number

    async def get(self, external_id: str) -> StoredLocation:
        """Raises NotFound."""
        sql = f"select {COLUMNS} from locations where operator_id = {DEFAULT_OPERATOR} and external_id = $1"  # noqa: S608 - column names
        found = await self._one(StoredLocation, sql, external_id)
        if found is None:
            raise NotFound(f"no location {external_id!r}")
        return found

    async def list(self, *, after: int = 0, limit: int = 100) -> Sequence[StoredLocation]:
        """By id, those above `after`."""
        sql = f"select {COLUMNS} from locations where id > $1 order by id limit $2"  # noqa: S608 - column names
        return await self._many(StoredLocation, sql, after, page(limit))

    async def _localised(self, text: str | None) -> Sequence[dict[str, str]]:
        if text is None:
            return []
        rows = await self._database.fetch("select locale from operators where is_default")
        return [{"locale": rows[0][0], "translation": text}]


class Operators(Repository):
    async def default(self) -> Operator:
        """The operator that owns what names no other."""
        rows = await self._many(
            Operator,
            "select o.id, o.name, o.currency, o.timezone, o.locale, t.price_per_session, t.price_per_kwh, "
            "t.price_per_minute from operators o left join tariffs t on t.id = o.tariff_id "
            "where o.is_default",
        )
        return rows[0]

    async def set_price(self, price: Price, *, actor: str) -> None:
        """The price of sessions that start from now on; running ones keep theirs."""
        await self._write(
            Audit(
                actor=actor,
                action="operator.set_price",
                subject="operator:default",
                details={
                    "currency": price.currency,
                    "per_session": str(price.per_session),
                    "per_kwh": str(price.per_kwh),
                    "per_minute": str(price.per_minute),
                },
            ),
            """
            with tariff as (
                insert into tariffs
                    (operator_id, currency, price_per_session, price_per_kwh, price_per_minute)
                select id, $1, $2, $3, $4 from operators where is_default
                returning id
            )
            update operators set tariff_id = tariff.id, currency = $1 from tariff
            where is_default
            returning operators.id
            """,
            price.currency,
            price.per_session,
            price.per_kwh,
            price.per_minute,
        )
