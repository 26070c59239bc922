"""Remote starts: who asks gets a pending session before the station is told, and it never pends for ever.

What pending, given up and begun mean is `domain.starting`'s. The row is written first: the transaction may be
told of before the answer to the request for it, and after a crash nothing is left that nobody ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Final, NoReturn

import trio
from msgspec.structs import replace

from engine.domain import starting
from engine.domain.authorization import Decision, decide
from engine.domain.starting import Pending
from engine.domain.state import ChargePoint, Token
from engine.domain.vocabulary import SessionReason
from engine.errors import CallDropped, CallTimeout, Conflict, StoreError, VoltrioError
from engine.ocpp.blocks.authorization.authorize_v2x import ID_TOKEN_TYPES
from engine.ocpp.blocks.remote_control.start import Start, StartAsked
from engine.ocpp.encoded import encoded
from engine.ocpp.step import Facts, Needs
from engine.points.shared import Shared

SWEEP: Final = 2.0  # seconds between looks for sessions that did not begin in time
SWEPT: Final = 500  # of them at once
INT32: Final = range(-(2**31), 2**31)  # what the columns of numbers hold


class Starts:
    """The remote starts of a node."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._patience = timedelta(seconds=shared.settings.remote_start_timeout)

    async def ask(self, cp: ChargePoint, operation: Start) -> tuple[Pending, Start]:
        """A pending session, and the operation with the numbers that lead back to it.

        Raises Conflict where its tag is known and may not charge, Invalid and NotSupported where it cannot
        be said in the station's version, StoreError.
        """
        tags = (operation.id_tag,) if operation.id_tag is not None else ()
        facts = await self._shared.reader.resolve(cp, Needs(id_tags=tags, new_ids=2, new_session=True))
        session_id = facts.new_ids[0]
        id_tag = operation.id_tag or starting.own_tag(session_id)
        decision = _vouched(facts, id_tag, self._shared.now(), uncounted=0)
        complete = replace(
            operation, id_tag=id_tag, id_type=_tag_type(operation, decision.token), request_id=session_id
        )
        encoded(complete, cp)  # what cannot be asked for leaves nothing behind
        return await self._open(cp, decision, facts, id_tag, operation.evse_number or 0), complete

    async def expect(self, cp: ChargePoint, start: StartAsked) -> Pending | None:
        """A pending session for a start that its asker has worded himself; raises StoreError.

        None where its tag is known and may not charge, or no row can hold it: it is sent all the same, and
        judged when it comes back.
        """
        named = bool(start.id_tag) and "\0" not in start.id_tag
        facts = await self._shared.reader.resolve(
            cp, Needs(id_tags=(start.id_tag,) if named else (), new_ids=2, new_session=True)
        )
        id_tag = start.id_tag if named else starting.own_tag(facts.new_ids[0])
        decision = decide(facts.tokens.get(id_tag), self._shared.now(), uncounted=0, asked=True)
        numbers = (start.evse_number, start.remote_start_id or 0)
        if not decision.accepted or any(number not in INT32 for number in numbers):
            return None
        return await self._open(
            cp, decision, facts, id_tag, max(start.evse_number, 0), remote_start_id=start.remote_start_id
        )

    async def _open(
        self,
        cp: ChargePoint,
        decision: Decision,
        facts: Facts,
        id_tag: str,
        evse_number: int,
        *,
        remote_start_id: int | None = None,
    ) -> Pending:
        session_id, authorization_id = facts.new_ids
        now = self._shared.now()
        pending, changes = starting.ask(
            cp,
            decision,
            session_id=session_id,
            authorization_id=authorization_id,
            id_tag=id_tag,
            evse_number=evse_number,
            expires_at=now + self._patience,
            now=now,
            remote_start_id=remote_start_id,
        )
        await self._shared.journal.commit(changes, cp.id)
        return pending

    @asynccontextmanager
    async def asking(self, pending: Pending | None) -> AsyncIterator[None]:
        """While its station is asked: it fails where that cannot be."""
        try:
            yield
        except (CallTimeout, CallDropped):
            raise  # it may have understood and follow yet
        except VoltrioError:
            if pending is not None:
                await self.give_up(pending, SessionReason.REMOTE_START_FAILED)
            raise

    async def answered(self, pending: Pending | None, *, accepted: bool) -> None:
        """Its station has said whether it follows."""
        if pending is not None and not accepted:
            await self.give_up(pending, SessionReason.REJECTED)

    async def vouch(self, cp: ChargePoint, id_tag: str) -> None:
        """Raises Conflict where a tag is known and may not charge (for a swap of batteries: S02.FR.03)."""
        facts = await self._shared.reader.resolve(cp, Needs(id_tags=(id_tag,)))
        _vouched(facts, id_tag, self._shared.now(), uncounted=None)

    @staticmethod
    def as_if(operation: Start) -> Start:
        """The operation as it would be sent, to see whether it can be sent at all."""
        return replace(operation, id_tag=operation.id_tag or starting.own_tag(0), request_id=0)

    async def give_up(self, pending: Pending, reason: SessionReason) -> None:
        """It will not begin; without effect if it has."""
        await self._shared.write([starting.give_up(pending, reason, self._shared.now())])

    async def expire(self) -> int:
        """Give up those that did not begin in time; how many there were. Raises StoreError."""
        now = self._shared.now()
        overdue = await self._shared.store.sessions.overdue(now, limit=SWEPT)
        await self._shared.write(
            [starting.give_up(pending, SessionReason.TIMEOUT, now) for pending in overdue]
        )
        return len(overdue)

    async def run(self) -> NoReturn:
        """Expire for ever."""
        while True:
            with suppress(StoreError):  # the database is away: those who need it say so
                while await self.expire() == SWEPT:
                    pass
            await trio.sleep(SWEEP)


def _vouched(facts: Facts, id_tag: str, now: datetime, *, uncounted: int | None) -> Decision:
    """The asker answers for a tag that nobody knows. Raises Conflict where it is known and may not charge."""
    decision = decide(facts.tokens.get(id_tag), now, uncounted=uncounted, asked=True)
    if not decision.accepted:
        raise Conflict(f"id tag {id_tag!r} may not charge: {decision.verdict}")
    return decision


def _tag_type(operation: Start, token: Token | None) -> str:
    """As what a station of OCPP 2.x is told the tag: as what was said, unless it is known to be another."""
    if operation.id_tag is None:
        return "Central"
    presented = (operation.id_type,) if token is None else ID_TOKEN_TYPES[token.type]
    return operation.id_type if operation.id_type in presented else presented[0]
