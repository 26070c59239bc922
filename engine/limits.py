"""How many connections a node can hold: the system's limit of open files shared out, and places at each door.

A connection takes a place when it is accepted, before it has proven anything. Where a door is full, the
address with the most idle connections loses the one that has been idle longest; where one address has its
share, it loses its own. Where none is idle, the newcomer is turned away. No sockets here: whoever takes a
place says how its connection is closed.
"""

from __future__ import annotations

import ipaddress
import resource
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from engine.errors import SettingsError
from engine.settings import Settings

RESERVE: Final = 128  # descriptors kept for the database, files, the log and services outside
LEAST: Final = 256  # descriptors without which a node does not start
MOST: Final = 1_048_576  # descriptors; some systems name a number that none of them can have
HTTP_PART: Final = 8  # HTTP gets at most one in so many of the descriptors
WAITING_PART: Final = 16  # one in so many of the chargers' descriptors is kept for those that log in
LEAST_WAITING: Final = 32
IPV6_SITE: Final = 64  # bits of an IPv6 address that its owner did not choose
EXEMPT: Final = ""  # the owner of addresses that speak for many


class Shares(NamedTuple):
    """Connections that a node can hold at once."""

    chargers: int  # logged in
    waiting: int  # at the chargers' ports, not logged in: at most so many
    sockets: int  # at the chargers' ports, both together
    http: int


def open_files() -> int:
    """Raise this process's limit of open files as far as the system lets it; the limit then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # macOS names a hard limit that it does not grant
            wanted = soft
    return min(wanted, MOST)


def share(descriptors: int, settings: Settings) -> Shares:
    """Share out the descriptors that a process may have. Raises SettingsError where they are too few."""
    if descriptors < LEAST:
        raise SettingsError(
            f"the system lets this process open {descriptors} files, a node needs {LEAST} at least: "
            "raise the limit (`ulimit -n`, LimitNOFILE= of systemd)"
        )
    free = descriptors - RESERVE
    http = min(settings.max_http_connections, free // HTTP_PART)
    sockets = min(settings.max_connections + settings.max_waiting, free - http)
    kept = min(settings.max_waiting, max(LEAST_WAITING, sockets // WAITING_PART))
    return Shares(
        chargers=min(settings.max_connections, sockets - kept),
        waiting=min(settings.max_waiting, sockets),
        sockets=sockets,
        http=http,
    )


class Place:
    """One connection's place, from when it is accepted to when it is given back. Idle to begin with."""

    __slots__ = ("_places", "close", "crowded_out", "origin")

    def __init__(self, places: Places, close: Callable[[], None]) -> None:
        self._places = places
        self.close = close
        self.origin: Origin | None = None  # None: it has left
        self.crowded_out = False  # it had to give way to a newer connection, and was closed

    def busy(self) -> None:
        """A request of it is being served: it gives way to nobody."""
        self._places.set_idle(self, False)

    def idle(self) -> None:
        """It is the peer's turn: from now on it may have to give way."""
        self._places.set_idle(self, True)

    def move(self, address: str) -> bool:
        """Count for another address, the one that a trusted proxy names; whether that had room."""
        return self._places.move(self, address)

    def leave(self) -> None:
        """Give the place back; without effect if it was given back before."""
        self._places.leave(self)


class Origin:
    """An address, or what belongs to one owner of addresses, and its connections at one door."""

    __slots__ = ("count", "idle", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        self.idle: OrderedDict[Place, None] = OrderedDict()  # longest first


class Crowds:
    """Addresses by how many idle connections they have. A step is one up or down, so the most are known."""

    def __init__(self) -> None:
        self._by_size: dict[int, OrderedDict[Origin, None]] = {}
        self._most = 0

    def resized(self, origin: Origin, before: int, after: int) -> None:
        """It had `before` idle connections, and has one more or one less now."""
        if before:
            del self._by_size[before][origin]
        if after:
            self._by_size.setdefault(after, OrderedDict())[origin] = None
        if before and not self._by_size[before]:
            del self._by_size[before]
        if after > self._most or self._most not in self._by_size:
            self._most = after

    def largest(self) -> Origin | None:
        """Of several, the one that has been that large longest."""
        return next(iter(self._by_size[self._most])) if self._most else None


class Places:
    """The places at one door. `limit()` is asked each time; `per_address` is one address's share.

    `exempt` tells the addresses that speak for many: trusted proxies.
    """

    def __init__(
        self, limit: Callable[[], int], per_address: int, exempt: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._limit = limit
        self._per_address = per_address
        self._exempt = exempt
        self._origins: dict[str, Origin] = {}
        self._crowds = Crowds()
        self._taken = 0

    def __len__(self) -> int:
        return self._taken

    def take(self, address: str, close: Callable[[], None]) -> Place | None:
        """A place for a new connection, None where there is none. `close` ends it when it must give way."""
        origin = self._origin(address)
        if not self._has_room(origin):
            return None
        if self._taken >= self._limit() and not self._crowd_out(self._crowds.largest()):
            return None
        place = Place(self, close)
        self._taken += 1
        self._enter(place, origin)
        self.set_idle(place, True)
        return place

    def set_idle(self, place: Place, idle: bool) -> None:
        origin = place.origin
        if origin is None or (place in origin.idle) is idle:
            return
        before = len(origin.idle)
        if idle:
            origin.idle[place] = None
        else:
            del origin.idle[place]
        self._crowds.resized(origin, before, len(origin.idle))

    def move(self, place: Place, address: str) -> bool:
        before, origin = place.origin, self._origin(address)
        if before is None:
            return False
        if before is origin:
            return True
        if not self._has_room(origin):
            return False
        idle = place in before.idle
        self._exit(place, before)
        self._enter(place, origin)
        self.set_idle(place, idle)
        return True

    def leave(self, place: Place) -> None:
        if place.origin is not None:
            self._taken -= 1
            self._exit(place, place.origin)

    def _origin(self, address: str) -> Origin:
        name = EXEMPT if self._exempt(address) else owner_of(address)
        return self._origins.get(name) or Origin(name)

    def _has_room(self, origin: Origin) -> bool:
        """Whether one more may come from there, if need be instead of an idle one."""
        return origin.name == EXEMPT or origin.count < self._per_address or self._crowd_out(origin)

    def _crowd_out(self, origin: Origin | None) -> bool:
        """Close its connection that has been idle longest; False where there is none."""
        if origin is None or not origin.idle:
            return False
        place = next(iter(origin.idle))
        place.crowded_out = True
        self.leave(place)
        place.close()
        return True

    def _enter(self, place: Place, origin: Origin) -> None:
        self._origins[origin.name] = place.origin = origin
        origin.count += 1

    def _exit(self, place: Place, origin: Origin) -> None:
        self.set_idle(place, False)
        place.origin = None
        origin.count -= 1
        if not origin.count:
            del self._origins[origin.name]


def owner_of(address: str) -> str:
    """What one owner has of addresses: an address of IPv4 (also within IPv6), a network of IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a name in a test, a Unix socket
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, IPV6_SITE), strict=False))
