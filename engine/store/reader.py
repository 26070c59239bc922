"""What the living side reads: who may connect, the state to go on from, and the look-ups of a handler.

Questions of many actors become one query each; station records and id tags are cached while changes made
elsewhere are heard of (`follower`). While the database is away whoever asks waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import asyncpg
import structlog
import trio

from engine.domain.access import StationRecord
from engine.domain.events import Event
from engine.domain.lookups import (
    Lookup,
    LooseSince,
    NeighboursOf,
    NewIds,
    PendingFor,
    PriceNow,
    SamplesSince,
    SessionOfStart,
    SessionOfTransaction,
    StoredEvents,
    TokensOf,
)
from engine.domain.state import ChargePoint, NetworkStatus, Taken
from engine.errors import NotFound
from engine.metrics import Metrics
from engine.ocpp.step import Facts
from engine.settings import Settings
from engine.store import loading
from engine.store.batching import Batcher, Cache
from engine.store.database import Connection, Database
from engine.store.lookups import measured, numbers, sessions
from engine.store.lookups.asked import Fetch
from engine.store.lookups.tokens import Tokens
from engine.supervision import keep

log = structlog.get_logger(__name__)
A = TypeVar("A")

STATIONS_CACHED: Final = 100_000
# What this node has had already is known here better.
TAKE: Final = """
select charge_point_id as id, generation,
       case when held_by is distinct from $1 then network_status end as status
from take_charge_points($1, $2)
"""
FETCHES: Final[Mapping[type[Lookup[Any]], Fetch]] = {
    SessionOfStart: sessions.session_of_start,
    SessionOfTransaction: sessions.session_of_transaction,
    StoredEvents: measured.stored_events,
    PendingFor: sessions.pending_for,
    PriceNow: sessions.price_now,
    SamplesSince: measured.samples_since,
    NeighboursOf: sessions.neighbours_of,
    LooseSince: measured.loose_since,
    NewIds: numbers.new_ids,
}


class Reader:
    """Batched, cached reads. `flush` is the journal's: what was handed in before is seen."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        metrics: Metrics,
        flush: Callable[[int], Awaitable[None]],
        node_id: str,
    ) -> None:
        self._database = database
        self._flush = flush
        self._node_id = node_id
        self._defaults: Mapping[str, Any] = {
            "heartbeat_interval": settings.heartbeat_interval,
            "policy": settings.policy,
            "takes_payments": settings.takes_payments,
        }
        self._station_cache: Cache[str, StationRecord] = Cache(STATIONS_CACHED)
        self._tokens = Tokens()
        self._fetches: Mapping[type[Lookup[Any]], Fetch] = {TokensOf: self._tokens.tokens_of, **FETCHES}
        self._stations = Batcher(database, loading.stations)
        self._charge_points = Batcher(database, self._load)
        self._takes = Batcher(database, self._take)
        self._facts = Batcher(database, self._look_up)
        self._failures = metrics.task_failures
        metrics.gauges["voltrio_cached_stations"] = ("Station records in memory", self._station_cache.__len__)
        metrics.gauges["voltrio_cached_id_tags"] = ("Id tags in memory", self._tokens.cache.__len__)

    async def run(self) -> None:
        """Answer until cancelled."""
        tasks = (self._stations.run, self._charge_points.run, self._takes.run, self._facts.run)
        async with trio.open_nursery() as nursery:
            for task in tasks:
                nursery.start_soon(keep, "reader", task, self._failures)

    async def station(self, identity: str) -> StationRecord | None:
        """Who may connect as `identity`; None when nobody registered it."""
        return self.remembered(identity) or await self.look_up(identity)

    def remembered(self, identity: str) -> StationRecord | None:
        """The same from memory; None where that is not known without asking."""
        return self._station_cache.get(identity)

    async def look_up(self, identity: str) -> StationRecord | None:
        """The same from the database, whatever is remembered."""
        if "\0" in identity:  # no text of PostgreSQL holds it
            return None
        generation = self._station_cache.generation
        record = await self._stations.ask(identity)
        if record is not None:
            self._station_cache.keep(identity, record, generation)
        return record

    def forget(self, identity: str) -> None:
        """Read the station's record anew the next time."""
        self._station_cache.forget(identity)

    async def load(self, record: StationRecord, version: str) -> ChargePoint:
        """The state of a charge point as of all that was handed to the journal before; raises NotFound.

        Without a version it is the one that was spoken last, "" where none ever was.
        """
        await self._flush(record.id)
        state = await self._charge_points.ask((record, version))
        if state is None:
            raise NotFound(f"charge point {record.identity!r} was removed")
        return state

    async def take(self, record: StationRecord, version: str) -> Taken:
        """The same for a new connection of it, which has it from now on; raises NotFound.

        What an earlier connection wrote is in the state, and more it does not write.
        """
        await self._flush(record.id)
        taken = await self._takes.ask((record, version))
        if taken is None:
            raise NotFound(f"charge point {record.identity!r} was removed")
        return taken

    async def resolve(self, charge_point: ChargePoint, lookups: Sequence[Lookup[Any]]) -> Facts:
        """The answers to `lookups`. `active_sessions` is counted only for id tags that have a limit."""
        return await self._facts.ask((charge_point, lookups))

    async def answer(self, charge_point: ChargePoint, lookup: Lookup[A]) -> A:
        """The answer to one look-up."""
        return (await self.resolve(charge_point, [lookup])).of(type(lookup))

    async def _load(
        self, connection: Connection, asked: Sequence[tuple[StationRecord, str]]
    ) -> Sequence[ChargePoint | None]:
        return await loading.charge_points(connection, asked, self._defaults)

    async def _take(
        self, connection: Connection, asked: Sequence[tuple[StationRecord, str]]
    ) -> Sequence[Taken | None]:
        ids = list({record.id for record, _ in asked})
        rows = {row["id"]: row for row in await connection.fetch(TAKE, self._node_id, ids)}
        states = await self._load(connection, asked)
        return [_taken(state, rows.get(record.id)) for (record, _), state in zip(asked, states, strict=True)]

    async def _look_up(
        self, connection: Connection, asked: Sequence[tuple[ChargePoint, Sequence[Lookup[Any]]]]
    ) -> Sequence[Facts]:
        """One fetch for each class of look-ups that anybody asks for."""
        found: list[dict[type[Lookup[Any]], Any]] = [{} for _ in asked]
        for kind, fetch in self._fetches.items():
            places = [
                (n, cp, one) for n, (cp, lookups) in enumerate(asked) for one in lookups if type(one) is kind
            ]
            if places:
                answers = await fetch(connection, [(cp, one) for _, cp, one in places])
                for (n, _, _), answer in zip(places, answers, strict=True):
                    found[n][kind] = answer
        return [Facts(answers) for answers in found]

    async def apply(self, events: Sequence[Event]) -> None:
        """Go by what people have changed."""
        for event in events:
            if event.identity is not None:
                self.forget(event.identity)
            if event.uid is not None and event.operator_id is not None:
                self._tokens.cache.forget((event.operator_id, event.uid.lower()))
            if event.type.startswith("user."):  # a user of many tags
                self._tokens.cache.switch(self._tokens.cache.on)

    def switch(self, on: bool) -> None:
        """Start anew, or stop keeping: whether changes are heard of."""
        self._station_cache.switch(on)
        self._tokens.cache.switch(on)


def _taken(state: ChargePoint | None, row: asyncpg.Record | None) -> Taken | None:
    if state is None or row is None:
        return None
    status = None if row["status"] is None else NetworkStatus(row["status"])
    return Taken(state=state, generation=row["generation"], status=status)
