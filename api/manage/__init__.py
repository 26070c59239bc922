"""The management API: 14 operations for charge points, tokens, certificates, parties and locations.

It has no authentication of its own: it listens on loopback, or wants the node's `manage_token`. So that no
web page can use a browser on this machine to reach it, it then refuses an `Origin` and a foreign `Host`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from quart import request
from quart_trio import QuartTrio
from werkzeug.exceptions import Forbidden

from api.kernel.auth import Attempts, bearer, unauthorized
from api.kernel.problems import Problem
from api.kernel.routes import Guard, create_app, mount
from api.manage import certificates, partners, stations, tokens
from api.manage.schema import Status
from engine.node import Node
from engine.settings import is_loopback

PREFIX: Final = "/api/v0"
ACTOR: Final = "manage"
MODULES: Final = (stations, tokens, certificates, partners)  # each has ROUTES
STATUSES: Final = {HTTPStatus.UNPROCESSABLE_ENTITY: HTTPStatus.BAD_REQUEST}  # the reference knows no 422


def manage_app(node: Node) -> QuartTrio:
    app = create_app("api.manage", render)
    guard = _guard(Attempts("management", node.settings, node.metrics.token_failures))
    for module in MODULES:
        mount(app, node, PREFIX, module.ROUTES, guard, needs_body=True)
    return app


def _guard(attempts: Attempts) -> Guard:
    """The token where there is one, else nobody but programs on this machine."""

    async def guard(node: Node) -> str:
        secret, presented = node.settings.manage_token, bearer()
        if secret is not None:
            if presented is None or not attempts.is_secret(presented, secret):
                raise unauthorized("the management API wants its token (manage_token) as Bearer")
        elif "Origin" in request.headers or not _is_here(request.host):
            raise Forbidden(
                "the management API is not for web pages; set manage_token to use it from elsewhere"
            )
        return ACTOR

    return guard


def _is_here(host: str) -> bool:
    return is_loopback(urlsplit(f"//{host}").hostname or "")


def render(problem: Problem) -> tuple[int, object]:
    """The reference's error body: `status` is the phrase of the HTTP status."""
    status = STATUSES.get(HTTPStatus(problem.status), HTTPStatus(problem.status))
    details = [f"{field}: {text}" for field, texts in problem.fields.items() for text in texts]
    return status, Status(status.phrase, " ".join([problem.message, *details]))
