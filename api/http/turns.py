"""Turns: the requests of one address are served at a rate, and those beyond it wait.

Pure; time is an argument. An address stands for its owner (a network of IPv6); behind a trusted proxy each of
its clients has its own.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

from api.http.message import Headers, Refusal
from engine.limits import owner_of
from engine.points.admission import Rate
from engine.points.proxies import Proxies

PATIENCE: Final = 10.0  # seconds; who would wait longer is told to come back
KNOWN: Final = 10_000  # addresses remembered; the one that asked longest ago is forgotten first
HANDSHAKE: Final = 5  # turns that a TLS handshake takes


class Turns:
    """`rate` per second and address; after a quiet second, a second's worth at once."""

    __slots__ = ("_even", "_proxies", "_rate")

    def __init__(self, rate: float, proxies: Proxies | None = None) -> None:
        self._rate = Rate(rate, rate)
        self._proxies = proxies or Proxies(())
        self._even: OrderedDict[str, float] = OrderedDict()

    def owner(self, address: str) -> str:
        """Whose turns a connection from there takes; empty: it speaks for many (`behind`)."""
        return "" if self._proxies.trusts(address) else owner_of(address)

    def behind(self, address: str, headers: Headers) -> str:
        """Whose turn a request takes that came through a trusted proxy."""
        forwarded = self._proxies.forwarded(address, headers)
        return owner_of(address if forwarded is None else forwarded.address)

    def take(self, owner: str, now: float, turns: int = 1) -> float:
        """Seconds to wait for one's turn. Raises Refusal where they are too many, and nothing is taken."""
        even = self._even.pop(owner, 0.0)
        wait = self._rate.wait(even, now)
        if wait > PATIENCE:
            self._even[owner] = even
            seconds = math.ceil(wait)
            raise Refusal(
                429, f"too many requests from your address; come back in {seconds} s", retry_after=seconds
            )
        self._even[owner] = self._rate.taken(even, now, turns)
        if len(self._even) > KNOWN:
            self._even.popitem(last=False)
        return wait
