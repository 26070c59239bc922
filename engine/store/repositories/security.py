"""Certificates of stations from request to expiry, and the security profiles that stations move to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.caller import Caller
from engine.domain.state import Frozen
from engine.errors import NotFound
from engine.store.database import Connection
from engine.store.repositories.base import Audit, Repository, page


class SigningRequest(Frozen, frozen=True):
    """A certificate that a station waits for; `chain` is there once the CA has signed."""

    charge_point_id: int
    identity: str
    certificate_type: str
    csr: str  # PEM
    request_id: int | None
    status: str  # Requested | Signed | Accepted | Rejected | Failed
    chain: str | None  # PEM
    attempts: int
    requested_at: datetime


class Issue(Frozen, frozen=True):
    """What a CA gave for a request: the chain, and of its first certificate what is looked for later."""

    chain: str  # PEM
    certificate: str  # PEM
    serial: str  # hex
    not_after: datetime
    issued_at: datetime


class Expiring(Frozen, frozen=True):
    """A station's certificate that should be renewed."""

    id: int
    identity: str
    certificate_type: str
    not_after: datetime


class Move(Frozen, frozen=True):
    """The last move of a station to a higher security profile; `wanted` is where it was to go."""

    wanted: int
    planned_at: datetime
    actor: str
    under_way: bool
    refused: bool  # by the station, when it was told
    security_profile: int  # in force


DUE: Final = """
select r.charge_point_id, c.network_id as identity, r.certificate_type, r.csr, r.request_id, r.status,
       r.chain, r.attempts, r.requested_at
from certificate_requests r
join charge_points c on c.id = r.charge_point_id
join charge_point_status s on s.charge_point_id = c.id
where r.status in ('Requested', 'Signed') and r.next_attempt_at <= $1 and c.deleted_at is null
  and (r.status = 'Requested' or s.network_status = 'available')
order by r.next_attempt_at limit $2
"""
# Another node may have been faster, or the station asked anew: then nothing is changed.
SIGNED: Final = """
with signed as (
    update certificate_requests
    set status = 'Signed', chain = $4, attempts = 0, reason = null, next_attempt_at = $8
    where charge_point_id = $1 and certificate_type = $2 and csr = $3 and status = 'Requested'
    returning charge_point_id
)
insert into issued_certificates (charge_point_id, certificate_type, serial, not_after, certificate, issued_at)
select charge_point_id, $2, $5, $6, $7, $8 from signed
returning id
"""
POSTPONED: Final = """
update certificate_requests set attempts = attempts + 1, next_attempt_at = $4, reason = $5
where charge_point_id = $1 and certificate_type = $2 and csr = $3 and status in ('Requested', 'Signed')
"""
ANSWERED: Final = """
update certificate_requests set status = $4, reason = $5, answered_at = $6
where charge_point_id = $1 and certificate_type = $2 and csr = $3 and status in ('Requested', 'Signed')
returning 1
"""
INSTALLED: Final = """
with newest as (
    select max(id) as id from issued_certificates where charge_point_id = $1 and certificate_type = $2
)
update issued_certificates i
set status = case when i.id <> newest.id then 'Replaced' when $3 then 'Installed' else 'Refused' end
from newest
where i.charge_point_id = $1 and i.certificate_type = $2
  and (i.id = newest.id or ($3 and i.status in ('Installed', 'Issued')))
"""
BOUND: Final = """
update charge_points set certificate_serial = $2, last_updated_at = now()
where id = $1 and certificate_serial is distinct from $2
returning network_id
"""
EXPIRING: Final = """
select i.id, c.network_id as identity, i.certificate_type, i.not_after
from issued_certificates i
join charge_points c on c.id = i.charge_point_id
join charge_point_status s on s.charge_point_id = c.id
where i.status = 'Installed' and i.not_after < $1 and s.network_status = 'available' and c.deleted_at is null
  and (i.renewal_asked_at is null or i.renewal_asked_at < $2)
  and not exists (
      select from certificate_requests r
      where r.charge_point_id = i.charge_point_id and r.certificate_type = i.certificate_type
        and r.status in ('Requested', 'Signed'))
order by i.not_after limit $3
"""
# A move that is under way makes place for the new one.
PLANNED: Final = """
with station as (
    select id from charge_points where network_id = $1 and deleted_at is null
)
insert into security_profile_moves (charge_point_id, security_profile, planned_at, actor)
select id, $2, $3, $4 from station
on conflict (charge_point_id) where status = 'under_way' do update
set security_profile = excluded.security_profile, planned_at = excluded.planned_at, actor = excluded.actor
returning charge_point_id
"""
CANCELLED: Final = """
update security_profile_moves m set status = 'refused', ended_at = now()
from charge_points c
where c.network_id = $1 and c.deleted_at is null and m.charge_point_id = c.id and m.status = 'under_way'
returning m.charge_point_id
"""
MOVED: Final = """
select m.security_profile as wanted, m.planned_at, m.actor, m.status = 'under_way' as under_way,
       m.status = 'refused' as refused, c.security_profile
from charge_points c
join security_profile_moves m on m.charge_point_id = c.id
where c.network_id = $1 and c.deleted_at is null
order by m.id desc limit 1
"""
# A station that came with what it was to come with has moved for good; one that never did keeps what it has.
SETTLED: Final = """
with ended as (
    update security_profile_moves m
    set ended_at = now(), status = case when arrived then 'moved' else 'given_up' end
    from (
        select m.id,
               s.current_security_profile >= m.security_profile and s.connected_at >= m.planned_at as arrived
        from security_profile_moves m join charge_point_status s using (charge_point_id)
        where m.status = 'under_way'
    ) e
    where m.id = e.id and (arrived or m.planned_at < $1)
    returning m.charge_point_id, m.security_profile, arrived
)
update charge_points c
set security_profile = case when arrived then e.security_profile else c.security_profile end,
    last_updated_at = now()
from ended e
where c.id = e.charge_point_id
returning network_id
"""


