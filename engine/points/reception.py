"""Whether a well-formed upgrade request leads to a charge point: path, limits, subprotocol, authentication.

Whoever is turned away learns it by an HTTP status before any upgrade, in this order: 403 for a web page, 404
for another path, 429 after too many failed log-ins or beside another one, 503 (with Retry-After) under
overload and without a database, 401 and 403 from `authentication`. No sockets here; the listener sends what
comes out.

A password is judged and counted in one breath: between the look at the limit and the count of a failure
nothing is awaited, so that however many come at once, no more are judged than the limit allows.
"""

from __future__ import annotations

import math
import re
import zlib
from typing import Final
from urllib.parse import unquote_to_bytes

import structlog
import trio

from engine.domain.access import StationRecord
from engine.domain.changes import SecurityEventReported
from engine.domain.state import Frozen
from engine.errors import NotFound, StoreError
from engine.limits import owner_of
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
NEWCOMER_RATE: Final = 1.0  # unknown charge points per second that accept_unknown creates
NEWCOMERS_AT_ONCE: Final = 1_000  # … and after a quiet time
MAX_IDENTITY: Final = 255  # characters
WEB_PAGE: Final = "Web pages may not connect here: allowed_origins names the values of Origin that may."


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


class Admitted(Frozen, frozen=True):
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
        self._newcomers = Bucket(NEWCOMER_RATE, NEWCOMERS_AT_ONCE)
        self._failures = Failures(shared.settings.auth_failures)
        self._pending: set[tuple[str, str]] = set()  # log-ins being checked
        self._proxies = Proxies(shared.settings.trusted_proxies)
        self._origins = {origin.lower() for origin in shared.settings.allowed_origins}

    def behind(self, upgrade: Upgrade, peer: Visitor) -> Visitor:
        """Who it is that a trusted proxy speaks for; `peer` itself where it is none."""
        forwarded = self._proxies.forwarded(peer.address, upgrade.headers)
        if forwarded is None:
            return peer
        return Visitor(
            address=forwarded.address,
            secure=peer.secure if forwarded.secure is None else forwarded.secure,
            certificate=peer.certificate if forwarded.secure is None else None,
            certificate_sha256=forwarded.certificate_sha256 if forwarded.secure else None,
        )

    def is_proxy(self, address: str) -> bool:
        """Whether it is trusted to speak for others."""
        return self._proxies.trusts(address)

    async def admit(self, upgrade: Upgrade, visitor: Visitor) -> Admitted | Turned:
        """Decide. May wait for its turn."""
        if not self._is_no_web_page(upgrade):
            return _turned("foreign_origin", 403, WEB_PAGE)
        identity = identity_in(upgrade.path)
        if identity is None:
            return _turned(
                "not_found",
                404,
                "Connect to /ocpp/<identity>, percent-encoded, 1 to 255 characters without a slash.",
            )
        limited = self._limited(visitor, identity)
        if limited is not None:
            return limited
        turn = self._arrivals.take(self._shared.steady(), PATIENCE)
        if turn is None:
            return self.busy("overloaded", identity)
        if turn > 0:
            await trio.sleep(turn)
        return await self._alone(identity, upgrade, visitor)

    async def _alone(self, identity: str, upgrade: Upgrade, visitor: Visitor) -> Admitted | Turned:
        """One log-in of an identity from an address at a time."""
        key = (owner_of(visitor.address), identity)
        if key in self._pending:
            return _later("rate_limited", 429, "Another log-in of this charge point is being checked.", 1)
        self._pending.add(key)
        try:
            with trio.move_on_after(DATABASE_PATIENCE):
                return await self._identify(identity, upgrade, visitor)
        except StoreError as error:
            log.warning("no database for a connection", identity=identity, error=str(error))
        finally:
            self._pending.discard(key)
        return self.busy("database_away", identity)

    def _is_no_web_page(self, upgrade: Upgrade) -> bool:
        """A browser names the page that connects; chargers have none (RFC 6455 §10.2)."""
        origin = upgrade.header(b"origin")
        return origin is None or origin.decode("latin-1").lower() in self._origins

    def _limited(self, visitor: Visitor, identity: str) -> Turned | None:
        wait = self._failures.wait(owner_of(visitor.address), identity, self._shared.steady())
        return _later("rate_limited", 429, "Too many failed log-ins.", wait) if wait > 0 else None

    def busy(self, outcome: str, identity: str) -> Turned:
        """503; everybody is given another time to come back."""
        spread = zlib.crc32(identity.encode()) % SPREAD
        return _later(
            outcome, 503, "This server is busy.", self._arrivals.wait(self._shared.steady()) + spread
        )

    @staticmethod
    def too_often(wait: float) -> Turned:
        """503 for an identity that connects again and again."""
        return _later("too_often", 503, "This charge point connects too often.", wait)

    def report(
        self, record: StationRecord | None, visitor: Visitor, identity: str, event: str, detail: str
    ) -> None:
        """Count and report a failed log-in; too many from one place are neither reported nor looked at."""
        if self._limited(visitor, identity) is not None:
            return
        self._failures.record(owner_of(visitor.address), identity, self._shared.steady())
        at = self._shared.now()
        row = SecurityEventReported(
            charge_point_id=record.id if record else None,
            operator_id=record.operator_id if record else None,
            type=event,
            timestamp=at,
            tech_info=f"{detail} (identity {identity!r} from {visitor.address})",
            critical=False,  # the whitepaper's table of events
            received_at=at,
        )
        self._shared.journal.append((row,))

    async def _identify(self, identity: str, upgrade: Upgrade, visitor: Visitor) -> Admitted | Turned:
        reader = self._shared.reader
        credentials = Credentials(
            authorization=upgrade.authorization,
            secure=visitor.secure,
            certificate=visitor.certificate or await self._uploaded(visitor.certificate_sha256),
        )
        remembered = reader.remembered(identity)
        record = remembered or await reader.look_up(identity)
        if record is None and self._shared.settings.accept_unknown:
            if self._newcomers.take(self._shared.steady(), patience=0) is None:
                return self.busy("overloaded", identity)
            record = await self._create(identity)
        entry = self._judge(record, identity, credentials, upgrade, visitor)
        if remembered is not None and isinstance(entry, Turned):
            # One look-up for each refusal: how long it takes must not tell whether there is such a charger.
            await reader.look_up(identity)
        return entry

    def _judge(
        self,
        record: StationRecord | None,
        identity: str,
        credentials: Credentials,
        upgrade: Upgrade,
        visitor: Visitor,
    ) -> Admitted | Turned:
        """Look at the limit, decide, and count: in one breath."""
        limited = self._limited(visitor, identity)
        if limited is not None:
            return limited
        verdict = authentication.authenticate(record, identity, credentials)
        if isinstance(verdict, Refused):
            self.report(record, visitor, identity, verdict.event, verdict.detail)
            if verdict.status == 401:
                return _turned("unauthorized", 401, verdict.reason, *authentication.CHALLENGE)
            return _turned("forbidden", verdict.status, verdict.reason)
        if record is None:
            raise RuntimeError("nobody was authenticated")
        offered = (name for name in upgrade.subprotocols if name in self._shared.dialects)
        return Admitted(record=record, profile=verdict.profile, version=next(offered, None))

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
        return await self._shared.reader.look_up(identity)


def _turned(outcome: str, status: int, body: str, *headers: tuple[str, str]) -> Turned:
    return Turned(outcome=outcome, rejection=Rejection(status=status, body=body, headers=headers))


def _later(outcome: str, status: int, body: str, wait: float) -> Turned:
    seconds = max(1, math.ceil(wait))
    return _turned(outcome, status, f"{body} Come back in {seconds} s.", ("Retry-After", str(seconds)))
