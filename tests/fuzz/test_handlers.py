"""Whatever a charger makes of a message of any version: it is answered or refused, and nothing raises.

A valid payload is bent in a few places, decoded by the policy, and what passes goes through its handler.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.state import Policy
from engine.ocpp import policy, rpc
from engine.ocpp.step import Handler, Refusal
from engine.ocpp.versions import PROTOCOLS
from tests.fuzz.long import examples
from tests.ocpp.test_blocks_properties import (
    NOW,
    charge_points,
    check_outcome,
    check_valid,
    facts_for,
    messages_of,
)

SECONDS = 600.0
INBOUND = [(name, handler) for name, p in PROTOCOLS.items() for handler in p.inbound.values()]
CODES = set(rpc.Code)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=60)
    | st.sampled_from(
        ["2026-03-01T12:00:00", "1970-01-01", "9999-12-31T23:59:60Z", "NaN", "1e400", "\x00", "x" * 600]
    )
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def places(document: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in it."""
    found: list[tuple[Any, Any]] = []
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in pairs:
        found.append((document, key))
        if isinstance(value, dict | list):
            found += places(value)
    return found


def bend(document: Any, data: st.DataObject) -> None:
    """Change, drop or add something somewhere."""
    where = places(document)
    if not where or data.draw(st.integers(0, 5)) == 0:
        document[data.draw(st.text(max_size=12))] = data.draw(VALUES)
        return
    container, key = data.draw(st.sampled_from(where))
    if data.draw(st.booleans()):
        container[key] = data.draw(VALUES)
    else:
        del container[key]


def bent(handler: Handler, data: st.DataObject) -> bytes:
    """A payload of this action that may be wrong in up to three places."""
    document = json.loads(rpc.ENCODER.encode(data.draw(messages_of(handler.request))))
    for _ in range(data.draw(st.integers(0, 3))):
        bend(document, data)
    return json.dumps(document).encode()


def answered(data: st.DataObject) -> None:
    version, handler = data.draw(st.sampled_from(INBOUND))
    word = data.draw(st.sampled_from(list(Policy)))
    decoded = policy.decode(handler.request, bent(handler, data), word, version=version)
    if isinstance(decoded, Refusal):
        assert decoded.code in CODES
        return
    assert not (decoded.repairs and word is Policy.STRICT)
    check_valid(decoded.message, handler.request)
    cp = data.draw(charge_points(version))
    needs = handler.needs(cp, decoded.message) if handler.needs is not None else ()
    outcome = handler.step(cp, decoded.message, facts_for(data, needs), NOW)
    check_outcome(cp, outcome)
    if outcome.reply is not None and not isinstance(outcome.reply, Refusal):
        check_valid(outcome.reply, handler.response)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_every_bent_message_is_answered(data: st.DataObject) -> None:
    answered(data)


@pytest.mark.soak
def test_every_bent_message_is_answered_for_long() -> None:
    print(f"{examples(SECONDS, st.data(), answered)} examples")
