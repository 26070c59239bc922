"""Commands to a charge point from the outside: any request of its OCPP version, and its real answer."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from api.kernel.problems import INVALID_DATA
from api.kernel.routes import Route
from engine.domain.state import Policy
from engine.errors import Invalid, NotFound, Offline
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


async def call(node: Node, identity: str, body: CallBody) -> Answer:
    """424 offline, 408 no answer in time, 406 CALLERROR, 422 against schema or rule, 429 queue full."""
    version = await version_of(node, identity)
    request = typed_request(version, body.action, bytes(body.payload))
    answer = await node.registry.call(identity, request, body.timeout)
    return Answer(action=body.action, payload=msgspec.Raw(rpc.ENCODER.encode(answer)))


async def version_of(node: Node, identity: str) -> str:
    """The OCPP version that a connected charge point speaks; raises Offline or NotFound."""
    state = node.registry.state(identity)
    if state is not None:
        return state.version
    if await node.store.reader.station(identity) is None:
        raise NotFound(f"There is no charge point {identity!r}.")
    raise Offline(f"{identity} is not connected.")


def typed_request(version: str, action: str, payload: bytes) -> Message:
    """The request, checked against its schema without any repair; raises Invalid."""
    commands = PROTOCOLS[version].outbound
    if action not in commands:
        raise Invalid(INVALID_DATA, {"action": [f"{version} has no request {action!r} to a charge point"]})
    request_type = commands[action].request
    decoded = policy.decode(request_type, payload, Policy.STRICT, version=version)
    if isinstance(decoded, Refusal):
        raise Invalid(INVALID_DATA, {"payload": [decoded.description or decoded.code]})
    return decoded.message


ROUTES = (Route("POST", "/stations/<identity>/call", call, limit=None),)
