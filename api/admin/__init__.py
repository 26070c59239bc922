"""The HTTP port: admin API for the command line and for operators' tools, health, metrics.

Errors are `{"message": …}`, with `errors` by member where the caller's data is wrong, and `code`,
`description` and `details` where a charge point answered CALLERROR.
"""

from __future__ import annotations

from typing import Any, Final

import trio
from werkzeug.exceptions import Forbidden

from api import health
from api.admin import (
    access,
    calls,
    commands,
    connections,
    id_tags,
    inventory,
    log,
    operators,
    orphans,
    sessions,
    stations,
    upgrades,
)
from api.front import ADMIN, FRONT
from api.http.turns import Turns
from api.kernel import browse
from api.kernel.auth import Attempts, Client, bearer, unauthorized
from api.kernel.doors import door_of
from api.kernel.operations import Guard, Operation, Rules
from api.kernel.problems import Problem
from api.kernel.sites import Site, site
from engine.domain.caller import Caller, CallerKind
from engine.errors import CallRefused
from engine.node import Node
from engine.points.proxies import Proxies
from engine.settings import is_loopback

PREFIX: Final = ADMIN
VERSION: Final = "1"  # of the API
EVERYTHING: Final = "admin"  # the scope of tokens that may do everything
ANYBODY: Final = Caller("anybody", CallerKind.ANYBODY, permissions=frozenset())
SCRAPES: Final = 20.0  # of the metrics, per second and address: each takes some milliseconds
# Each has ROUTES.
MODULES: Final = (
    stations,
    connections,
    inventory,
    upgrades,
    commands,
    calls,
    id_tags,
    sessions,
    orphans,
    log,
    operators,
    access,
)


def admin_site(node: Node) -> Site:
    """What stands behind the HTTP port."""
    attempts = Attempts("admin", node.settings, node.metrics.token_failures)
    everybody = Rules(guard=anybody)
    # Metrics name no driver and no secret, but tell outsiders much about an operator's business.
    exposed = not is_loopback(node.settings.http_host)
    turns = Turns(SCRAPES, Proxies(node.settings.trusted_proxies))
    watchers = Rules(guard=paced(permitted(attempts, "metrics") if exposed else anybody, turns))
    operations = [Operation(route, node, everybody) for route in (*FRONT, *health.HEALTH)]
    operations += [Operation(route, node, watchers) for route in health.METRICS]
    door = door_of(node.settings, node.settings.http_host)
    rules = Rules(guard=permitted(attempts, EVERYTHING), strict=True)
    api = [Operation(route, node, rules, PREFIX) for module in MODULES for route in module.ROUTES]
    described = browse.routes("Voltrio admin API", VERSION, api)
    operations += [*api, *(Operation(route, node, everybody, PREFIX) for route in described)]
    return site(operations, door, render)


def permitted(attempts: Attempts, permission: str) -> Guard:
    """Whoever has an API token that gives this permission."""

    async def guard(node: Node, client: Client) -> Caller:
        token, secret = None, bearer(client)
        if secret is not None:
            token = await attempts.verified(client, secret, node.store.api_tokens.verify)
        if token is None:
            raise unauthorized("API token missing or invalid; `voltrio token create NAME` makes one")
        permissions = None if token.scope == EVERYTHING else frozenset((token.scope,))
        caller = Caller(f"token:{token.name}", CallerKind.API_TOKEN, permissions=permissions)
        if not caller.may(permission):
            raise Forbidden("This action is unauthorized.")
        return caller

    return guard


def paced(guard: Guard, turns: Turns) -> Guard:
    """`guard`, and then the caller's turn."""

    async def guarded(node: Node, client: Client) -> Caller:
        caller = await guard(node, client)
        owner = turns.owner(client.peer) or turns.behind(client.peer, client.headers)
        await trio.sleep(turns.take(owner, trio.current_time()))
        return caller

    return guarded


async def anybody(node: Node, client: Client) -> Caller:
    return ANYBODY


def render(problem: Problem) -> tuple[int, object]:
    body: dict[str, Any] = {"message": problem.message}
    if problem.fields:
        body["errors"] = problem.fields
    if isinstance(problem.error, CallRefused):
        error = problem.error
        body |= {"code": error.code, "description": error.description, "details": error.details}
    return problem.status, body
