"""The contract between a charge point's actor and the protocol: what a handler is given and what it returns.

A handler is pure: `step(charge_point, request, facts, now) -> Outcome`. It never raises for what a charger
says: a refusal is an Outcome whose reply is a `Refusal`. What it needs to know beyond the state it asks for
beforehand, through `needs(charge_point, request) -> Needs`; the actor resolves that in one batched
read. Answers to our own calls are folded the same way:
`answered(charge_point, request, response, now) -> Outcome`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

import msgspec

from engine.domain.changes import Change
from engine.domain.lookups import Lookup
from engine.domain.outside import Answer, Question
from engine.domain.state import ChargePoint, Frozen

A = TypeVar("A")


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


Needs: TypeAlias = Sequence[Lookup[Any] | Question]  # of each class of look-ups at most one; empty: no read


class Facts(Frozen, frozen=True):
    """The answers to what a handler needs."""

    answers: Mapping[type[Lookup[Any]], Any] = {}
    outside: Sequence[Answer | None] = ()  # in the order of the questions; None: nobody answered

    def of(self, kind: type[Lookup[A]]) -> A:
        """The answer to the look-up of that class."""
        answer: A = self.answers.get(kind, kind.nothing)
        return answer


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
    needs: Callable[[ChargePoint, Any], Needs] | None = None
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


class SendHandler(Frozen, frozen=True):
    """One inbound action that wants no answer (SEND, OCPP 2.1 part 4): its reply is None."""

    request: type[Message]
    step: Callable[[ChargePoint, Any, Facts, datetime], Outcome]


class Protocol(Frozen, frozen=True):
    """One OCPP version: its subprotocol name and its two tables, keyed by action."""

    name: str  # "ocpp1.6"
    inbound: Mapping[str, Handler]
    outbound: Mapping[str, Command]
    sent: Mapping[str, SendHandler] = {}  # message type 6; empty: the version has no such messages
    # Requests to make once a charge point that is connected anew was first answered.
    greeting: Callable[[ChargePoint], Sequence[Message]] | None = None
