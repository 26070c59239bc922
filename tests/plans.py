"""Plans of tests: what a reading has, to whoever may see everything."""

from __future__ import annotations

from typing import Any

from engine.domain.caller import Caller, CallerKind
from engine.store.filters import Condition, Operator
from engine.store.plan import Plan
from engine.store.reading import Reading

EVERYBODY = Caller("test", CallerKind.NODE)


def whole(reading: Reading, *, limit: int = 1_000, after: Any = None, **equal: Any) -> Plan:
    """The rows whose fields are as given."""
    where = [Condition(field=name, operator=Operator.EQUAL, value=value) for name, value in equal.items()]
    return Plan(caller=EVERYBODY, reading=reading, where=where, limit=limit, after=after)
