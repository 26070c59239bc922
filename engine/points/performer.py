"""The state of one charge point, and all that changes it: outcomes of messages, answers, the database.

An outcome is performed in its order: commit, adopt, answer, then call. What has to be committed is handed to
the journal, which calls back.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import structlog
from msgspec.structs import replace

from engine.domain.access import StationRecord
from engine.domain.changes import ChargePointConnected
from engine.domain.state import ChargePoint, Registration, StationSettings
from engine.errors import StoreError, Superseded
from engine.ocpp import rpc
from engine.ocpp.step import Message, Outcome, Raw, Refusal
from engine.points.admission import Conduct
from engine.points.commands import Commands
from engine.points.connection import Connection
from engine.points.peer import Peer
from engine.points.shared import Dialect, Route, Shared

log = structlog.get_logger(__name__)

ROWS_INCLUDED: Final = 10  # that a message may come to; what is more costs as much as
ROWS_A_MESSAGE: Final = 4  # … one message for so many
POLICY: Final = 1008  # RFC 6455 §7.4.1
EARLY_SIZE: Final = 65_536  # bytes of a message, until its boot was accepted

FAILED: Final = Refusal(code=rpc.Code.INTERNAL_ERROR, description="The message could not be processed.")


class Performer:
    """Holds the state. Any task may call the public methods."""

    __slots__ = (
        "_commands", "_committing", "_conduct", "_greeted", "_override", "_remembered", "_routes", "_shared",
        "connection", "dialect", "generation", "is_open", "peer", "record", "state",
    )  # fmt: skip

    def __init__(
        self,
        shared: Shared,
        connection: Connection,
        *,
        dialect: Dialect,
        record: StationRecord,
        state: ChargePoint,
        generation: int,
        conduct: Conduct,
    ) -> None:
        self.connection = connection
        self.dialect = dialect
        self.record = record
        self.state = state
        self.generation = generation
        self.is_open = _is_open(state)  # may send everything
        self.peer = Peer(shared, connection, dialect, record=record, generation=generation, conduct=conduct)
        self._shared = shared
        self._routes = dialect.routes
        self._conduct = conduct
        self._commands: Commands | None = None
        self._committing = False  # the journal has the message being worked on, and will call back
        self._greeted = False
        self._override: tuple[StationRecord, StationSettings, Registration] | None = None
        self._remembered: tuple[str, int, bytes] | None = None  # last durable call: id, hash of text, answer
        connection.limit(self._largest())

    # --- outcomes ------------------------------------------------------------------------------------------

    def perform(self, route: Route, message_id: str, text: bytes, outcome: Outcome) -> None:
        """Write what changes, then go on: what is answered is committed, where the handler wants it so."""
        rows = len(outcome.changes)
        if rows > ROWS_INCLUDED:
            self._shared.allowance.charge(self._conduct, (rows - ROWS_INCLUDED) // ROWS_A_MESSAGE, 0)
        if not rows:
            self._conclude(route, message_id, outcome)
        elif outcome.durable:
            done = partial(self._on_written, route, message_id, text, outcome)
            try:
                self._shared.journal.commit_then(outcome.changes, done, self.record.id, self.generation)
            except StoreError as error:
                self._on_unwritten(route, message_id, error)
            else:
                self._committing = True
                self.connection.hold()
        else:
            self._shared.journal.append(outcome.changes)
            self._conclude_and_remember(route, message_id, text, outcome)

    def _on_written(
        self, route: Route, message_id: str, text: bytes, outcome: Outcome, error: StoreError | None
    ) -> None:
        """The journal has committed the changes, or the database will never take them."""
        self._committing = False
        try:
            if error is not None:
                self._on_unwritten(route, message_id, error)
            elif not self.is_over():  # else the newer connection has loaded what was committed
                self._conclude_and_remember(route, message_id, text, outcome)
            self._resume()
        except Exception:
            # As in `Connection.run`; here we are in the journal's task.
            log.exception("connection failed", identity=self.record.identity)
            self.connection.fail("failed")

    def _on_unwritten(self, route: Route, message_id: str, error: StoreError) -> None:
        if isinstance(error, Superseded):
            self.supersede()
            return
        log.error("change refused", error=str(error), **self.peer.named(route.action, message_id))
        self.fail(route, message_id)

    def _conclude_and_remember(self, route: Route, message_id: str, text: bytes, outcome: Outcome) -> None:
        frame = self._conclude(route, message_id, outcome)
        if frame is not None:
            self._remembered = (message_id, hash(text), frame)

    def _conclude(self, route: Route, message_id: str, outcome: Outcome) -> bytes | None:
        """Adopt the state, answer, and queue the calls that follow. Returns the answer's frame."""
        if outcome.state is not self.state:
            self.adopt(outcome.state)
        reply = outcome.reply
        if reply is None:
            return None
        if isinstance(reply, Refusal):
            self._shared.metrics.messages[route.failed] += 1
            frame = self.peer.error_frame(route.action, message_id, reply)
        else:
            self._shared.metrics.messages[route.handled] += 1
            payload = rpc.encode(reply)
            if route.logged:
                self.peer.keep("out", "result", route.action, message_id, payload)
            frame = self.peer.result_frame(message_id, payload)
        self.connection.transport.send(frame)
        for request in outcome.calls:
            self.commands().call_automatically(request)
        if not self._greeted and self.is_open:
            self._greet()
        return frame

    def _greet(self) -> None:
        """What the version asks of a charge point that is back, once it was answered for the first time."""
        self._greeted = True
        greeting = self.dialect.greeting
        for request in greeting(self.state) if greeting is not None else ():
            self.commands().call_automatically(request)

    def is_over(self) -> bool:
        """Closed while a message was being worked on: a newer connection may hold the state by now."""
        return self.connection.closed_for is not None

    def fail(self, route: Route, message_id: str) -> None:
        """Our fault, or the database's: this message fails, the connection goes on."""
        self._shared.metrics.messages[route.failed] += 1
        if not self.is_over():
            self.connection.transport.send(self.peer.error_frame(route.action, message_id, FAILED))

    # --- from elsewhere ------------------------------------------------------------------------------------

    async def call(self, request: Message, timeout: float, *, force: bool = False) -> Message:
        """As `Commands.call`."""
        return await self.commands().call(request, timeout, force=force)

    async def call_raw(self, request: Raw, timeout: float) -> Raw:
        """As `Commands.call_raw`."""
        return await self.commands().call_raw(request, timeout)

    @property
    def waiting_calls(self) -> int:
        return 0 if self._commands is None else len(self._commands)

    def adopt(self, state: ChargePoint) -> None:
        self.state = state
        is_open = _is_open(state)
        if is_open is not self.is_open:
            self.is_open = is_open
            self.connection.limit(self._largest())

    def _largest(self) -> int:
        """Bytes that a message of it may have."""
        size = self._shared.settings.max_message_size
        return size if self.is_open else min(size, EARLY_SIZE)

    def supersede(self) -> None:
        """A newer connection has its state: close this one at once, it would only be in the way."""
        self.connection.close(POLICY, "replaced by a newer connection", "takeover")

    def configure(self, record: StationRecord, settings: StationSettings, registration: Registration) -> None:
        """Take over what was changed in the database; a message being worked on is finished first."""
        if self.connection.held:
            self._override = (record, settings, registration)
        else:
            self.record = record
            self.adopt(replace(self.state, settings=settings, registration=registration))

    def connected(self) -> ChargePointConnected:
        """The row that says so."""
        return ChargePointConnected(
            charge_point_id=self.record.id,
            connected_at=self._shared.now(),
            network_protocol=self.state.version,
            current_security_profile=self.connection.profile,
            network_ip=self.connection.remote,
        )

    # --- for the connection --------------------------------------------------------------------------------

    def on_awaited(self) -> None:
        """As `User.on_awaited`."""
        if not self._committing:
            self._resume()

    def on_closed(self, why: str) -> None:
        """As `User.on_closed`."""
        commands, self._commands = self._commands, None  # it knows us: a cycle is collected late
        if commands is not None:
            commands.drop(why)

    def finish(self) -> bool:
        """As `User.finish`."""
        return self._commands is not None and self._commands.finish()

    def _resume(self) -> None:
        """A message is done."""
        self.connection.resume()
        if self._override is not None:
            changed, self._override = self._override, None
            self.configure(*changed)

    def commands(self) -> Commands:
        if self._commands is None:
            self._commands = Commands(self._shared, self)
        return self._commands


def _is_open(state: ChargePoint) -> bool:
    """Whether it may send everything: its boot was accepted, now or on an earlier connection."""
    return state.booted and state.registration is Registration.ACCEPTED