class StationCertificates(Repository):
    """Certificates of stations, asked for and issued, and moves to other security profiles."""

    async def due(self, now: datetime, limit: int = 100) -> Sequence[SigningRequest]:
        """Requests to be signed, and signed ones whose station is connected somewhere."""
        return await self._many(SigningRequest, DUE, now, page(limit))

    async def signed(self, request: SigningRequest, issue: Issue) -> bool:
        """Keep what the CA gave; False where the request was served or replaced meanwhile."""
        rows = await self._database.fetch(
            SIGNED,
            request.charge_point_id,
            request.certificate_type,
            request.csr,
            issue.chain,
            issue.serial,
            issue.not_after,
            issue.certificate,
            issue.issued_at,
        )
        return bool(rows)

    async def postponed(self, request: SigningRequest, until: datetime, reason: str) -> None:
        """Try again then."""
        await self._database.fetch(POSTPONED, *_key(request), until, reason)

    async def answered(
        self,
        request: SigningRequest,
        status: str,
        reason: str | None,
        at: datetime,
        *,
        bind: tuple[str | None] | None = None,
    ) -> None:
        """Close a request: Accepted, Rejected by the station, or Failed.

        `bind`, if given, holds the serial by which the station is known from now on (None: by its name).
        """

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                if not await connection.fetch(ANSWERED, *_key(request), status, reason, at):
                    return
                if request.chain is not None:
                    await connection.execute(
                        INSTALLED, request.charge_point_id, request.certificate_type, status == "Accepted"
                    )
                if bind is not None:
                    await connection.execute(BOUND, request.charge_point_id, bind[0])

        await self._change(work)

    async def expiring(
        self, before: datetime, asked_before: datetime, limit: int = 100
    ) -> Sequence[Expiring]:
        """Certificates of connected stations that end before then, without those asked for lately."""
        return await self._many(Expiring, EXPIRING, before, asked_before, page(limit))

    async def renewal_asked(self, certificate: Expiring, at: datetime) -> None:
        await self._database.fetch(
            "update issued_certificates set renewal_asked_at = $2 where id = $1", certificate.id, at
        )

    async def last_move(self, identity: str) -> Move | None:
        """None where nobody asked for one."""
        return await self._one(Move, MOVED, identity)

    async def plan_profile(self, caller: Caller, identity: str, profile: int, at: datetime) -> None:
        """Let the station in with this security profile too, until it did. Raises NotFound."""
        rows = await self._write(
            Audit(
                actor=caller.actor,
                action="station.upgrade",
                subject=f"charge_point:{identity}",
                details={"security_profile": profile},
            ),
            PLANNED,
            identity,
            profile,
            at,
            caller.actor,
        )
        if not rows:
            raise NotFound(f"no charge point {identity!r}")

    async def cancel_profile(self, caller: Caller, identity: str) -> None:
        """The station would not hear of it: only the present security profile lets it in."""
        await self._write(
            Audit(actor=caller.actor, action="station.upgrade_refused", subject=f"charge_point:{identity}"),
            CANCELLED,
            identity,
        )

    async def settle_profiles(self, given_up_before: datetime) -> Sequence[str]:
        """End the moves that succeeded, and those planned so long ago; the stations' identities."""

        async def work(connection: Connection) -> list[str]:
            return [row[0] for row in await connection.fetch(SETTLED, given_up_before)]

        return await self._change(work)


def _key(request: SigningRequest) -> tuple[int, str, str]:
    return request.charge_point_id, request.certificate_type, request.csr
