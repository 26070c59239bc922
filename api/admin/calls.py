"""Commands to a charge point from the outside: any request of its OCPP version, and its real answer."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated

import msgspec
from msgspec import Meta, inspect

from api.kernel.problems import INVALID_DATA
from api.kernel.routes import Route
from api.kernel.types import marked, path_to, words
from engine import provisioning
from engine.domain.state import Policy
from engine.errors import Invalid
from engine.node import Node
from engine.ocpp import policy, rpc
from engine.ocpp.step import Message, Refusal
from engine.ocpp.versions import PROTOCOLS

MAX_TIMEOUT = 600.0  # seconds


class CallBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`payload` as OCPP has it; `timeout` in seconds includes the wait for earlier commands."""

    action: Annotated[str, Meta(min_length=1, max_length=64)]
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    timeout: Annotated[float, Meta(gt=0, le=MAX_TIMEOUT)] | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the charge point answered, as OCPP has it."""

    action: str
    payload: msgspec.Raw


async def call(node: Node, identity: str, body: CallBody, actor: str) -> Answer:
    """424 offline, 408 no answer in time, 406 CALLERROR, 422 against schema or rule, 429 queue full.

    What is wrong is told of a charge point that is offline, too. A password that it takes this way is the one
    it is let in with from then on (A01).
    """
    versions = await node.registry.spoken(identity)
    request = typed_request(versions, body.action, bytes(body.payload))
    answer = await node.registry.call(identity, request, body.timeout)
    password = provisioning.password_taken(request, answer)
    if password is not None:
        await provisioning.adopt_password(node.store, identity, password, actor=actor)
    return Answer(action=body.action, payload=msgspec.Raw(rpc.ENCODER.encode(answer)))


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
        decoded = policy.decode(request_type, payload, Policy.STRICT, version=version)
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
