"""The only place with SQL and asyncpg. `open_store` gives a node its `Store`, `visit_store` a command."""

from engine.store.store import Store, open_store, visit_store

__all__ = ["Store", "open_store", "visit_store"]
