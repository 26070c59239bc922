"""The HTTP port: admin API for the command line and for operators' tools, health, metrics.

Errors are `{"message": …}`, with `errors` by member where the caller's data is wrong, and `code`,
`description` and `details` where a charge point answered CALLERROR.
"""

from __future__ import annotations

from typing import Any, Final

from quart_trio import QuartTrio
from werkzeug.exceptions import Forbidden

from api import health
from api.admin import (
    access,
    calls,
    commands,
    id_tags,
    inventory,
    log,
    orphans,
    sessions,
    stations,
    upgrades,
)
from api.kernel.auth import Attempts, bearer, unauthorized
from api.kernel.problems import Problem
from api.kernel.routes import Guard, create_app, mount
from engine.errors import CallRefused
from engine.node import Node
from engine.settings import is_loopback

PREFIX: Final = "/admin-api/v1"
# Each has ROUTES.
MODULES: Final = (stations, inventory, upgrades, commands, calls, id_tags, sessions, orphans, log, access)


def admin_app(node: Node) -> QuartTrio:
    app = create_app("api.admin", render)
    attempts = Attempts("admin", node.settings, node.metrics.token_failures)
    for module in MODULES:
        mount(app, node, PREFIX, module.ROUTES, scoped(attempts, "admin"), strict=True)
    mount(app, node, "", health.HEALTH, anybody)
    # Metrics name no driver and no secret, but tell outsiders much about an operator's business.
    metrics_guard = anybody if is_loopback(node.settings.http_host) else scoped(attempts, "admin", "metrics")
    mount(app, node, "", health.METRICS, metrics_guard)
    return app


def scoped(attempts: Attempts, *scopes: str) -> Guard:
    """Whoever has an API token of one of these scopes."""

    async def guard(node: Node) -> str:
        secret = bearer()
        token = None if secret is None else await attempts.verified(secret, node.store.api_tokens.verify)
        if token is None:
            raise unauthorized("API token missing or invalid; `voltrio token create NAME` makes one")
        if token.scope not in scopes:
            raise Forbidden("This action is unauthorized.")
        return f"token:{token.name}"

    return guard


async def anybody(node: Node) -> str:
    return "anybody"


def render(problem: Problem) -> tuple[int, object]:
    body: dict[str, Any] = {"message": problem.message}
    if problem.fields:
        body["errors"] = problem.fields
    if isinstance(problem.error, CallRefused):
        error = problem.error
        body |= {"code": error.code, "description": error.description, "details": error.details}
    return problem.status, body
