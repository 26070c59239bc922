"""The only place with SQL and asyncpg. `open_store` gives a `Store`; what it reads and writes is in its attributes."""

from engine.store.store import Store, open_store

__all__ = ["Store", "open_store"]
