"""Facts for steps, by short names."""

from __future__ import annotations

from typing import Any, TypeVar

from engine.domain import lookups
from engine.ocpp.step import Facts, Needs

KINDS: dict[str, type[lookups.Lookup[Any]]] = {
    "tokens": lookups.TokensOf,
    "begun": lookups.SessionOfStart,
    "session": lookups.SessionOfTransaction,
    "samples": lookups.SamplesSince,
    "neighbours": lookups.NeighboursOf,
    "loose": lookups.LooseSince,
    "history": lookups.StoredEvents,
    "pending": lookups.PendingFor,
    "price": lookups.PriceNow,
    "new_ids": lookups.NewIds,
}


def facts_of(*, outside: Any = (), **answers: Any) -> Facts:
    """Answers by the names of `KINDS`."""
    return Facts({KINDS[name]: answer for name, answer in answers.items()}, outside)


L = TypeVar("L")


def asked(needs: Needs, kind: type[L]) -> L | None:
    """The look-up, or question to the world outside, of that class; None: it is not needed."""
    return next((one for one in needs if isinstance(one, kind)), None)
