"""Health for orchestrators and load balancers, and metrics for Prometheus.

Health never needs a token, and therefore says only which part is not ready; why stands in the log.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress

import msgspec
import structlog
import trio

from api.http.message import Response
from api.kernel.operations import JSON, Route
from engine.errors import DatabaseAway, StoreError
from engine.node import Node

DATABASE_PATIENCE = 2.0  # seconds
UNREACHABLE = "the database cannot be reached"
EXPOSITION = b"text/plain; version=0.0.4; charset=utf-8"


log = structlog.get_logger(__name__)


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """`status` is ok or unavailable; `reasons` says why not."""

    status: str
    reasons: list[str] = []


async def live(node: Node) -> Health:
    """The process runs and its loop turns; nothing else is looked at."""
    return Health("ok")


async def ready(node: Node) -> Health | Response:
    """Whether chargers and requests should be sent here: 200, or 503 with the reasons."""
    reasons = await _reasons(node)
    if not reasons:
        return Health("ok")
    return Response(503, msgspec.json.encode(Health("unavailable", reasons)), (JSON, (b"retry-after", b"5")))


async def _reasons(node: Node) -> list[str]:
    reasons = ["this node is draining"] if node.registry.draining else []
    with trio.move_on_after(DATABASE_PATIENCE) as scope:
        try:
            await node.store.ping()
        except DatabaseAway:
            reasons.append(UNREACHABLE)  # what it said stands in the log: it may name hosts, users and files
        except StoreError as error:
            log.warning("the database does not answer as it should", error=str(error))
            reasons.append("the database does not answer as it should")
    if scope.cancelled_caught:
        reasons.append(f"the database did not answer within {DATABASE_PATIENCE:g} s")
    return reasons


async def metrics(node: Node) -> Response:
    """What the node counts, and what waits for a person; the latter are NaN without a database."""
    orphans = held = math.nan
    with trio.move_on_after(DATABASE_PATIENCE), suppress(StoreError):
        waiting = await node.store.orphans.waiting()
        orphans, held = waiting.orphans, waiting.sessions
    node.metrics.gauges |= {
        "voltrio_orphans_open": ("Stops of unknown transactions that wait for a person", lambda: orphans),
        "voltrio_sessions_held": ("Sessions held for review", lambda: held),
    }
    return Response(200, node.metrics.exposition(), ((b"content-type", EXPOSITION),))


HEALTH: Sequence[Route] = (
    Route("GET", "/health/live", live),
    Route("GET", "/health/ready", ready),
)
METRICS: Sequence[Route] = (Route("GET", "/metrics", metrics),)
