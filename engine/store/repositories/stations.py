"""Charge points as people manage them: who may connect, whether boots are accepted, per-station settings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from engine.domain.caller import Caller, CallerKind
from engine.domain.state import Frozen, Registration
from engine.errors import Conflict, NotFound
from engine.store.edit import Edit
from engine.store.editing import Kind
from engine.store.editings import CHARGE_POINTS
from engine.store.plan import Plan, fetch
from engine.store.readings import STATIONS
from engine.store.repositories.base import Repository, equal, given, page

UNKNOWN: Final = Caller("accept_unknown", CallerKind.NODE)


class Station(Frozen, frozen=True):
    """A charge point; `identity` is what it calls itself in its URL (network_id)."""

    id: int
    identity: str
    operator_id: int
    name: str
    status: str  # enabled | disabled | out of order | demo
    location_id: int | None
    security_profile: int  # 0–3, OCPP's numbering
    current_security_profile: int | None
    next_security_profile: int | None  # it is moving there (2.0.1 A05)
    next_security_profile_at: datetime | None
    has_password: bool
    password_sha256: bytes | None
    invalid_username_allowed: bool
    certificate_serial: str | None
    registration_status: str  # domain.state.Registration
    accept_when_configured: bool  # pending until what is queued for it was delivered
    network_status: str
    network_status_at: datetime | None
    network_protocol: str | None
    network_ip: str | None
    connected_at: datetime | None
    first_contact_at: datetime | None
    booted_at: datetime | None
    vendor: str
    model: str
    charge_point_serial_number: str | None
    charge_box_serial_number: str | None
    firmware_version: str | None
    hardware_status: str | None
    hardware_error_code: str | None
    firmware_status: str | None
    log_status: str | None
    local_list_version: int | None
    settings: dict[str, Any]
    created_at: datetime
    last_updated_at: datetime


class StationPatch(Frozen, frozen=True):
    """What may be set; absent members stay as they are. `settings` is replaced whole."""

    name: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    location_id: int | UnsetType | None = UNSET
    security_profile: int | UnsetType = UNSET
    password_sha256: bytes | UnsetType | None = UNSET
    invalid_username_allowed: bool | UnsetType = UNSET
    certificate_serial: str | UnsetType | None = UNSET
    registration_status: str | UnsetType = UNSET
    accept_when_configured: bool | UnsetType = UNSET
    settings: dict[str, Any] | UnsetType = UNSET


# Booted once, and nothing more to be told: every queued setting and certificate has its verdict.
CONFIGURED: Final = """
select c.id from charge_points c join charge_point_status b on b.charge_point_id = c.id
where c.accept_when_configured and c.registration_status = 'pending' and b.booted_at is not null
  and c.deleted_at is null and c.id > $1
  and not exists (select from charge_point_settings s where s.charge_point_id = c.id and s.status = 'Pending')
  and not exists (select from charge_point_certificates t
                  where t.charge_point_id = c.id and t.status = 'Pending')
order by c.id limit $2
"""


class Stations(Repository):
    """Charge points."""

    async def get(self, caller: Caller, identity: str) -> Station:
        """Raises NotFound."""
        where, fields = equal("identity", identity), Station.__struct_fields__
        plan = Plan(caller=caller, reading=STATIONS, where=where, fields=fields, limit=1)
        rows = await fetch(self._database, plan) if "\0" not in identity else []
        if not rows:
            raise NotFound(f"no charge point {identity!r}")
        return Station(**rows[0])

    async def configured(self, *, after: int = 0, limit: int = 1_000) -> Sequence[int]:
        """Ids above `after` of charge points that were pending until configured, and are."""
        return [row[0] for row in await self._database.fetch(CONFIGURED, after, page(limit))]

    async def add(self, caller: Caller, identity: str, patch: StationPatch) -> Station:
        """Register a charge point. Raises Conflict when it exists."""
        new = {"network_id": identity, "name": identity}
        values = given(patch)
        if "name" in values:
            del new["name"]
        try:
            await self._edit(
                Edit(caller=caller, editing=CHARGE_POINTS, kind=Kind.ADD, new=new, values=values)
            )
        except Conflict as conflict:
            raise Conflict(f"charge point {identity!r} exists already", conflict.fields) from None
        return await self.get(caller, identity)

    async def register(
        self, caller: Caller, identity: str, patch: StationPatch, *, configure_first: bool = False
    ) -> Station:
        """Register a charge point, or set what `patch` gives on the one that exists.

        With `configure_first` a new one stays pending until what is queued for it was delivered.
        """
        new = patch
        if configure_first:
            new = replace(patch, registration_status=Registration.PENDING, accept_when_configured=True)
        try:
            return await self.add(caller, identity, new)
        except Conflict:
            return await self.update(caller, identity, patch)

    async def create_pending(self, identity: str) -> None:
        """A charge point nobody registered presented itself: known from now on, its boots stay pending."""
        patch = StationPatch(security_profile=0, registration_status=Registration.PENDING)
        with suppress(Conflict):
            await self.add(UNKNOWN, identity, patch)

    async def update(self, caller: Caller, identity: str, patch: StationPatch) -> Station:
        """Raises NotFound, Invalid."""
        station = await self.get(caller, identity)
        values = given(patch)
        if not values:
            return station
        where = equal("id", station.id)
        await self._edit(
            Edit(caller=caller, editing=CHARGE_POINTS, kind=Kind.UPDATE, values=values, where=where)
        )
        return await self.get(caller, identity)
