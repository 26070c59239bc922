"""What the living side reads: who may connect, the state to go on from, and the look-ups of a handler.

Questions of many actors become one query each; station records and id tags are cached while changes made
elsewhere are heard of (`follower`). While the database is away whoever asks waits.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import structlog
import trio
from msgspec.structs import replace

from engine.domain.access import StationRecord
from engine.domain.events import Event
from engine.domain.session.facts import Told
from engine.domain.state import ChargePoint, Session, Token
from engine.errors import NotFound
from engine.metrics import Metrics
from engine.ocpp.step import Facts, Needs
from engine.settings import Settings
from engine.store import histories, loading, loading_sessions
from engine.store.batching import Batcher, Cache
from engine.store.database import Connection, Database
from engine.supervision import keep

log = structlog.get_logger(__name__)

STATIONS_CACHED: Final = 100_000
TOKENS_CACHED: Final = 100_000
SESSION_IDS: Final = "voltrio_ids"  # transactionIds of OCPP 1.6: 32 bits
ROW_IDS: Final = "voltrio_row_ids"
CLAIMED_FOR: Final = 2.0  # seconds: more than a commit takes
CLAIMS_AT_MOST: Final = 10_000  # tags


NOTHING_TOLD: Final = Told()


class Claims:
    """Starts of tags with a limit that were looked up a moment ago: they count before their rows are there.

    Several stations may look at once, and each would find none. Messages of one station come one by one, so
    its own never count twice. Of one node only: on others a start shows with its commit.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._claimed: dict[int, dict[int, tuple[int, float]]] = {}  # tag → station → (sessions, until)

    def count(self, tag: int, station: int, active: Mapping[int, int], starts: bool) -> int:
        """The tag's open sessions, given those by station that have rows; `starts`: one more begins there."""
        now = self._clock()
        claimed = {k: v for k, v in self._claimed.get(tag, {}).items() if v[1] > now}
        others = (active.keys() | claimed.keys()) - {station}
        own = active.get(station, 0)
        if starts:
            claimed[station] = (own + 1, now + CLAIMED_FOR)
        if claimed:
            self._claimed[tag] = claimed
        else:
            self._claimed.pop(tag, None)
        if len(self._claimed) > CLAIMS_AT_MOST:
            self._claimed.pop(next(iter(self._claimed)))
        return own + sum(max(active.get(n, 0), claimed.get(n, (0, 0.0))[0]) for n in others)


