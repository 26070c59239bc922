"""Charge points as people manage them: who may connect, whether boots are accepted, per-station settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from engine.domain.state import Frozen, Policy, Registration, StationSettings
from engine.errors import Conflict, Invalid, NotFound
from engine.store.repositories.base import DEFAULT_OPERATOR, Audit, Repository, assignments, given, page


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


class Presence(Frozen, frozen=True):
    """The last network status written of a charge point."""

    id: int
    status: str
    at: datetime


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


SELECT: Final = """
select c.id, network_id as identity, operator_id, name, c.status, location_id, c.security_profile,
       current_security_profile, m.security_profile as next_security_profile,
       m.planned_at as next_security_profile_at, password_sha256 is not null as has_password, password_sha256,
       invalid_username_allowed, certificate_serial, registration_status, accept_when_configured,
       network_status, network_status_at, network_protocol, network_ip, connected_at, first_contact_at,
       booted_at, vendor, model,
       charge_point_serial_number, charge_box_serial_number,
       firmware_version, h.status as hardware_status, h.error_code as hardware_error_code,
       firmware_status, log_status, local_list_version, settings, created_at, last_updated_at
from charge_points c
join charge_point_status s on s.charge_point_id = c.id
left join connector_status h on h.charge_point_id = c.id and h.evse_number = 0 and h.connector_number = 0
left join security_profile_moves m on m.charge_point_id = c.id and m.status = 'under_way'
where deleted_at is null
"""
PRESENT: Final = """
select id, network_status as status, coalesce(network_status_at, last_updated_at) as at
from charge_point_status s join charge_points c on c.id = s.charge_point_id
where network_status in ('available', 'temporarily_unavailable') and deleted_at is null
"""
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
SECRETS: Final = frozenset({"password_sha256"})


class Stations(Repository):
    """Charge points."""

    async def get(self, identity: str) -> Station:
        """Raises NotFound."""
        found = (
            await self._one(Station, SELECT + " and network_id = $1", identity)
            if "\0" not in identity
            else None
        )
        if found is None:
            raise NotFound(f"no charge point {identity!r}")
        return found

    async def present(self) -> Sequence[Presence]:
        """Those available or lost not long ago, by the last word on them: where a node's run begins."""
        return await self._many(Presence, PRESENT)

    async def add(self, identity: str, patch: StationPatch, *, actor: str) -> Station:
        """Register a charge point of the default operator. Raises Conflict when it exists."""
        if not await self._insert(identity, patch, actor):
            raise Conflict(f"charge point {identity!r} exists already")
        return await self.get(identity)

    async def configured(self, *, after: int = 0, limit: int = 1_000) -> Sequence[int]:
        """Ids above `after` of charge points that were pending until configured, and are."""
        return [row[0] for row in await self._database.fetch(CONFIGURED, after, page(limit))]

    async def register(
        self, identity: str, patch: StationPatch, *, actor: str, configure_first: bool = False
    ) -> Station:
        """Register a charge point, or set what `patch` gives on the one that exists.

        With `configure_first` a new one stays pending until what is queued for it was delivered.
        """
        new = patch
        if configure_first:
            new = replace(patch, registration_status=Registration.PENDING, accept_when_configured=True)
        if not await self._insert(identity, new, actor):
            return await self.update(identity, patch, actor=actor)
        return await self.get(identity)

    async def create_pending(self, identity: str) -> None:
        """A charge point nobody registered presented itself: known from now on, its boots stay pending."""
        patch = StationPatch(security_profile=0, registration_status=Registration.PENDING)
        await self._insert(identity, patch, "accept_unknown")

    async def update(self, identity: str, patch: StationPatch, *, actor: str) -> Station:
        """Raises NotFound, Invalid."""
        values = _checked(patch)
        if values:
            rows = await self._write(
                _audit(actor, "station.update", identity, values),
                f"update charge_points set {assignments(values, 2)}, last_updated_at = now() "  # noqa: S608 - fields
                "where network_id = $1 and deleted_at is null returning id",
                identity,
                *values.values(),
            )
            if not rows:
                raise NotFound(f"no charge point {identity!r}")
        return await self.get(identity)

    async def _insert(self, identity: str, patch: StationPatch, actor: str) -> bool:
        values = {"name": identity, **_checked(patch)}
        placeholders = ", ".join(f"${number}" for number in range(2, len(values) + 2))
        rows = await self._write(
            _audit(actor, "station.add", identity, values),
            f"with added as (insert into charge_points (network_id, operator_id, {', '.join(values)}) "  # noqa: S608 - fields
            f"values ($1, {DEFAULT_OPERATOR}, {placeholders}) "
            "on conflict (network_id) where deleted_at is null do nothing returning id) "
            "insert into charge_point_status (charge_point_id) select id from added returning 1",
            identity,
            *values.values(),
        )
        return bool(rows)


def _checked(patch: StationPatch) -> dict[str, Any]:
    values = given(patch)
    if "settings" in values:
        unknown = values["settings"].keys() - set(StationSettings.__struct_fields__)
        if unknown:
            raise Invalid("unknown settings", {name: [_unknown(name)] for name in sorted(unknown)})
        faults = {f"settings.{name}": fault for name, fault in _faults(values["settings"])}
        if faults:
            raise Invalid("settings of a wrong kind, or out of bounds", faults)
    return values


def _faults(settings: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for name, value in settings.items():
        try:
            msgspec.convert({name: value}, StationSettings)
        except msgspec.ValidationError as error:
            words = f"; allowed: {', '.join(Policy)}" if name == "policy" else ""
            yield name, [str(error).partition(" - at ")[0] + words]


def _unknown(name: str) -> str:
    near = get_close_matches(name, StationSettings.__struct_fields__, 1)
    return f"is no setting of a station; did you mean {near[0]}?" if near else "is no setting of a station"


def _audit(actor: str, action: str, identity: str, values: dict[str, Any]) -> Audit:
    details = {name: "…" if name in SECRETS else value for name, value in values.items()}
    return Audit(actor=actor, action=action, subject=f"charge_point:{identity}", details=details)
