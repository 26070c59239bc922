"""One connector with everything that a person standing there could see, and who is using it. No protocol."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec
import trio

from engine.simulator.ledger import Entry
from engine.simulator.limits import Profile
from engine.simulator.physics import Battery, Outlet


class Permit(NamedTuple):
    """What is known of a tag: Accepted or why not, and the group it belongs to."""

    status: str
    group: str | None = None


class Claim(msgspec.Struct, frozen=True):
    """Somebody was identified and has until `expires` (simulated seconds) to plug in."""

    id_tag: str
    parent: str | None
    expires: float
    profile: Profile | None = None


class Reservation(msgspec.Struct, frozen=True):
    """Kept free for one tag, or for its group, until `expires`."""

    id: int
    id_tag: str
    parent: str | None
    expires: datetime

    def admits(self, id_tag: str, parent: str | None) -> bool:
        return id_tag == self.id_tag or (parent is not None and parent == self.parent)


class Connector:
    """`entry` is the running transaction. `finished`: one ended here and the cable is still in."""

    def __init__(self, number: int, outlet: Outlet) -> None:
        self.number = number
        self.outlet = outlet
        self.entry: Entry | None = None
        self.parent: str | None = None  # group of the tag that started
        self.began: datetime | None = None
        self.claim: Claim | None = None
        self.reservation: Reservation | None = None
        self.fault: str | None = None
        self.operative = True
        self.inoperative_after = False  # to be taken out of service when the transaction ends
        self.finished = False
        self.ended = trio.Event()  # set when the running transaction ends
        self.invited = trio.Event()  # set when a remote start waits for a car

    @property
    def plugged(self) -> bool:
        return self.outlet.battery is not None

    @property
    def usable(self) -> bool:
        """Whether a transaction may begin here."""
        return self.operative and self.fault is None and self.entry is None

    def connect(self, battery: Battery) -> None:
        if self.plugged:
            raise ValueError(f"connector {self.number} holds a cable already")
        self.outlet.battery = battery
        self.finished = False

    def disconnect(self) -> None:
        self.outlet.closed = False
        self.outlet.battery = None
        self.finished = False

    def begin(self, entry: Entry, parent: str | None) -> None:
        """A transaction starts: close the contactor."""
        self.entry, self.parent, self.began = entry, parent, entry.started
        self.claim = None
        self.ended = trio.Event()
        self.outlet.closed = True

    def end(self) -> None:
        """The transaction is over: open the contactor."""
        self.entry = self.parent = self.began = None
        self.finished = self.plugged
        self.outlet.closed = False
        if self.inoperative_after:
            self.operative = self.inoperative_after = False
        self.ended.set()


def set_availability(connectors: Iterable[Connector], operative: bool) -> bool:
    """Into service or out of it; whether that has to wait for a transaction somewhere."""
    scheduled = False
    for connector in connectors:
        connector.inoperative_after = False
        if operative or connector.entry is None:
            connector.operative = operative
            connector.claim = connector.claim if operative else None
        else:
            connector.inoperative_after = scheduled = True
    return scheduled
