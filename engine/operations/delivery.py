"""Brings queued settings and certificates to charge points when they are connected, and accepts them then.

People queue rows; this service looks for them every second, asks the station, and writes its verdict into the
row. A row stays Pending until the station answered, so a lost connection or a restart only means that it is
asked again, which changes nothing that was set already. Stations that do not answer are asked less and less
often until they reconnect. A station that was registered to be configured first is accepted once every row of
its has a verdict.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, cast

import structlog
import trio

from engine.domain.caller import Caller, CallerKind
from engine.domain.state import ChargePoint, Frozen, Registration
from engine.errors import (
    CallError,
    CallRefused,
    Conflict,
    DatabaseAway,
    Invalid,
    NotFound,
    NotSupported,
    StoreError,
)
from engine.node import Node
from engine.ocpp.blocks.certificates.install_certificate import InstallCertificate
from engine.ocpp.blocks.certificates.types import CertificateType
from engine.ocpp.blocks.device_model.passwords import STORED, is_password, is_secret
from engine.ocpp.blocks.device_model.set_configuration import SetConfiguration
from engine.ocpp.blocks.provisioning.reset import Reset
from engine.ocpp.operation import Operation, Result, Settled, Verdict
from engine.ocpp.variable_names import parse
from engine.operations.provisioning import accept, adopt_password
from engine.operations.sending import carry_out
from engine.store.repositories.provisioning import Installation, Setting
from engine.store.repositories.stations import StationPatch
from engine.supervision import keep

log = structlog.get_logger(__name__)

INTERVAL: Final = 1.0  # seconds between looks for queued rows
PAGE: Final = 1_000  # stations per query
AT_ONCE: Final = 16  # stations that are asked at the same time
FIRST_RETRY: Final = timedelta(seconds=30)
LAST_RETRY: Final = timedelta(hours=1)
CALLER: Final = Caller("provisioning", CallerKind.NODE)
SETTING_STATUSES: Final[Mapping[Verdict, str]] = {
    Verdict.ACCEPTED: "Accepted",
    Verdict.REBOOT_REQUIRED: "RebootRequired",
    Verdict.NOT_FOUND: "NotSupported",
    Verdict.NOT_SUPPORTED: "NotSupported",
}


class Attempt(Frozen, frozen=True):
    """The last time a station did not answer; `generation` is of the connection that it had."""

    generation: int
    failures: int
    retry_at: float  # Trio time


class Provisioner:
    """Remembers whom not to bother; the work itself is in the database."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._store = node.store
        self._registry = node.registry
        self._attempts: dict[str, Attempt] = {}
        self._busy: set[str] = set()
        self._slots = trio.CapacityLimiter(AT_ONCE)

    async def look(self, nursery: trio.Nursery) -> None:
        """Start a delivery to each connected station that has rows queued and is not being served."""
        waiting = await _all(self._store.configuration.stations_with_work)
        configured = await _all(self._store.stations.configured)
        ready = [identity for identity in self._connected(waiting) if self._may_ask(identity)]
        self._attempts = {i: a for i, a in self._attempts.items() if self._registry.is_connected(i)}
        for identity in ready:
            self._busy.add(identity)
            nursery.start_soon(self._deliver, identity)
        for identity in [one for one in self._connected(configured) if one not in self._busy]:
            self._busy.add(identity)
            nursery.start_soon(self._accept, identity)

    def _connected(self, wanted: set[int]) -> Iterable[str]:
        for identity in self._registry.connected() if wanted else ():
            state = self._registry.state(identity)
            if state is not None and state.id in wanted:
                # OCPP 1.6 §4.2: a rejected station is not to be called, and one that never booted not yet.
                known = state.booted or bool(state.vendor)
                if known and state.registration is not Registration.REJECTED:
                    yield identity

    def _may_ask(self, identity: str) -> bool:
        if identity in self._busy:
            return False
        attempt = self._attempts.get(identity)
        return (
            attempt is None
            or attempt.generation != self._generation(identity)
            or trio.current_time() >= attempt.retry_at
        )

    def _generation(self, identity: str) -> int:
        connection = self._registry.actor(identity)
        return connection.generation if connection is not None else 0

    async def _deliver(self, identity: str) -> None:
        generation = self._generation(identity)
        try:
            async with self._slots:
                await self._serve(identity)
            self._attempts.pop(identity, None)
        except (CallError, Conflict, NotFound, StoreError) as error:
            self._postpone(identity, generation)
            log.info("provisioning postponed", identity=identity, error=str(error))
        except Exception:
            # A bug is one station's trouble, not the node's.
            self._postpone(identity, generation)
            log.exception("provisioning postponed", identity=identity)
        finally:
            self._busy.discard(identity)

    async def _accept(self, identity: str) -> None:
        """Nothing is left to be brought to it (OCPP 1.6 §4.2, 2.0.1 B02: pending is for that)."""
        try:
            await accept(self._node, CALLER, identity, StationPatch())
            log.info("configured and accepted", identity=identity)
        except (NotFound, StoreError) as error:
            log.info("not accepted yet", identity=identity, error=str(error))
        except Exception:
            log.exception("not accepted yet", identity=identity)
        finally:
            self._busy.discard(identity)

    def _postpone(self, identity: str, generation: int) -> None:
        last = self._attempts.get(identity)
        failures = last.failures + 1 if last is not None and last.generation == generation else 1
        wait = min(FIRST_RETRY * 2 ** min(failures - 1, 10), LAST_RETRY)
        retry_at = trio.current_time() + wait.total_seconds()
        self._attempts[identity] = Attempt(generation=generation, failures=failures, retry_at=retry_at)

    async def _serve(self, identity: str) -> None:
        state = self._registry.state(identity)
        if state is None:
            return
        for installation in await self._store.certificates.pending(state.id):
            await self._install(identity, installation)
        await self._configure(identity, await self._store.configuration.pending(state.id))

    async def _install(self, identity: str, row: Installation) -> None:
        wanted = InstallCertificate(type=cast(CertificateType, row.type), certificate=row.certificate)
        result = await self._ask(identity, wanted)
        verdict = "Accepted" if result.verdict is Verdict.ACCEPTED else "Rejected"
        reason = (
            None if verdict == "Accepted" else result.reason or f"the charge point answered {result.word}"
        )
        await self._store.certificates.answered(row.id, verdict, reason)

    async def _configure(self, identity: str, settings: Sequence[Setting]) -> None:
        """Change what is pending, then reboot once if any change asks for it.

        Changes that need the reboot are written down only after it was asked for: whoever is interrupted in
        between makes them, and the reboot, again.
        """
        unfinished: list[Setting] = []
        for part in portions(settings, self._registry.state(identity)):
            unfinished += await self._change(identity, part)
        if unfinished:
            await self._ask(identity, Reset(when="idle"))
        for setting in unfinished:
            await self._answered(setting, "RebootRequired")

    async def _change(self, identity: str, part: Sequence[Setting]) -> list[Setting]:
        """Ask for one message's worth, keep its verdicts, and return what needs a reboot."""
        wanted = {setting.name: setting.value for setting in part}
        result = await self._ask(identity, SetConfiguration(values=wanted))
        if isinstance(result, Settled):
            verdicts = result.verdicts
            reasons = {name: f"the charge point answered {why}" for name, why in result.reasons.items()}
        else:
            verdicts = dict.fromkeys(wanted, result.verdict)
            reasons = dict.fromkeys(wanted, result.reason or "")
        unfinished = []
        for setting in part:
            status = SETTING_STATUSES.get(verdicts[setting.name], "Rejected")
            if is_password(setting.name) and status in STORED:
                await adopt_password(self._node, CALLER, identity, setting.value)
            if status == "RebootRequired":
                unfinished.append(setting)
            else:
                await self._answered(setting, status, reasons.get(setting.name) or None)
        return unfinished

    async def _answered(self, setting: Setting, status: str, reason: str | None = None) -> None:
        """Keep the verdict; of a secret only that it was settled, not what it is."""
        await self._store.configuration.answered(setting, status, reason, secret=is_secret(setting.name))

    async def _ask(self, identity: str, operation: Operation) -> Result:
        """What came of it; what was refused, not understood or not sent is a verdict too."""
        try:
            return await carry_out(self._node, identity, operation)
        except NotSupported as error:
            return Result(verdict=Verdict.NOT_SUPPORTED, word="", reason=str(error))
        except CallRefused as error:
            return Result(verdict=Verdict.REJECTED, word="", reason=f"the charge point answered {error}")
        except Invalid as error:
            return Result(verdict=Verdict.REJECTED, word="", reason=f"not sent: {error}")


