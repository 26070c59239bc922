"""Commands to a charge point from the outside: any request of its OCPP version, and its real answer."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated

import msgspec
from msgspec import Meta, inspect

from api.kernel.problems import INVALID_DATA
from api.kernel.routes import Route
from engine import provisioning
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


async def call(node: Node, identity: str, body: CallBody, actor: str) -> Answer:
    """424 offline, 408 no answer in time, 406 CALLERROR, 422 against schema or rule, 429 queue full.

    A password that it takes this way is the one it is let in with from then on (A01).
    """
    version = await version_of(node, identity)
    request = typed_request(version, body.action, bytes(body.payload))
    answer = await node.registry.call(identity, request, body.timeout)
    password = provisioning.password_taken(request, answer)
    if password is not None:
        await provisioning.adopt_password(node.store, identity, password, actor=actor)
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
        near = get_close_matches(action, commands, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        fault = f"{version} has no request {action!r} to a charge point{hint}"
        raise Invalid(INVALID_DATA, {"action": [fault]})
    request_type = commands[action].request
    decoded = policy.decode(request_type, payload, Policy.STRICT, version=version)
    if isinstance(decoded, Refusal):
        described = decoded.description or decoded.code
        raise Invalid(INVALID_DATA, {"payload": [described + expected(request_type, described)]})
    return decoded.message


def expected(request_type: type[Message], described: str) -> str:
    """What stands at the place that a refusal names (`$.a[0].b: …`): the words allowed, or the members."""
    place, colon, _ = described.partition(": ")
    here: inspect.Type = inspect.type_info(request_type)
    owner = here
    for name in re.findall(r"\.([A-Za-z0-9]+)", place) if colon and place.startswith("$") else ():
        owner = here
        members = here.fields if isinstance(here, inspect.StructType) else ()
        here = next((_bare(field.type) for field in members if field.encode_name == name), inspect.AnyType())
    if isinstance(here, inspect.LiteralType):
        return f"; allowed: {', '.join(map(str, here.values))}"
    if isinstance(owner, inspect.StructType):
        return f"; members: {', '.join(_member(field) for field in owner.fields)} (* required)"
    return ""


def _member(field: inspect.Field) -> str:
    return field.encode_name + ("*" if field.required else "")


def _bare(kind: inspect.Type) -> inspect.Type:
    """Of a list its items, of what may be absent what it else is."""
    if isinstance(kind, inspect.Metadata):
        return _bare(kind.type)
    if isinstance(kind, inspect.ListType):
        return _bare(kind.item_type)
    if isinstance(kind, inspect.UnionType):
        return _bare(next(one for one in kind.types if not isinstance(one, inspect.NoneType)))
    return kind


ROUTES = (Route("POST", "/stations/<identity>/call", call, limit=None),)
