"""Whether a well-formed upgrade request leads to a charge point: path, limits, subprotocol, authentication.

Whoever is turned away learns it by an HTTP status before any upgrade, in this order: 404 for another path,
429 after too many failed log-ins, 503 (with Retry-After) under overload, while draining and without a
database, 401 and 403 from `authentication`. No sockets here; the listener sends what comes out.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote_to_bytes

import structlog
import trio

from engine.domain.access import StationRecord
from engine.domain.changes import SecurityEventReported
from engine.domain.state import Frozen
from engine.errors import NotFound, StoreError
from engine.points import authentication
from engine.points.admission import Bucket, Failures
from engine.points.authentication import Certificate, Credentials, Refused
from engine.points.handshake import Rejection, Upgrade
from engine.points.proxies import Proxies, presented
from engine.points.shared import Shared

log = structlog.get_logger(__name__)

PATIENCE: Final = 5.0  # seconds that a new connection may wait for its turn
DATABASE_PATIENCE: Final = 5.0  # seconds for the look-ups of one connection; many clients give up after 10
SPREAD: Final = 10  # seconds over which those turned away are asked to come back

PATH: Final = re.compile(r"/ocpp/([^/]+)")
MAX_IDENTITY: Final = 255  # characters


class Turned(Frozen, frozen=True):
    """Turned away; `outcome` is for the counter of connections."""

    outcome: str
    rejection: Rejection


class Visitor(Frozen, frozen=True):
    """Where a request came from and what was verified about it."""

    address: str
    secure: bool = False
    certificate: Certificate | None = None
    certificate_sha256: bytes | None = None  # of the one that a proxy names


class Entry(Frozen, frozen=True):
    """Let in. `version` None: it offers no subprotocol of ours."""

    record: StationRecord
    profile: int
    version: str | None


def identity_in(path: str) -> str | None:
    """The charge point's identity in a request path, None if it names none.

    The one segment behind /ocpp/, percent-decoded: 1–255 characters of UTF-8 that can be printed, no slash.
    """
    match = PATH.fullmatch(path)
    if match is None:
        return None
    try:
        identity = unquote_to_bytes(match[1]).decode()
    except UnicodeDecodeError:
        return None
    # A slash could not be told from those of the addresses under which people find a charge point.
    fits = 1 <= len(identity) <= MAX_IDENTITY and identity.isprintable() and "/" not in identity
    return identity if fits else None


class Reception:
    """One for all doors of a node."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._arrivals = Bucket(shared.settings.connection_rate)
        self._failures = Failures(shared.settings.auth_failures)
        self._proxies = Proxies(shared.settings.trusted_proxies)

    def behind(self, upgrade: Upgrade, peer: Visitor) -> Visitor:
        """Who it is that a trusted proxy speaks for; `peer` itself where it is none."""
        told = self._proxies.told(peer.address, upgrade.headers)
        if told is None:
            return peer
        return Visitor(
            address=told.address,
            secure=peer.secure if told.secure is None else told.secure,
            certificate=peer.certificate if told.secure is None else None,
            certificate_sha256=told.certificate_sha256 if told.secure else None,
        )

    async def admit(
        self, upgrade: Upgrade, visitor: Visitor, *, room: Callable[[str], bool]
    ) -> Entry | Turned:
        """Decide; `room` says of an identity whether this node takes it now. May wait for its turn."""
        identity = identity_in(upgrade.path)
        if identity is None:
            return _turned(
                "not_found",
                404,
                "Connect to /ocpp/<identity>, percent-encoded, 1 to 255 characters without a slash.",
            )
        now = self._shared.steady()
        wait = self._failures.wait(visitor.address, identity, now)
        if wait > 0:
            return _later("rate_limited", 429, "Too many failed log-ins.", wait)
        turn = self._arrivals.take(now, PATIENCE) if room(identity) else None
        if turn is None:
            return self.busy("overloaded", identity)
        if turn > 0:
            await trio.sleep(turn)
        with trio.move_on_after(DATABASE_PATIENCE):
            try:
                return await self._identify(identity, upgrade, visitor)
            except StoreError as error:
                log.warning("no database for a connection", identity=identity, error=str(error))
        return self.busy("database_away", identity)

    def busy(self, outcome: str, identity: str) -> Turned:
        """503; everybody is given another time to come back."""
        spread = zlib.crc32(identity.encode()) % SPREAD
        return _later(
            outcome, 503, "This server is busy.", self._arrivals.wait(self._shared.steady()) + spread
        )

    def report(
        self, charge_point_id: int | None, visitor: Visitor, identity: str, event: str, detail: str
    ) -> None:
        """Count and report a failed log-in; too many from one place are neither reported nor looked at."""
        now = self._shared.steady()
        if self._failures.wait(visitor.address, identity, now) > 0:
            return
        self._failures.record(visitor.address, identity, now)
        at = self._shared.now()
        row = SecurityEventReported(
            charge_point_id=charge_point_id,
            type=event,
            timestamp=at,
            tech_info=f"{detail} (identity {identity!r} from {visitor.address})",
            critical=False,  # the whitepaper's table of events
            received_at=at,
        )
        self._shared.journal.append((row,))

    async def _identify(self, identity: str, upgrade: Upgrade, visitor: Visitor) -> Entry | Turned:
        credentials = Credentials(
            authorization=upgrade.authorization,
            secure=visitor.secure,
            certificate=visitor.certificate or await self._uploaded(visitor.certificate_sha256),
        )
        record = await self._shared.reader.station(identity)
        if record is None and self._shared.settings.accept_unknown:
            record = await self._create(identity)
        verdict = authentication.authenticate(record, identity, credentials)
        if isinstance(verdict, Refused):
            self.report(record.id if record else None, visitor, identity, verdict.event, verdict.detail)
            if verdict.status == 401:
                return _turned("unauthorized", 401, verdict.reason, *authentication.CHALLENGE)
            return _turned("forbidden", verdict.status, verdict.reason)
        if record is None:
            raise RuntimeError("nobody was authenticated")
        offered = (name for name in upgrade.subprotocols if name in self._shared.dialects)
        return Entry(record=record, profile=verdict.profile, version=next(offered, None))

    async def _uploaded(self, sha256: bytes | None) -> Certificate | None:
        """The certificate that a proxy names: a person must have uploaded it, and it must hold today."""
        if sha256 is None:
            return None
        try:
            certificate = presented(await self._shared.store.certificates.get(sha256))
        except NotFound:
            return None
        return certificate if certificate.holds(self._shared.now()) else None

    async def _create(self, identity: str) -> StationRecord | None:
        await self._shared.store.stations.create_pending(identity)
        self._shared.reader.forget(identity)
        log.info("unknown charge point created as pending", identity=identity)
        return await self._shared.reader.station(identity)


def _turned(outcome: str, status: int, body: str, *headers: tuple[str, str]) -> Turned:
    return Turned(outcome=outcome, rejection=Rejection(status=status, body=body, headers=headers))


def _later(outcome: str, status: int, body: str, wait: float) -> Turned:
    seconds = max(1, math.ceil(wait))
    return _turned(outcome, status, f"{body} Come back in {seconds} s.", ("Retry-After", str(seconds)))
