"""What a charger is to be given and what it said: settings, keys, certificates, message history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from engine.domain.caller import Caller
from engine.domain.device import VariableName
from engine.domain.state import Frozen
from engine.errors import Conflict, NotFound
from engine.ocpp.variable_names import spell
from engine.store.edit import Edit
from engine.store.editing import Kind
from engine.store.editings import CERTIFICATES
from engine.store.fields import columns
from engine.store.repositories.base import Audit, Repository, equal, page


class Setting(Frozen, frozen=True):
    """A configuration key that people want set."""

    charge_point_id: int
    name: str
    value: str
    status: str  # Pending | Accepted | Rejected | RebootRequired | NotSupported
    reason: str | None  # why it was refused, or never sent
    requested_at: datetime
    answered_at: datetime | None


class ReportedKey(Frozen, frozen=True):
    """A configuration key as the charger reported it."""

    name: str
    value: str | None
    readonly: bool
    at: datetime


class Installation(Frozen, frozen=True):
    """A certificate that a charger is to install."""

    id: int
    charge_point_id: int
    type: str
    certificate: str  # PEM
    status: str  # Pending | Accepted | Rejected
    reason: str | None
    requested_at: datetime
    answered_at: datetime | None


INSTALLATION: Final = columns(Installation)


class Configuration(Repository):
    async def request(self, caller: Caller, charge_point_id: int, settings: Mapping[str, str]) -> None:
        """Want these keys set; each is pending (again) until the charger answered."""
        await self._write(
            Audit(
                actor=caller.actor,
                action="station.configure",
                subject=f"charge_point:{charge_point_id}",
                details={"keys": sorted(settings)},
            ),
            "insert into charge_point_settings (charge_point_id, name, value) "
            "select $1, name, value from unnest($2::text[], $3::text[]) as r(name, value) "
            "on conflict (charge_point_id, name) do update "
            "set value = excluded.value, status = 'Pending', reason = null, requested_at = now(), "
            "answered_at = null "
            "returning name",
            charge_point_id,
            list(settings),
            list(settings.values()),
        )

    async def requested(self, charge_point_id: int) -> Sequence[Setting]:
        """All keys ever asked for, with their status, oldest first."""
        return await self._many(
            Setting,
            f"select {columns(Setting)} from charge_point_settings "  # noqa: S608 - names of our fields
            "where charge_point_id = $1 order by requested_at, name",
            charge_point_id,
        )

    async def pending(self, charge_point_id: int) -> Sequence[Setting]:
        """Keys not answered yet, oldest first."""
        return [setting for setting in await self.requested(charge_point_id) if setting.status == "Pending"]

    async def stations_with_work(self, *, after: int = 0, limit: int = 1_000) -> Sequence[int]:
        """Ids above `after` of charge points that have pending keys or certificates."""
        rows = await self._database.fetch(
            "select charge_point_id from ("
            "select charge_point_id from charge_point_settings where status = 'Pending' "
            "union select charge_point_id from charge_point_certificates where status = 'Pending') w "
            "where charge_point_id > $1 order by 1 limit $2",
            after,
            page(limit),
        )
        return [row[0] for row in rows]

    async def answered(
        self, setting: Setting, status: str, reason: str | None = None, *, secret: bool = False
    ) -> None:
        """Keep the charger's verdict, unless another value was asked for meanwhile.

        Of a secret the value is forgotten: nobody needs it in clear any more.
        """
        await self._database.fetch(
            "update charge_point_settings "
            "set status = $4, answered_at = now(), value = case when $5 then '' else value end, reason = $6 "
            "where charge_point_id = $1 and name = $2 and value = $3",
            setting.charge_point_id,
            setting.name,
            setting.value,
            status,
            secret,
            reason,
        )
        if secret:
            await self._settle()

    async def reported(self, charge_point_id: int) -> Sequence[ReportedKey]:
        """What the charger said its configuration is, by name: keys of 1.6, attributes of 2.x variables."""
        keys = await self._many(
            ReportedKey,
            f"select {columns(ReportedKey)} from charge_point_configuration "  # noqa: S608 - names of our fields
            "where charge_point_id = $1 order by name",
            charge_point_id,
        )
        variables = await self._database.fetch(
            "select component, component_instance, evse_number, connector_number, variable, "
            "variable_instance, attribute, value, mutability, at from device_variables "
            "where charge_point_id = $1",
            charge_point_id,
        )
        named = [
            ReportedKey(
                name=spell(VariableName(*row[:6]), row["attribute"]),
                value=row["value"],
                readonly=row["mutability"] == "ReadOnly",
                at=row["at"],
            )
            for row in variables
        ]
        return [*keys, *sorted(named, key=lambda key: key.name)]


class Certificates(Repository):
    """Certificates known by their hash, and those queued for installation on a charger."""

    async def put(self, caller: Caller, sha256: bytes, pem: str) -> None:
        """Keep a certificate; one that is known stays."""
        new = {"sha256": sha256, "certificate": pem}
        with suppress(Conflict):
            await self._edit(self._certificate(caller, Kind.ADD, new=new))

    async def get(self, sha256: bytes) -> str:
        """The PEM text; raises NotFound."""
        rows = await self._database.fetch("select certificate from certificates where sha256 = $1", sha256)
        if not rows:
            raise NotFound(f"no certificate {sha256.hex()}")
        pem: str = rows[0][0]
        return pem

    async def delete(self, caller: Caller, sha256: bytes) -> None:
        """Raises NotFound."""
        await self._edit(self._certificate(caller, Kind.DELETE, where=equal("sha256", sha256)))

    def _certificate(self, caller: Caller, kind: Kind, **more: Any) -> Edit:
        return Edit(caller=caller, editing=CERTIFICATES, kind=kind, returning=("sha256",), **more)

    async def install(
        self,
        caller: Caller,
        charge_point_id: int,
        kind: str,
        pem: str,
        *,
        status: str = "Pending",
        reason: str | None = None,
    ) -> Installation:
        """Queue a certificate for a charger, or note at once why it will not be sent."""
        rows = await self._write(
            Audit(
                actor=caller.actor,
                action="station.install_certificate",
                subject=f"charge_point:{charge_point_id}",
                details={"type": kind, "status": status},
            ),
            "insert into charge_point_certificates (charge_point_id, type, certificate, status, reason) "  # noqa: S608 - column names
            f"values ($1, $2, $3, $4, $5) returning {INSTALLATION}",
            charge_point_id,
            kind,
            pem,
            status,
            reason,
        )
        return Installation(**rows[0])

    async def installations(self, charge_point_id: int) -> Sequence[Installation]:
        """All that were ever queued for a charger, oldest first."""
        sql = f"select {INSTALLATION} from charge_point_certificates where charge_point_id = $1 order by id"  # noqa: S608 - column names
        return await self._many(Installation, sql, charge_point_id)

    async def pending(self, charge_point_id: int) -> Sequence[Installation]:
        """Those not answered yet, oldest first."""
        return [one for one in await self.installations(charge_point_id) if one.status == "Pending"]

    async def answered(self, installation_id: int, status: str, reason: str | None = None) -> None:
        """Keep the charger's verdict."""
        await self._database.fetch(
            "update charge_point_certificates set status = $2, reason = $3, answered_at = now() "
            "where id = $1",
            installation_id,
            status,
            reason,
        )
