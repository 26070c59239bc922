"""(a) Messages a second in a closed loop: Voltrio with validation, state and commits, and its peers.

All servers run at once, but only one has work at a time, in turns: what else the machine does meanwhile hits
all of them alike. Medians over the turns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median
from typing import Final, Literal

from bench import programs
from bench.loadgen import LoadGenerator
from bench.report import OURS, Maker, Row

ACTIONS: Final[tuple[Literal["Heartbeat", "MeterValues"], ...]] = ("Heartbeat", "MeterValues")
PEERS: Final = (programs.OCPP, programs.TRIO_WEBSOCKET, programs.ECHO, programs.PICOWS)
TITLES: Final = {"Heartbeat": "Heartbeat", "MeterValues": "MeterValues, five samples, in a transaction"}
WARM_UP: Final = 0.5  # seconds


def measure(make: Maker, seconds: float, rounds: int, connections: int) -> list[Row]:
    """Rows of one number of connections; `seconds` per turn and action."""
    figures: dict[tuple[str, str], list[float]] = defaultdict(list)
    with ExitStack() as stack:
        loads = _loads(stack, connections)
        for load in loads.values():
            for action in ACTIONS:
                load.run(action, WARM_UP)
        for _ in range(rounds):
            for action in ACTIONS:
                for name, load in loads.items():
                    report = load.run(action, seconds)
                    figures[action, name].append(report.latency[action].per_second)
    rows: list[Row] = []
    for action in ACTIONS:
        rates = {name: median(figures[action, name]) for name in loads}
        title = f"{TITLES[action]}; {connections:,} chargers"
        peers: Sequence[tuple[str, float]] = [(peer.name, rates[peer.name]) for peer in PEERS]
        rows += make.compared(title, "messages/s", rates[OURS], peers)
    return rows


def _loads(stack: ExitStack, connections: int) -> dict[str, LoadGenerator]:
    """A load generator for each program, its chargers booted and charging."""
    program = stack.enter_context(programs.voltrio(connections))
    loads = {OURS: stack.enter_context(LoadGenerator(program.ocpp_port, connections))}
    for peer in PEERS:
        _, port = stack.enter_context(programs.running(peer))
        loads[peer.name] = stack.enter_context(LoadGenerator(port, connections, peer.mode))
    for name, load in loads.items():
        load.open()
        if name == OURS or next(peer.mode for peer in PEERS if peer.name == name) == "ocpp":
            load.start(1)
    return loads
