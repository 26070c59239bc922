"""(a, e) Messages a second in a closed loop: Voltrio with validation, state and commits, and its peers.

All servers run at once, but only one has work at a time, in turns: what else the machine does meanwhile hits
all of them alike. Medians over the turns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Final

import msgspec

from bench import programs
from bench.loadgen import Action, LoadGenerator, Version
from bench.programs import Peer
from bench.report import OURS, Maker, Row

WARM_UP: Final = 0.5  # seconds


class Suite(msgspec.Struct, frozen=True):
    """What chargers of one version send, by title in the table, and to whom besides us."""

    version: Version
    titles: Mapping[Action, str]
    peers: Sequence[Peer]


V16: Final = Suite(
    version="1.6",
    titles={"Heartbeat": "Heartbeat", "MeterValues": "MeterValues, five samples, in a transaction"},
    peers=(programs.OCPP, programs.TRIO_WEBSOCKET, programs.ECHO, programs.PICOWS),
)
V201: Final = Suite(
    version="2.0.1",
    titles={
        "TransactionEvent(Updated)": (
            "TransactionEvent(Updated) with five sampled values, in a transaction, durable"
        )
    },
    peers=(programs.OCPP_V201,),
)


def measure(make: Maker, suite: Suite, seconds: float, rounds: int, connections: int) -> list[Row]:
    """Rows of one number of connections; `seconds` per turn and action."""
    figures: dict[tuple[str, str], list[float]] = defaultdict(list)
    with ExitStack() as stack:
        loads = _loads(stack, suite, connections)
        for load in loads.values():
            for action in suite.titles:
                load.run(action, WARM_UP)
        for _ in range(rounds):
            for action in suite.titles:
                for name, load in loads.items():
                    report = load.run(action, seconds)
                    figures[action, name].append(report.latency[action].per_second)
    rows: list[Row] = []
    for action, title in suite.titles.items():
        rates = {name: median(figures[action, name]) for name in loads}
        peers = [(peer.name, rates[peer.name]) for peer in suite.peers]
        rows += make.compared(f"{title}; {connections:,} chargers", "messages/s", rates[OURS], peers)
    return rows


def _loads(stack: ExitStack, suite: Suite, connections: int) -> dict[str, LoadGenerator]:
    """A load generator for each program, its chargers booted and charging."""
    program = stack.enter_context(programs.voltrio(connections))
    ours = LoadGenerator(program.ocpp_port, connections, version=suite.version)
    loads = {OURS: stack.enter_context(ours)}
    for peer in suite.peers:
        _, port = stack.enter_context(programs.running(peer))
        theirs = LoadGenerator(port, connections, peer.mode, version=suite.version)
        loads[peer.name] = stack.enter_context(theirs)
    for name, load in loads.items():
        load.open()
        if name == OURS or next(peer.mode for peer in suite.peers if peer.name == name) == "ocpp":
            load.start(1)
    return loads
