"""(b) What an idle, connected and booted charger costs: resident memory of the server after and before."""

from __future__ import annotations

import time
from typing import Final

from bench import machine, programs
from bench.loadgen import LoadGenerator, Mode
from bench.report import Maker, Row
from engine.limits import open_files, share
from engine.settings import Settings

RATE: Final = 1_000.0  # chargers that connect in a second
SETTLE: Final = 3.0  # seconds: the log is written, what was only needed to begin is given back
PEERS: Final = (programs.OCPP, programs.TRIO_WEBSOCKET)


def measure(make: Maker, connections: int) -> list[Row]:
    """KiB per charger, Voltrio's and its peers'."""
    count = min(connections, share(open_files(), Settings()).chargers)
    with programs.voltrio(count) as program:
        ours = _per_charger(program.pid, program.ocpp_port, count, "ocpp")
    peers = []
    for peer in PEERS:
        with programs.running(peer) as (pid, port):
            peers.append((peer.name, _per_charger(pid, port, count, peer.mode)))
    return make.compared(f"Memory per idle charger; {count:,} chargers", "KiB", ours, peers, better="less")


def _per_charger(pid: int, port: int, count: int, mode: Mode) -> float:
    before = machine.rss(pid)
    with LoadGenerator(port, count, mode) as load:
        load.open(RATE)
        time.sleep(SETTLE)
        return (machine.rss(pid) - before) / count / 1024
