"""The only place with SQL and asyncpg. `open_store` gives a `Store`; its attributes read and write."""

from engine.store.store import Store, open_store

__all__ = ["Store", "open_store"]
