"""Charging sessions as they are and were; running ones with their latest meter values."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta

from api.admin.parents import OF_SESSION, OF_TRANSACTION
from api.kernel.listing import above, among, before, equal, present, same_text, since
from api.kernel.operations import Route
from api.kernel.resource import Resource
from api.kernel.rows import Computed
from api.kernel.views import NUMBER, Camel, shown
from api.shapes.sessions import MeterValue, Period, Session, TransactionEvent
from engine.domain.caller import Caller
from engine.domain.state import SessionStatus
from engine.node import Node
from engine.ocpp.blocks.remote_control.start import Start
from engine.ocpp.operation import Verdict
from engine.operations import settlement
from engine.operations.remote_start import remote_start
from engine.operations.remote_stop import remote_stop
from engine.store.readings import METER_VALUES, NEWEST, OLDEST, PERIODS, SESSIONS, TRANSACTION_EVENTS
from engine.store.repositories.sessions import PRICED, amount

MAX_EVSE: Final = 2**31 - 1
MAX_ENERGY_WH: Final = 10**9


class NewSession(Camel, frozen=True, kw_only=True):
    """A remote start. Without a tag the session has one of its own."""

    station: str
    evse_number: Annotated[int, Meta(ge=1, le=MAX_EVSE)] | None = None
    id_tag: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    id_type: Annotated[str, Meta(min_length=1, max_length=20)] = "ISO14443"


class VerdictView(Camel, frozen=True, kw_only=True):
    """What the station made of it: `word` is its own, `reason` what it added."""

    verdict: Verdict
    word: str
    reason: str | None


class StartedView(VerdictView, frozen=True, kw_only=True):
    """`session_id` is pending until the station tells of its transaction, and failed if it refused."""

    session_id: int | None
    authorization_id: int | None


class Release(Camel, frozen=True, kw_only=True):
    """`note` goes into the audit trail."""

    note: Annotated[str, Meta(max_length=500)] | None = None


class Void(Camel, frozen=True, kw_only=True):
    """`note` says why; it goes into the audit trail."""

    note: Annotated[str, Meta(min_length=1, max_length=500)]


class Correction(Void, frozen=True, kw_only=True):
    """What is absent stays as it is."""

    energy_wh: Annotated[int, Meta(ge=0, le=MAX_ENERGY_WH)] | None = None
    stopped_at: Annotated[datetime, Meta(tz=True)] | None = None


sessions: Final = Resource(
    "session",
    Session,
    SESSIONS,
    filters={
        "station": equal("station"),
        "status": among("status", SessionStatus),
        "reason": among("reason"),
        "protocol": among("protocol"),
        "idTag": same_text("id_tag"),
        "from": since("started_at"),
        "until": before("started_at"),
        "held": present("review"),
        "after": above("id"),
    },
    orders={"newest": NEWEST, "oldest": OLDEST},
    computed={"amount": Computed(value=lambda _, row: amount(row), needs=PRICED)},
)
meter_values: Final = Resource(
    "meter value",
    MeterValue,
    METER_VALUES,
    filters={"from": since("timestamp"), "until": before("timestamp")},
)
periods: Final = Resource("period", Period, PERIODS)
events: Final = Resource("event", TransactionEvent, TRANSACTION_EVENTS)


async def start(node: Node, body: NewSession, caller: Caller) -> StartedView:
    """Ask a station to begin a session; it pends until the station has begun."""
    operation = Start(id_tag=body.id_tag, evse_number=body.evse_number, id_type=body.id_type)
    return shown(StartedView, await remote_start(node, caller, body.station, operation))


async def stop(node: Node, session_id: int, caller: Caller) -> VerdictView:
    """Ask its station to end a session. Raises Conflict where it has not begun or is over."""
    return shown(VerdictView, await remote_stop(node, caller, session_id))


async def release(node: Node, session_id: int, body: Release, caller: Caller) -> Session:
    """A person has looked: it is held no more. Raises Conflict where it is not held, or not over."""
    await settlement.release(node, caller, session_id, body.note)
    return await sessions.get(node, caller, session_id)


async def correct(node: Node, session_id: int, body: Correction, caller: Caller) -> Session:
    """A person knows what it came to. Raises Conflict where it is not over, or has changed meanwhile."""
    await settlement.correct(
        node, caller, session_id, note=body.note, energy_wh=body.energy_wh, stopped_at=body.stopped_at
    )
    return await sessions.get(node, caller, session_id)


async def void(node: Node, session_id: int, body: Void, caller: Caller) -> Session:
    """Nobody pays for it. Raises Conflict where it is not over, or costs nothing already."""
    await settlement.void(node, caller, session_id, body.note)
    return await sessions.get(node, caller, session_id)


THIS: Final = f"/sessions/<{NUMBER}:session_id>"
ROUTES = (
    sessions.listing("/sessions", "Sessions, newest first"),
    Route("POST", "/sessions", start, limit=None),
    sessions.one(THIS, "A session"),
    Route("POST", f"{THIS}/stop", stop, limit=None),
    meter_values.listing(f"{THIS}/meter-values", "Meter values in order of time", within=OF_SESSION),
    periods.listing(f"{THIS}/periods", "Stretches of charging and idling", within=OF_SESSION),
    events.listing(
        f"{THIS}/events", "What a station of OCPP 2.x reported, in its order", within=OF_TRANSACTION
    ),
    Route("POST", f"{THIS}/release", release),
    Route("POST", f"{THIS}/correct", correct),
    Route("POST", f"{THIS}/void", void),
)
