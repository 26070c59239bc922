"""Schema changes: numbered SQL files, run once and in order, remembered with their checksum.

A file that was released never changes; a new one is added. An older program refuses a newer schema.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from importlib import resources
from typing import Final

import asyncpg

from engine.domain.state import Frozen
from engine.errors import SchemaError

LOCK: Final = 0x766F6C74  # "volt": one migration at a time on this database
FILE_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
LEDGER: Final = """
create table if not exists voltrio_migrations (
    number     integer primary key,
    name       text not null,
    sha256     text not null,
    applied_at timestamptz not null default now()
)
"""


class Migration(Frozen, frozen=True):
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


class Applied(Frozen, frozen=True):
    number: int
    name: str
    sha256: str


def shipped() -> Sequence[Migration]:
    """The migrations that come with this program, in order."""
    folder = resources.files("engine.store").joinpath("migrations")
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name
    )
    migrations = []
    for number, file in enumerate(files, 1):
        match = FILE_NAME.fullmatch(file.name)
        if match is None or int(match[1]) != number:
            raise SchemaError(f"migration {file.name} is out of order, expected number {number:04}")
        migrations.append(Migration(number=number, name=file.name, sql=file.read_text("utf-8")))
    return migrations


def missing(known: Sequence[Migration], applied: Sequence[Applied]) -> Sequence[Migration]:
    """What has to be run yet. Raises SchemaError where the database is ahead of us or went another way."""
    for ours, theirs in zip(known, applied, strict=False):
        if (ours.number, ours.sha256) != (theirs.number, theirs.sha256):
            raise SchemaError(
                f"the database was made with another {theirs.name} ({theirs.sha256[:12]}…) than this "
                "program has: it is of another program, or of a version of Voltrio from before the first "
                "release, whose data cannot be taken over. Start with an empty data folder or database"
            )
    if len(applied) > len(known):
        raise SchemaError(
            f"the database schema ({applied[-1].name}) is newer than this program's: update Voltrio"
        )
    return known[len(applied) :]


async def migrate(connection: asyncpg.Connection) -> Sequence[str]:
    """Bring the schema up to date (asyncio flavour): the names of the files run. Raises SchemaError."""
    known = shipped()
    await connection.execute("select pg_advisory_lock($1)", LOCK)
    try:
        await connection.execute("set client_min_messages = warning")
        await connection.execute(LEDGER)
        rows = await connection.fetch("select number, name, sha256 from voltrio_migrations order by number")
        waiting = missing(known, [Applied(**row) for row in rows])
        for migration in waiting:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "insert into voltrio_migrations (number, name, sha256) values ($1, $2, $3)",
                    migration.number,
                    migration.name,
                    migration.sha256,
                )
    finally:
        await connection.execute("select pg_advisory_unlock($1)", LOCK)
    return [migration.name for migration in waiting]