async def _all(listing: Callable[..., Awaitable[Sequence[int]]]) -> set[int]:
    """The ids of a listing, page after page."""
    found: set[int] = set()
    after = 0
    while True:
        page = await listing(after=after, limit=PAGE)
        found.update(page)
        if len(page) < PAGE:
            return found
        after = page[-1]


def portions(settings: Sequence[Setting], state: ChargePoint | None) -> Iterator[Sequence[Setting]]:
    """The settings in messages' worth, so that each verdict is kept as soon as it is there.

    One by one where a message takes one, or where the station has not said how many it takes. What names no
    variable would spoil the others' message, so it goes alone. The password comes last, and alone: a station
    may leave as soon as it has it.
    """
    most = state.items_per_message.get("SetVariables", 1) if state is not None else 1
    passwords = [one for one in settings if is_password(one.name)]
    others = [one for one in settings if one not in passwords]
    together = [one for one in others if most > 1 and parse(one.name)]
    yield from ([one] for one in others if one not in together)
    yield from (together[first : first + most] for first in range(0, len(together), most))
    yield from ([password] for password in passwords)


async def deliver_pending(
    node: Node,
    *,
    interval: float = INTERVAL,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Deliver until cancelled."""
    provisioner = Provisioner(node)

    async def look() -> None:
        while True:
            with suppress(DatabaseAway):  # the store has said so
                await provisioner.look(nursery)
            await trio.sleep(interval)

    async with trio.open_nursery() as nursery:
        task_status.started()
        await keep("provisioning", look, node.metrics.task_failures)
