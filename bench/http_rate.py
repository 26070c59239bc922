"""(h) HTTP requests a second in a closed loop: Voltrio's server and its peers, empty and with Quart-Trio.

All run at once, but only one has work at a time, in turns. Medians over the turns.
"""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from bench import machine, programs
from bench.loadgen import compiled
from bench.programs import Program
from bench.report import OURS, Maker, Row

SOURCE: Final = Path(__file__).with_name("httpload.c")
WARM_UP: Final = 0.3  # seconds
PATIENCE: Final = 60.0  # seconds beyond a turn's length

UVICORN: Final = Program(name="uvicorn", module="bench.peers.uvicorn_http")
HYPERCORN: Final = Program(name="Hypercorn on Trio", module="bench.peers.hypercorn_http")
QUART: Final = msgspec.structs.replace(HYPERCORN, arguments=("--app", "quart"))


def ours(app: str) -> Program:
    return Program(name=OURS, module="bench.http_server", arguments=("--app", app))


# What is answered, by us and by whom.
SUITES: Final[Mapping[str, Sequence[Program]]] = {
    "no application (peers: an empty one)": (ours("plain"), UVICORN, HYPERCORN),
    "an empty ASGI application": (ours("empty"), UVICORN, HYPERCORN),
    "Quart-Trio": (ours("quart"), QUART),
}


class Turn(msgspec.Struct, frozen=True):
    """What the load generator counted."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float


def measure(make: Maker, seconds: float, rounds: int, connections: int) -> Iterator[Row]:
    """Rows of one number of connections; `seconds` per turn."""
    rates: dict[Program, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        everybody = dict.fromkeys(peer for peers in SUITES.values() for peer in peers)
        ports = {peer: stack.enter_context(programs.running(peer))[1] for peer in everybody}
        for port in ports.values():
            load(port, connections, WARM_UP)
        for _ in range(rounds):
            for peer, port in ports.items():
                turn = load(port, connections, seconds)
                rates[peer].append(turn.answers / turn.seconds)
    for title, (own, *peers) in SUITES.items():
        yield from make.compared(
            f"HTTP requests, 400-byte answers, {connections} connections: {title}",
            "requests/s",
            median(rates[own]),
            [(peer.name, median(rates[peer])) for peer in peers],
        )


def load(port: int, connections: int, seconds: float, *, depth: int = 1, path: str = "/") -> Turn:
    """One turn; `depth` requests at once on each connection. Raises CalledProcessError for a wrong answer."""
    command = [str(compiled(SOURCE)), str(port), str(connections), str(depth), str(seconds), path]
    done = subprocess.run(
        machine.kept_to(machine.LOAD_CORES, command),
        check=True,
        stdout=subprocess.PIPE,
        timeout=seconds + PATIENCE,
    )
    return msgspec.json.decode(done.stdout, type=Turn)
