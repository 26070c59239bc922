"""Tokens by their id tags, remembered while changes are heard of, and their open sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from engine.domain.lookups import TokensOf
from engine.domain.state import Token
from engine.store import loading
from engine.store.batching import Cache
from engine.store.database import Connection
from engine.store.lookups.asked import Asked, storable

CACHED: Final = 100_000
CLAIMED_FOR: Final = 2.0  # seconds: more than a commit takes
CLAIMS_AT_MOST: Final = 10_000  # tags


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


class Tokens:
    """The tokens that were looked up lately."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.cache: Cache[tuple[int, str], Token] = Cache(CACHED)
        self._claims = Claims(clock)

    async def tokens_of(
        self, connection: Connection, asked: Asked[TokensOf]
    ) -> Sequence[Mapping[str, Token]]:
        """Those that have a limit with their open sessions."""
        tokens = await self._tokens(connection, asked)
        limited = {token.id for token in tokens.values() if token.max_active_sessions is not None}
        active = await loading.active_sessions(connection, list(limited)) if limited else {}
        found = []
        for cp, one in asked:
            own = {uid: tokens.get((cp.operator_id, uid.lower())) for uid in one.id_tags}
            counts = {
                token.id: self._claims.count(token.id, cp.id, active.get(token.id, {}), one.starts)
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
