"""A charger's own account of its transactions, to be compared with the server's. Holds no behaviour of a
charger.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec


class Sample(msgspec.Struct, kw_only=True):
    """One reading that was reported, or was to be: the energy register in Wh at its time."""

    timestamp: datetime
    context: str
    energy_wh: int
    acknowledged: bool = False


class Entry(msgspec.Struct, kw_only=True):
    """One transaction as its charger knows it. `acknowledged` means that the server's answer arrived."""

    identity: str
    connector: int
    id_tag: str
    started: datetime
    meter_start: int
    transaction_id: int | str | None = None  # a number in OCPP 1.6
    stopped: datetime | None = None
    meter_stop: int | None = None
    reason: str | None = None
    start_acknowledged: bool = False
    stop_acknowledged: bool = False
    samples: list[Sample] = []

    @property
    def energy_wh(self) -> int:
        """Energy of the transaction so far."""
        last = self.samples[-1].energy_wh if self.samples else self.meter_start
        return (last if self.meter_stop is None else self.meter_stop) - self.meter_start


def write(path: Path, entries: list[Entry]) -> None:
    """One JSON object per line, the oldest transaction first."""
    path.write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))


def read(path: Path) -> list[Entry]:
    """What `write` wrote. Raises msgspec.ValidationError for anything else."""
    return [msgspec.json.decode(line, type=Entry) for line in path.read_bytes().splitlines()]
