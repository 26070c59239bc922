"""The management API: 14 operations for charge points, tokens, certificates, parties and locations.

It has no authentication of its own: it listens on loopback, or wants the node's `manage_token`. Without one
it is for programs only: no web page of any origin may use a browser on this machine to reach it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from werkzeug.exceptions import Forbidden

from api.http.message import phrase
from api.kernel.auth import Attempts, Client, bearer, unauthorized
from api.kernel.doors import door_of
from api.kernel.operations import Guard, Operation, Rules
from api.kernel.problems import Problem
from api.kernel.sites import Site, site
from api.manage import certificates, partners, stations, tokens
from api.manage.schema import Status
from engine.domain.caller import Caller, CallerKind
from engine.node import Node

PREFIX: Final = "/api/v0"
CALLER: Final = Caller("manage", CallerKind.PROGRAM)
MODULES: Final = (stations, tokens, certificates, partners)  # each has ROUTES
STATUSES: Final = {HTTPStatus.UNPROCESSABLE_ENTITY: HTTPStatus.BAD_REQUEST}  # the reference knows no 422


def manage_site(node: Node) -> Site:
    """What stands behind the management port."""
    attempts = Attempts("management", node.settings, node.metrics.token_failures)
    rules = Rules(guard=_guard(attempts), need_body=True)
    operations = [Operation(route, node, rules, PREFIX) for module in MODULES for route in module.ROUTES]
    return site(operations, door_of(node.settings, node.settings.manage_host), render)


def _guard(attempts: Attempts) -> Guard:
    """The token where there is one, else nobody but programs on this machine."""

    async def guard(node: Node, client: Client) -> Caller:
        secret, presented = node.settings.manage_token, bearer(client)
        if secret is None:
            if client.header(b"origin"):
                raise Forbidden("without manage_token the management API is not for web pages")
        elif presented is None or not attempts.is_secret(client, presented, secret):
            raise unauthorized("the management API wants its token (manage_token) as Bearer")
        return CALLER

    return guard


def render(problem: Problem) -> tuple[int, object]:
    """The reference's error body: `status` is the phrase of the HTTP status."""
    status = STATUSES.get(HTTPStatus(problem.status), HTTPStatus(problem.status))
    details = [f"{field}: {text}" for field, texts in problem.fields.items() for text in texts]
    return status, Status(phrase(status), " ".join([problem.message, *details]))
