"""What the operations and the services of a node are given; `engine.run` makes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import trio

from engine.domain.state import Frozen
from engine.limits import Places
from engine.metrics import Metrics
from engine.points import Registry
from engine.settings import Settings
from engine.store import Store


class Node(Frozen, frozen=True):
    """One running node."""

    settings: Settings
    store: Store
    registry: Registry
    metrics: Metrics
    http_places: Places  # for the connections to all HTTP ports together


class Service(Protocol):
    """A listener or worker of the layers above; reports `started` with its addresses, if any."""

    async def __call__(self, node: Node, *, task_status: trio.TaskStatus[Sequence[str]]) -> None: ...
