"""The settings of a simulation and the report at its end. Data only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from engine.simulator.ledger import Entry


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """How rough life is: events per simulated hour and charger, probabilities and clock errors."""

    outages: float  # the network is gone for a while
    power_cuts: float  # the charger dies without a word and boots again
    faults: float  # a connector reports an error for a while
    lost_answers: float  # probability that the answer to a transaction message does not arrive
    bad_tags: float  # probability that a driver's tag is one nobody knows
    drift: float  # greatest clock error, seconds per second
    visits: float  # cars per simulated hour and connector


MIXES: Final[Mapping[str, Mix]] = {
    "calm": Mix(outages=0, power_cuts=0, faults=0, lost_answers=0, bad_tags=0, drift=0, visits=4),
    "typical": Mix(
        outages=0.5, power_cuts=0.05, faults=0.2, lost_answers=0.01, bad_tags=0.03, drift=0.0001, visits=4
    ),
    "rough": Mix(outages=4, power_cuts=1, faults=2, lost_answers=0.1, bad_tags=0.1, drift=0.02, visits=12),
}


class SimulationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One simulation. Times are seconds of this machine's clock unless they say simulated."""

    url: str = "ws://127.0.0.1:9000/ocpp"  # the identity is appended
    stations: int = 20
    prefix: str = "SIM-"
    first: int = 1  # number of the first identity: SIM-0001
    seed: int = 1
    password: str | None = None  # one for all stations (security profiles 1 and 2)
    passwords: Mapping[str, str] = {}  # or one each, by identity
    tags: tuple[str, ...] = ("TAG-0001", "TAG-0002", "TAG-0003", "TAG-0004", "TAG-0005")
    ca: str | None = None  # PEM file to trust for wss://
    certificate: str | None = (
        None  # PEM file to show there, {identity} in its name stands for each one's own …
    )
    key: str | None = None  # … and its private key (security profile 3)
    speed: float = 1.0  # simulated seconds per second
    duration: float | None = None  # until interrupted if absent
    ramp: float = 5.0  # chargers are switched on over so many seconds
    drain: float = 120.0  # at the end, wait at most so long for the last answers
    call_timeout: float = 30.0
    life: Literal["calm", "typical", "rough"] = "typical"
    mix: Mapping[str, int] = MappingProxyType({"1.6": 100})  # OCPP versions and the share that speaks each
    table: bool = True
    ledger: str | None = None  # file for the ledgers, JSON lines

    def identities(self) -> list[str]:
        return [f"{self.prefix}{self.first + n:04d}" for n in range(self.stations)]

    def versions(self) -> list[str]:
        """The version of each station; among the first n, for any n, the shares hold as well as they can."""
        total = sum(self.mix.values())
        given = dict.fromkeys(self.mix, 0)
        order = []
        for n in range(1, self.stations + 1):
            version = max(self.mix, key=lambda name: self.mix[name] * n / total - given[name])
            given[version] += 1
            order.append(version)
        return order


class ProtocolError(msgspec.Struct, frozen=True, kw_only=True):
    """Something the server did wrong, with the frame that shows it."""

    identity: str
    at: datetime
    rule: str
    detail: str
    frame: str = ""


class Counts(msgspec.Struct):
    """What went over the wire, by action, and how often chargers connected or were turned away."""

    sent: Counter[str] = msgspec.field(default_factory=Counter)
    received: Counter[str] = msgspec.field(default_factory=Counter)
    connects: int = 0
    failures: int = 0  # attempts to connect that failed …
    last_failure: str = ""  # … and why the last one did
    timeouts: int = 0  # our calls without an answer
    lost: int = 0  # answers that the simulation let go astray
    unheard: Counter[str] = msgspec.field(default_factory=Counter)  # messages not worth repeating, by reason

    @property
    def messages(self) -> int:
        return sum(self.sent.values()) + sum(self.received.values())


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome. `undelivered` counts transaction messages that still waited at the end."""

    ledger: list[Entry]
    errors: list[ProtocolError]
    counts: Counts
    undelivered: int
    seconds: float

    @property
    def exit_code(self) -> int:
        """0 if chargers could connect and the server kept to the protocol, else 1."""
        return 1 if self.errors or not self.counts.connects else 0
