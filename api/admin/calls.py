"""Commands to a charge point from the outside: any request of its OCPP version, and its real answer."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated

import msgspec
from msgspec import Meta, inspect

from api.kernel.operations import Route
from api.kernel.problems import INVALID_DATA
from api.kernel.types import marked, path_to, words
from engine.domain.caller import Caller
from engine.domain.state import Policy
from engine.errors import CallRefused, Invalid
from engine.node import Node
from engine.ocpp import policy, rpc
from engine.ocpp.step import Message, Raw, Refusal
from engine.ocpp.versions import PROTOCOLS
from engine.operations import calls

MAX_TIMEOUT = 600.0  # seconds


class CallBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`payload` as OCPP has it; `timeout` in seconds includes the wait for earlier commands.

    With `force` it is sent although it breaks a rule, a schema, or is no request at all: for laboratories.
    """

    action: Annotated[str, Meta(min_length=1, max_length=64)]
    payload: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    timeout: Annotated[float, Meta(gt=0, le=MAX_TIMEOUT)] | None = None
    force: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the charge point answered, as OCPP has it."""

    action: str
    payload: msgspec.Raw


async def call(node: Node, identity: str, body: CallBody, caller: Caller) -> Answer:
    """424 offline, 408 no answer in time, 406 CALLERROR, 422 against schema or rule, 429 queue full.

    What is wrong is told of a charge point that is offline, too. A password that it takes this way is the one
    it is let in with from then on (A01). What is forced is audited.
    """
    versions = await calls.spoken(node, caller, identity)
    try:
        request = typed_request(versions, body.action, bytes(body.payload))
    except Invalid:
        if not body.force:
            raise
        return await _call_raw(node, caller, identity, body)
    answer = await calls.call(node, caller, identity, request, body.timeout, force=body.force)
    return Answer(action=body.action, payload=msgspec.Raw(rpc.ENCODER.encode(answer)))


async def _call_raw(node: Node, caller: Caller, identity: str, body: CallBody) -> Answer:
    """What breaks its schema goes as it is, and so does its answer, if that is JSON at all."""
    raw = Raw(action=body.action, payload=bytes(body.payload))
    answer = await calls.call_raw(node, caller, identity, raw, body.timeout)
    try:
        msgspec.json.decode(answer.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CallRefused(rpc.Code.FORMAT_VIOLATION, "malformed answer: not valid JSON", {}) from None
    return Answer(action=body.action, payload=msgspec.Raw(answer.payload))


def typed_request(versions: Sequence[str], action: str, payload: bytes) -> Message:
    """The request in the first of the versions that has it so, without any repair; raises Invalid."""
    having = [version for version in versions if action in PROTOCOLS[version].outbound]
    if not having:
        known = sorted({name for version in versions for name in PROTOCOLS[version].outbound})
        near = get_close_matches(action, known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        fault = f"{' and '.join(versions)} has no request {action!r} to a charge point{hint}"
        raise Invalid(INVALID_DATA, {"action": [fault]})
    faults: list[str] = []
    for version in having:
        request_type = PROTOCOLS[version].outbound[action].request
        decoded = policy.decode(request_type, payload, Policy.STRICT, version=version, decoders=policy.OURS)
        if not isinstance(decoded, Refusal):
            return decoded.message
        described = decoded.description or decoded.code
        faults.append(described + expected(request_type, described))
    raise Invalid(INVALID_DATA, {"payload": faults[:1]})


def expected(request_type: type[Message], described: str) -> str:
    """What stands at the place that a refusal names (`$.a[0].b: …`): the words allowed, or the members."""
    place, colon, _ = described.partition(": ")
    way = path_to(inspect.type_info(request_type), place[1:] if colon and place.startswith("$") else "")
    here, owner = way[-1], way[-2] if len(way) > 1 else way[-1]
    if allowed := words(here):
        return f"; allowed: {', '.join(allowed)}"
    if isinstance(owner, inspect.StructType):
        return f"; members: {', '.join(map(marked, owner.fields))} (* required)"
    return ""


ROUTES = (Route("POST", "/stations/<identity>/call", call, limit=None),)
