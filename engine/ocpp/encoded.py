"""From an operation to typed requests of a station's version, and from its answers to a result. Pure.

An operation that a version has no encoding for is not supported by its stations, and so is one that the
version cannot express in full: nothing is asked for by halves.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.domain.state import ChargePoint, Frozen
from engine.errors import Invalid, NotSupported
from engine.ocpp.catalogue import ENCODINGS
from engine.ocpp.declaration import MESSAGES
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import decode_hook
from engine.ocpp.operation import Operation, Result, Verdict
from engine.ocpp.results import result_of
from engine.ocpp.step import Message


class Encoded(Frozen, frozen=True):
    """An operation as requests of one version: sent in this order while it `goes_on`, and answers read."""

    operation: Operation
    encoding: Encoding
    requests: Sequence[Message]

    def goes_on(self, answer: Message) -> bool:
        """Whether the next request is to be sent after this answer: parts of one need those before them."""
        return self.encoding.split is None or result_of(answer).verdict is Verdict.ACCEPTED

    def read(self, answers: Sequence[Message]) -> Result:
        """What the answers, one to each request that was sent, come to."""
        return self.encoding.read(self.operation, answers)


def encoded(operation: Operation, cp: ChargePoint) -> Encoded:
    """`operation` in the words of the station's version.

    Raises NotSupported where they have none for it, Invalid where it breaks the version's schema.
    """
    encoding = ENCODINGS[cp.version].get(type(operation))
    if encoding is None:
        name = type(operation).__name__
        others = " and ".join(version for version, known in ENCODINGS.items() if type(operation) in known)
        raise NotSupported(f"{cp.version} has no {name}; {others} {'have' if ' ' in others else 'has'}")
    requests = [_typed(call, cp.version) for call in encoding.encode(operation, cp)]
    if encoding.split is not None:
        requests = [part for request in requests for part in encoding.split(request, cp)]
    if not requests:
        raise Invalid(f"this {type(operation).__name__} asks for nothing: name at least one")
    return Encoded(operation=operation, encoding=encoding, requests=requests)


def _typed(call: Call, version: str) -> Message:
    action, payload = call
    request_type: type[Message] = MESSAGES[version].ACTIONS[action][0]
    try:
        return msgspec.convert(payload, request_type, dec_hook=decode_hook)
    except msgspec.ValidationError as error:
        raise Invalid(f"this cannot be said as {action} in {version}: {error}") from None
