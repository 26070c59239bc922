"""Tokens by their id tags, remembered while changes are heard of, and their open sessions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from msgspec.structs import replace

from engine.domain.lookups import TokensOf
from engine.domain.state import Token
from engine.store import loading
from engine.store.batching import Cache
from engine.store.database import Connection
from engine.store.lookups.asked import Asked, storable

CACHED: Final = 100_000
CLAIMED_FOR: Final = 2.0  # seconds: more than a commit takes
LOCK: Final = 0x766F6C77  # one start of a tag at a time; a claim that a crash takes was of no use any more
CLAIM: Final = """
select set_config('synchronous_commit', 'off', true), pg_advisory_xact_lock($2, hashint8(tag))
from unnest($1::bigint[]) tag
"""
CLAIMED: Final = """
select id_tag_id, charge_point_id, sessions from session_claims
where id_tag_id = any($1) and claimed_until > clock_timestamp()
"""
KEEP: Final = """
with over as (
    delete from session_claims
    where id_tag_id = any($1) and charge_point_id <> all($2) and claimed_until <= clock_timestamp()
)
insert into session_claims (id_tag_id, charge_point_id, sessions, claimed_until)
select *, clock_timestamp() + $4 * interval '1 second' from unnest($1::bigint[], $2::bigint[], $3::integer[])
on conflict (id_tag_id, charge_point_id) do update
set sessions = excluded.sessions, claimed_until = excluded.claimed_until
"""

Sessions: TypeAlias = Mapping[int, Mapping[int, int]]  # tag → station → open sessions


class Claims:
    """Starts of tags with a limit that were looked up a moment ago: they count before their rows are there.

    Several stations may look at once, at any node, and each would find none. Messages of one station come one
    by one, so its own never count twice.
    """

    def __init__(self, active: Sessions, claimed: Sessions) -> None:
        self._active = active
        self._claimed = {tag: dict(stations) for tag, stations in claimed.items()}
        self.made: dict[tuple[int, int], int] = {}  # tag and station → sessions

    def count(self, tag: int, station: int, *, starts: bool) -> int:
        """The tag's open sessions; `starts`: one more begins at the station."""
        active, claimed = self._active.get(tag, {}), self._claimed.setdefault(tag, {})
        others = (active.keys() | claimed.keys()) - {station}
        own = active.get(station, 0)
        if starts:
            claimed[station] = self.made[tag, station] = own + 1
        return own + sum(max(active.get(n, 0), claimed.get(n, 0)) for n in others)


class Tokens:
    """The tokens that were looked up lately."""

    def __init__(self) -> None:
        self.cache: Cache[tuple[int, str], Token] = Cache(CACHED)

    async def tokens_of(
        self, connection: Connection, asked: Asked[TokensOf]
    ) -> Sequence[Mapping[str, Token]]:
        """Those that have a limit with their open sessions."""
        tokens = await self._tokens(connection, asked)
        limited = {token.id for token in tokens.values() if token.max_active_sessions is not None}
        if not limited:
            return _found(asked, tokens, {})
        wanted = [
            (token.id, cp.id, one.starts)
            for cp, one in asked
            for uid in one.id_tags
            if (token := tokens.get((cp.operator_id, uid.lower()))) is not None and token.id in limited
        ]
        return _found(asked, tokens, await _counts(connection, wanted))

    async def _tokens(
        self, connection: Connection, asked: Asked[TokensOf]
    ) -> Mapping[tuple[int, str], Token]:
        keys = {(cp.operator_id, uid.lower()) for cp, one in asked for uid in one.id_tags}
        found = {key: token for key in keys if (token := self.cache.get(key)) is not None}
        unknown = storable(key for key in keys if key not in found)
        if unknown:
            generation = self.cache.generation
            for key, token in zip(unknown, await loading.tokens(connection, unknown), strict=True):
                if token is not None:
                    found[key] = token
                    self.cache.keep(key, token, generation)
        return found


async def _counts(
    connection: Connection, wanted: Sequence[tuple[int, int, bool]]
) -> Mapping[tuple[int, int], int]:
    """Open sessions by tag and station that asks, given who asks about a start. One start at a time."""
    tags = sorted({tag for tag, _, _ in wanted})
    if not any(starts for _, _, starts in wanted):
        claims = await _claims(connection, tags)
        return {(tag, station): claims.count(tag, station, starts=False) for tag, station, _ in wanted}
    async with connection.transaction():
        await connection.execute(CLAIM, tags, LOCK)
        claims = await _claims(connection, tags)
        counts = {
            (tag, station): claims.count(tag, station, starts=starts) for tag, station, starts in wanted
        }
        made = [(tag, station, sessions) for (tag, station), sessions in claims.made.items()]
        await connection.execute(KEEP, *map(list, zip(*made, strict=True)), CLAIMED_FOR)
    return counts


async def _claims(connection: Connection, tags: Sequence[int]) -> Claims:
    claimed: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for tag, station, sessions in await connection.fetch(CLAIMED, tags):
        claimed[tag][station] = sessions
    return Claims(await loading.active_sessions(connection, tags), claimed)


def _found(
    asked: Asked[TokensOf],
    tokens: Mapping[tuple[int, str], Token],
    counts: Mapping[tuple[int, int], int],
) -> Sequence[Mapping[str, Token]]:
    """What each asker gets."""
    found: list[dict[str, Token]] = []
    for cp, one in asked:
        known = {uid: tokens.get((cp.operator_id, uid.lower())) for uid in one.id_tags}
        found.append(
            {uid: _counted(token, cp.id, counts) for uid, token in known.items() if token is not None}
        )
    return found


def _counted(token: Token, station: int, counts: Mapping[tuple[int, int], int]) -> Token:
    sessions = counts.get((token.id, station))
    return token if sessions is None else replace(token, active_sessions=sessions)