class Reader:
    """Batched, cached reads. `flush` is the journal's: what was handed in before is seen."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        metrics: Metrics,
        flush: Callable[[int], Awaitable[None]],
    ) -> None:
        self._database = database
        self._flush = flush
        self._defaults: Mapping[str, Any] = {
            "heartbeat_interval": settings.heartbeat_interval,
            "policy": settings.policy,
            "takes_payments": settings.takes_payments,
        }
        self._station_cache: Cache[str, StationRecord] = Cache(STATIONS_CACHED)
        self._token_cache: Cache[tuple[int, str], Token] = Cache(TOKENS_CACHED)
        self._claims = Claims(time.monotonic)
        self._stations = Batcher(database, loading.stations)
        self._charge_points = Batcher(database, self._load)
        self._facts = Batcher(database, self._look_up)
        self._failures = metrics.task_failures
        metrics.gauges["voltrio_cached_stations"] = ("Station records in memory", self._station_cache.__len__)
        metrics.gauges["voltrio_cached_id_tags"] = ("Id tags in memory", self._token_cache.__len__)

    async def run(self) -> None:
        """Answer until cancelled."""
        tasks = (self._stations.run, self._charge_points.run, self._facts.run)
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

    async def resolve(self, charge_point: ChargePoint, needs: Needs) -> Facts:
        """The answers to `needs`. `active_sessions` is counted only for id tags that have a limit."""
        return await self._facts.ask((charge_point, needs))

    async def _load(
        self, connection: Connection, asked: Sequence[tuple[StationRecord, str]]
    ) -> Sequence[ChargePoint | None]:
        return await loading.charge_points(connection, asked, self._defaults)

    async def _look_up(
        self, connection: Connection, asked: Sequence[tuple[ChargePoint, Needs]]
    ) -> Sequence[Facts]:
        tokens = await self._counted(connection, asked, await self._tokens(connection, asked))
        starts = {(cp.id, needs.start_key) for cp, needs in asked if needs.start_key is not None}
        transactions = {
            (cp.id, needs.transaction_id) for cp, needs in asked if needs.transaction_id is not None
        }
        by_start = await loading_sessions.sessions_by_start(connection, _storable(starts)) if starts else {}
        by_transaction = (
            await loading_sessions.sessions_by_transaction(connection, _storable(transactions))
            if transactions
            else {}
        )
        events = [
            (cp.id, needs.event)
            for cp, needs in asked
            if needs.event is not None and "\0" not in needs.event.transaction_id
        ]
        told = dict(zip(events, await histories.told(connection, events) if events else (), strict=True))
        awaited = [
            (cp.id, needs.pending)
            for cp, needs in asked
            if needs.pending is not None and "\0" not in (needs.pending.id_tag or "")
        ]
        pending = await loading_sessions.pending_sessions(connection, awaited) if awaited else {}
        operators = {cp.operator_id for cp, needs in asked if needs.event is not None and needs.new_session}
        prices = await loading_sessions.prices(connection, operators) if operators else {}
        since = [(cp.id, *needs.samples_since) for cp, needs in asked if needs.samples_since is not None]
        samples = iter(await loading_sessions.samples(connection, since) if since else ())
        ending = [(needs.neighbours_of, 0, None) for _, needs in asked if needs.neighbours_of is not None]
        neighbours = await histories.neighbours(connection, ending)
        after = [(cp.id, *needs.loose_since) for cp, needs in asked if needs.loose_since is not None]
        loose = iter(await loading_sessions.loose_values(connection, after) if after else ())
        sessions = iter(await _numbers(connection, SESSION_IDS, sum(n.new_session for _, n in asked)))
        rows = iter(await _numbers(connection, ROW_IDS, sum(n.new_ids - n.new_session for _, n in asked)))
        return [
            Facts(
                tokens=tokens[index],
                session=_session(cp, needs, by_start, by_transaction),
                samples=next(samples) if needs.samples_since is not None else frozenset(),
                loose=next(loose) if needs.loose_since is not None else (),
                neighbours=neighbours.get(needs.neighbours_of, ()) if needs.neighbours_of else (),
                told=told.get((cp.id, needs.event), NOTHING_TOLD)
                if needs.event is not None
                else NOTHING_TOLD,
                pending=pending.get((cp.id, needs.pending)) if needs.pending is not None else None,
                price=prices.get(cp.operator_id) if needs.event is not None else None,
                new_ids=(
                    *(next(sessions) for _ in range(needs.new_session)),
                    *(next(rows) for _ in range(needs.new_ids - needs.new_session)),
                ),
            )
            for index, (cp, needs) in enumerate(asked)
        ]

    async def _tokens(
        self, connection: Connection, asked: Sequence[tuple[ChargePoint, Needs]]
    ) -> Mapping[tuple[int, str], Token]:
        keys = {(cp.operator_id, uid.lower()) for cp, needs in asked for uid in needs.id_tags}
        found = {key: token for key in keys if (token := self._token_cache.get(key)) is not None}
        unknown = _storable(key for key in keys if key not in found)
        if unknown:
            generation = self._token_cache.generation
            for key, token in zip(unknown, await loading.tokens(connection, unknown), strict=True):
                if token is not None:
                    found[key] = token
                    self._token_cache.keep(key, token, generation)
        return found

    async def _counted(
        self,
        connection: Connection,
        asked: Sequence[tuple[ChargePoint, Needs]],
        tokens: Mapping[tuple[int, str], Token],
    ) -> Sequence[Mapping[str, Token]]:
        """The tokens of each question, those that have a limit with their open sessions."""
        limited = {token.id for token in tokens.values() if token.max_active_sessions is not None}
        active = await loading.active_sessions(connection, list(limited)) if limited else {}
        found = []
        for cp, needs in asked:
            own = {uid: tokens.get((cp.operator_id, uid.lower())) for uid in needs.id_tags}
            counts = {
                token.id: self._claims.count(token.id, cp.id, active.get(token.id, {}), needs.starts)
                for token in own.values()
                if token is not None and token.id in limited
            }
            found.append(
                {
                    uid: replace(token, active_sessions=counts[token.id]) if token.id in counts else token
                    for uid, token in own.items()
                    if token is not None
                }
            )
        return found

    async def apply(self, events: Sequence[Event]) -> None:
        """Go by what people have changed."""
        for event in events:
            if event.identity is not None:
                self.forget(event.identity)
            if event.uid is not None and event.operator_id is not None:
                self._token_cache.forget((event.operator_id, event.uid.lower()))
            if event.type.startswith("user."):  # a user of many tags
                self._token_cache.switch(self._token_cache.on)

    def switch(self, on: bool) -> None:
        """Start anew, or stop keeping: whether changes are heard of."""
        self._station_cache.switch(on)
        self._token_cache.switch(on)


def _session(
    cp: ChargePoint,
    needs: Needs,
    by_start: Mapping[tuple[int, str], Session],
    by_transaction: Mapping[tuple[int, str], Session],
) -> Session | None:
    found = by_start.get((cp.id, needs.start_key)) if needs.start_key is not None else None
    if found is None and needs.transaction_id is not None:
        found = by_transaction.get((cp.id, needs.transaction_id))
    return found


def _storable(keys: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    return [key for key in keys if "\0" not in key[1]]


async def _numbers(connection: Connection, sequence: str, count: int) -> list[int]:
    """That many new numbers; none is ever given twice."""
    if not count:
        return []
    rows = await connection.fetch(
        "select nextval($1::text::regclass) from generate_series(1, $2)", sequence, count
    )
    return [row[0] for row in rows]
