"""Every table, declared once: columns, keys, indexes, who writes it, and whose its rows are."""

from engine.store.tables import (
    access,
    configuration,
    device,
    drivers,
    energy,
    inventory,
    logs,
    nodes,
    outbox,
    security,
    sessions,
)
from engine.store.tables.declare import Owner, Series, metadata, path_to_tenant

__all__ = [
    "Owner", "Series", "access", "configuration", "device", "drivers", "energy", "inventory", "logs",
    "metadata", "nodes", "outbox", "path_to_tenant", "security", "sessions",
]  # fmt: skip
