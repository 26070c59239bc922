"""Runs the pytest-benchmark suites beside this file and turns their medians into rows."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.report import Maker, Row

SUITES: Final = Path(__file__).parent
OURS: Final = "test_voltrio"
NAMES: Final[Mapping[str, str]] = {  # what the compared functions are called in the table
    "test_asyncpg_one_by_one": "asyncpg, one commit each, pool of 10",
    "test_decimal_by_hand": "Decimal, by hand, without the rules",
    "test_json": "json",
    "test_msgspec_generic_without_check": "msgspec to dicts, unchecked",
    "test_msgspec_with_raw_payload": "msgspec, raw payload",
    "test_ocpp_json_schema": "ocpp: unpack and validate_payload",
    "test_ocpp_unpack": "ocpp: unpack",
    "test_same_source_uncompiled": "the same source, uncompiled",
    "test_websockets_sans_io": "websockets, sans-IO",
    "test_wsproto": "wsproto",
}


class Result(msgspec.Struct):
    """One benchmark in pytest-benchmark's JSON. `stats` are seconds."""

    name: str  # with the parameter in brackets
    group: str
    param: str | None
    stats: dict[str, Any]

    @property
    def function(self) -> str:
        return self.name.partition("[")[0]

    @property
    def median_us(self) -> float:
        return float(self.stats["median"]) * 1e6


class Results(msgspec.Struct):
    """The file that pytest-benchmark writes, as far as it is looked at."""

    benchmarks: list[Result]


def measure(make: Maker, *, seconds: float) -> Iterator[Row]:
    """Microseconds per call, `seconds` of each function. Raises RuntimeError, last, if one fails."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "results.json"
        command = [sys.executable, "-m", "pytest", str(SUITES), "-q", "-o", "addopts="]
        command += ["--import-mode=importlib", "--benchmark-only", "--benchmark-disable-gc"]
        command += [f"--benchmark-json={file}", "--benchmark-quiet", f"--benchmark-max-time={seconds}"]
        done = subprocess.run(command, check=False, cwd=SUITES.parent, capture_output=True, text=True)
        if file.exists() and file.stat().st_size:
            yield from rows_of(make, msgspec.json.decode(file.read_bytes(), type=Results).benchmarks)
    if done.returncode != 0:
        raise RuntimeError(f"the suites failed ({done.returncode}):\n{done.stdout}{done.stderr}")


def rows_of(make: Maker, results: list[Result]) -> list[Row]:
    """Each group and parameter with ours first."""
    rows: list[Row] = []
    for ours in results:
        if ours.function == OURS:
            alike = [r for r in results if (r.group, r.param) == (ours.group, ours.param) and r is not ours]
            title = f"{ours.group}; {ours.param}" if ours.param else ours.group
            peers = [(NAMES[peer.function], peer.median_us) for peer in alike]
            rows += make.compared(title, "µs", ours.median_us, peers, better="less")
    return rows
