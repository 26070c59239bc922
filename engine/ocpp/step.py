"""The contract between a charge point's actor and the protocol: what a handler is given and what it returns.

A handler is pure: `step(charge_point, request, facts, now) -> Outcome`. It never raises for what a charger
says: a refusal is an Outcome whose reply is a `Refusal`. What it needs to know beyond the state it asks for
beforehand, through `needs(charge_point, request) -> Needs | None`; the actor resolves that in one batched
read. Answers to our own calls are folded the same way:
`answered(charge_point, request, response, now) -> Outcome`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from engine.domain.changes import Change
from engine.domain.outside import Answer, Question
from engine.domain.session.facts import EventKey, Neighbour, Told
from engine.domain.starting import Pending, PendingKey
from engine.domain.state import ChargePoint, Frozen, Price, Session, Token


class Message(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename="camel",
    gc=False,
):
    """Base of every generated OCPP payload Struct. Members in the schema's order; absent ones are UNSET."""


class Raw(Frozen, frozen=True):
    """A request, or an answer to one, that no schema and no rule has seen; the payload is JSON."""

    action: str
    payload: bytes


class Refusal(Frozen, frozen=True):
    """A CALLERROR in meaning; `code` is one of `engine.ocpp.rpc`'s codes, spelt per version when sent."""

    code: str
    description: str = ""
    details: Mapping[str, Any] = {}


class Needs(Frozen, frozen=True):
    """Look-ups a handler wants done before it runs. Everything empty: no read at all."""

    id_tags: tuple[str, ...] = ()  # → facts.tokens, keyed by the id tag as asked
    starts: bool = False  # the tag begins a transaction: it counts for others at once
    start_key: str | None = None  # → facts.session: the session this start already made, open or closed
    transaction_id: str | None = None  # → facts.session: the session that we gave that id, open or closed
    samples_since: tuple[int, datetime] | None = None  # (session id, time) → facts.samples
    neighbours_of: int | None = None  # session id → facts.neighbours: those before and after it on its EVSE
    loose_since: tuple[int, datetime] | None = None  # (EVSE, time) → facts.loose
    event: EventKey | None = None  # → facts.told: what is stored of its transaction (OCPP 2.x)
    pending: PendingKey | None = None  # → facts.pending: the session asked for that this may be
    new_ids: int = 0  # → facts.new_ids: that many numbers for new rows
    new_session: bool = False  # the first of them is a session's: it fits into 32 bits
    outside: tuple[Question, ...] = ()  # → facts.outside: asked one after the other, each with a deadline


class Facts(Frozen, frozen=True):
    """The answers to `Needs`."""

    tokens: Mapping[str, Token] = {}  # an unknown id tag is absent
    session: Session | None = None
    samples: frozenset[tuple[datetime, str]] = (
        frozenset()
    )  # (timestamp, sample identity), see domain.metering
    loose: Sequence[tuple[datetime, str]] = ()  # meter values of no session: time and samples (JSON)
    neighbours: Sequence[Neighbour] = ()
    told: Told = Told()
    pending: Pending | None = None
    price: Price | None = None  # of the station's operator now; only where an event may begin a session
    new_ids: Sequence[int] = ()
    outside: Sequence[Answer | None] = ()  # in the order of the questions; None: nobody answered


class Outcome(Frozen, frozen=True):
    """What follows, in this order: commit `changes`, adopt `state`, send `reply`, queue `calls`."""

    state: ChargePoint
    reply: Message | Refusal | None  # None only where nothing is answered (our own calls' answers, SEND)
    changes: Sequence[Change] = ()
    durable: bool = True  # False: nothing waits for the changes, and no state is loaded from them
    calls: Sequence[Message] = ()  # requests to the same charger, queued behind the reply


class Handler(Frozen, frozen=True):
    """One inbound action: its request type, its step and, where it has to look something up, its needs."""

    request: type[Message]
    response: type[Message]
    step: Callable[[ChargePoint, Any, Facts, datetime], Outcome]
    needs: Callable[[ChargePoint, Any], Needs | None] | None = None
    before_boot: bool = False  # may be processed before a BootNotification was accepted (1.6 §4.2)


class Command(Frozen, frozen=True):
    """One outbound action: its request and response types, its own rules and what its answer changes.

    `check` knows the rules that no schema can say; each string it returns is a reason not to send the request
    (the caller of the registry gets them as `Invalid`).
    """

    request: type[Message]
    response: type[Message]
    answered: Callable[[ChargePoint, Any, Any, datetime], Outcome] | None = None
    check: Callable[[Any, ChargePoint, datetime], list[str]] | None = None


class Listener(Frozen, frozen=True):
    """One inbound action that wants no answer (SEND, OCPP 2.1 part 4): its reply is None."""

    request: type[Message]
    step: Callable[[ChargePoint, Any, Facts, datetime], Outcome]


class Protocol(Frozen, frozen=True):
    """One OCPP version: its subprotocol name and its two tables, keyed by action."""

    name: str  # "ocpp1.6"
    inbound: Mapping[str, Handler]
    outbound: Mapping[str, Command]
    sent: Mapping[str, Listener] = {}  # message type 6; empty: the version has no such messages
    # Requests to make once a charge point that is connected anew was first answered.
    greeting: Callable[[ChargePoint], Sequence[Message]] | None = None
