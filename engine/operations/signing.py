"""Brings stations the certificates they asked for, has them renew in time, and ends moves between profiles.

A request is a row: signed by the CA, taken to the station, answered by it. Whatever is interrupted goes on
from the row; what fails is tried again less and less often and then given up, because a station asks anew by
itself (CertSigningWaitMinimum, A02).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from engine.domain.caller import Caller, CallerKind
from engine.errors import (
    CallDropped,
    CallError,
    CallRefused,
    Conflict,
    DatabaseAway,
    Invalid,
    NotFound,
    NotSupported,
    Offline,
    OutsideError,
    QueueFull,
    StoreError,
)
from engine.node import Node
from engine.ocpp.blocks.certificates.sign_certificate import COMBINED, certificate_signed
from engine.ocpp.blocks.remote_control.trigger import Trigger
from engine.operations.sending import carry_out, send
from engine.security.authority import V2G_USES, Applicant, Authority
from engine.store.repositories.security import Expiring, Issue, SigningRequest
from engine.supervision import keep

log = structlog.get_logger(__name__)

INTERVAL: Final = 1.0  # seconds between looks for requests
SLOW_INTERVAL: Final = 60.0  # seconds between looks for what expires and what has settled
FIRST_RETRY: Final = timedelta(seconds=30)
LAST_RETRY: Final = timedelta(hours=1)
MAX_ATTEMPTS: Final = 10
AT_ONCE: Final = 16  # requests served at the same time
ASK_AGAIN: Final = timedelta(days=1)  # a station that did not renew is asked again
GIVE_UP_MOVE: Final = timedelta(days=1)  # a move to another security profile that did not happen
CALLER: Final = Caller("security", CallerKind.NODE)


# What has a station ask for another certificate of a use (1.6 security A02; 2.0.1 A02, F06).
RENEWALS: Final[Mapping[str, Trigger]] = {
    "ChargingStationCertificate": Trigger(message="SignChargingStationCertificate"),
    "V2GCertificate": Trigger(message="SignV2GCertificate"),
    "V2G20Certificate": Trigger(message="SignV2G20Certificate"),
    COMBINED: Trigger(message="SignCombinedCertificate"),
}


class Signer:
    """Remembers only what is under way; the work itself is in the database."""

    def __init__(
        self,
        node: Node,
        authority: Authority,
        *,
        renewal: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._node = node
        self._store = node.store
        self._registry = node.registry
        self._authority = authority
        self._renewal = renewal
        self._now = now
        self._busy: set[tuple[int, str]] = set()
        self._slots = trio.CapacityLimiter(AT_ONCE)

    async def look(self, nursery: trio.Nursery) -> None:
        """Start to serve every request that is due and not being served. Raises StoreError."""
        signs = await self._store.duties.holds("signing")
        for request in await self._store.station_certificates.due(self._now()):
            key = (request.charge_point_id, request.certificate_type)
            asked = request.status == "Requested"
            here = signs if asked else self._registry.is_connected(request.identity)
            if here and key not in self._busy:
                self._busy.add(key)
                nursery.start_soon(self._serve, request)

    async def look_slowly(self) -> None:
        """Ask for renewals, end moves between security profiles. Raises StoreError."""
        now = self._now()
        for certificate in await self._store.station_certificates.expiring(
            now + self._renewal, now - ASK_AGAIN
        ):
            await self._renew(certificate, now)
        if await self._store.duties.holds("security profiles"):
            for identity in await self._store.station_certificates.settle_profiles(now - GIVE_UP_MOVE):
                log.info("security profile settled", identity=identity)

    async def _serve(self, request: SigningRequest) -> None:
        try:
            async with self._slots:
                if request.status == "Requested":
                    await self._sign(request)
                else:
                    await self._deliver(request)
        except DatabaseAway:
            pass  # the store has said so, and the row waits
        except StoreError as error:
            log.warning("certificate request not served", identity=request.identity, error=str(error))
        except Exception:
            # A bug, or what an authority outside gave us: one station's trouble, not the node's.
            log.exception("certificate request not served", identity=request.identity)
        finally:
            self._busy.discard((request.charge_point_id, request.certificate_type))

    async def _sign(self, request: SigningRequest) -> None:
        applicant = Applicant(identity=request.identity, use=request.certificate_type)
        try:
            issue = _issue(await self._authority.sign(request.csr, applicant), self._now())
        except Invalid as error:
            await self._close(request, "Failed", f"the CA refused: {error}")
        except (OutsideError, ValueError) as error:
            await self._postpone(request, str(error))
        else:
            if await self._store.station_certificates.signed(request, issue):
                log.info("certificate signed", identity=request.identity, serial=issue.serial)

    async def _deliver(self, request: SigningRequest) -> None:
        """Take the chain to the station (A02, A03); what it answers is final."""
        state = self._registry.state(request.identity)
        if state is None:
            return
        signed = certificate_signed(
            state.version, request.chain or "", request.certificate_type, request.request_id
        )
        try:
            answer: Any = await send(self._node, request.identity, signed)
        except (Offline, CallDropped, NotFound, QueueFull, Conflict):
            return  # it comes again, and so do we
        except (CallRefused, Invalid) as error:
            await self._close(request, "Rejected", str(error))
        except CallError as error:
            await self._postpone(request, str(error))
        else:
            accepted = answer.status == "Accepted"
            await self._close(request, "Accepted" if accepted else "Rejected", None)

    async def _close(self, request: SigningRequest, status: str, reason: str | None) -> None:
        bind = None
        if status == "Accepted" and request.chain is not None and request.certificate_type not in V2G_USES:
            bind = (_binding(request.chain, request.identity),)
            leaf = x509.load_pem_x509_certificates(request.chain.encode())[0]
            pem = leaf.public_bytes(serialization.Encoding.PEM).decode()
            # A proxy that ends TLS names it by its hash (engine.points.proxies).
            await self._store.certificates.put(CALLER, leaf.fingerprint(hashes.SHA256()), pem)
        await self._store.station_certificates.answered(request, status, reason, self._now(), bind=bind)
        log.info("certificate request closed", identity=request.identity, status=status, reason=reason)

    async def _postpone(self, request: SigningRequest, reason: str) -> None:
        if request.attempts + 1 >= MAX_ATTEMPTS:
            await self._close(request, "Failed", reason)
            return
        wait = min(FIRST_RETRY * 2**request.attempts, LAST_RETRY)
        await self._store.station_certificates.postponed(request, self._now() + wait, reason)

    async def _renew(self, certificate: Expiring, now: datetime) -> None:
        ask = RENEWALS.get(certificate.certificate_type)
        if ask is None or not self._registry.is_connected(certificate.identity):
            return
        try:
            word = (await carry_out(self._node, certificate.identity, ask)).word
        except NotSupported as error:
            word = str(error)
        except (CallError, Conflict, Invalid, NotFound) as error:
            log.info("renewal not asked for", identity=certificate.identity, error=str(error))
            return
        log.info("renewal asked for", identity=certificate.identity, status=word)
        await self._store.station_certificates.renewal_asked(certificate, now)


def _issue(chain: str, now: datetime) -> Issue:
    """What is remembered of a chain. Raises ValueError when it is none."""
    certificate = x509.load_pem_x509_certificates(chain.encode())[0]
    return Issue(
        chain=chain,
        certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        serial=f"{certificate.serial_number:x}",
        not_after=certificate.not_valid_after_utc,
        issued_at=now,
    )


def _binding(chain: str, identity: str) -> str | None:
    """By which serial the station is to be known; None where its certificate bears its name."""
    certificate = x509.load_pem_x509_certificates(chain.encode())[0]
    names = [name.value for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return None if names == [identity] else f"{certificate.serial_number:x}"


async def issue_certificates(
    node: Node,
    authority: Authority,
    *,
    renewal: timedelta,
    now: Callable[[], datetime],
    interval: float = INTERVAL,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve requests until cancelled."""
    signer = Signer(node, authority, renewal=renewal, now=now)
    failures = node.metrics.task_failures

    async def every(seconds: float, look: Callable[[], Awaitable[None]]) -> None:
        while True:
            with suppress(DatabaseAway):  # the store has said so
                await look()
            await trio.sleep(seconds)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep, "signing", partial(every, interval, partial(signer.look, nursery)), failures)
        nursery.start_soon(
            keep, "certificate renewal", partial(every, SLOW_INTERVAL, signer.look_slowly), failures
        )
        task_status.started()
