"""Bearer tokens: reading them, comparing them in constant time, and how many wrong ones an address may try.

A token that has not proven right lately counts as a wrong one before anything is awaited, and is taken back
when it is right: however many come at once, no more are looked at than may be wrong.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import msgspec
import trio
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import TooManyRequests, Unauthorized

from engine.limits import owner_of
from engine.metrics import Tally
from engine.points.admission import PER_ADDRESS, Failures
from engine.points.proxies import Proxies
from engine.settings import Settings

PROVEN: Final = 1_000  # tokens that were right, remembered; others' failures do not keep them out

T = TypeVar("T")


class Client(msgspec.Struct, frozen=True):
    """Who sent a request: the address at the other end, and the headers, their names in lower case."""

    peer: str
    headers: Sequence[tuple[bytes, bytes]]

    def header(self, name: bytes) -> str:
        """The first header of that name; empty if there is none."""
        return next((value for key, value in self.headers if key == name), b"").decode("latin-1")


def bearer(client: Client) -> str | None:
    """The token that a request carries, if it does."""
    scheme, _, token = client.header(b"authorization").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def unauthorized(message: str) -> Unauthorized:
    return Unauthorized(message, www_authenticate=WWWAuthenticate("bearer"))


def is_secret(presented: str, secret: str) -> bool:
    """Constant-time comparison; not even the length shows."""
    return hmac.compare_digest(_digest(presented), _digest(secret))


class Attempts:
    """The wrong tokens of one API, per address and minute."""

    def __init__(
        self, api: str, settings: Settings, tally: Tally, clock: Callable[[], float] = trio.current_time
    ) -> None:
        self._api = api
        self._failures = Failures(settings.auth_failures * PER_ADDRESS)
        self._proxies = Proxies(settings.trusted_proxies)
        self._tally = tally
        self._clock = clock
        self._proven: OrderedDict[bytes, None] = OrderedDict()

    async def verified(
        self, client: Client, secret: str, verify: Callable[[str], Awaitable[T | None]]
    ) -> T | None:
        """What `verify` makes of the caller's token. Raises TooManyRequests."""
        digest, address = _digest(secret), self._address(client)
        proven = digest in self._proven
        if not proven:
            self._count(address)
        wrong = False
        try:
            found = await verify(secret)
            wrong = found is None
        finally:  # without a verdict nobody has learned anything
            if not proven and not wrong:
                self._failures.forgive(address, "", self._clock())
        if found is None:
            self._proven.pop(digest, None)
            self._tally.add(self._api, "wrong")
            return None
        self._proven[digest] = None
        self._proven.move_to_end(digest)
        if len(self._proven) > PROVEN:
            self._proven.popitem(last=False)
        return found

    def is_secret(self, client: Client, presented: str, secret: str) -> bool:
        """`is_secret`, for a secret that people choose. Raises TooManyRequests."""
        address = self._address(client)
        self._count(address)
        if not is_secret(presented, secret):
            self._tally.add(self._api, "wrong")
            return False
        self._failures.forgive(address, "", self._clock())
        return True

    def _count(self, address: str) -> None:
        now = self._clock()
        wait = self._failures.wait(address, "", now)
        if wait > 0:
            self._tally.add(self._api, "limited")
            seconds = max(1, math.ceil(wait))
            raise TooManyRequests(
                f"Too many wrong tokens from your address; come back in {seconds} s.", retry_after=seconds
            )
        self._failures.record(address, "", now)

    def _address(self, client: Client) -> str:
        """Whose request it is: a trusted proxy's word counts."""
        forwarded = self._proxies.forwarded(client.peer, client.headers)
        return owner_of(client.peer if forwarded is None else forwarded.address)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
