"""From figures to rows, and from rows to table and file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench import kernels, report
from bench.commands import bound_of, percentile
from bench.kernels import Result
from bench.report import OURS, Maker, Row


@pytest.fixture
def make() -> Maker:
    return Maker()


def test_a_ratio_says_how_many_times_better_we_are(make: Maker) -> None:
    rates = make.compared("rate", "messages/s", 40_000.0, [("slow", 5_000.0), ("fast", 80_000.0)])
    sizes = make.compared("size", "KiB", 5.0, [("large", 20.0)], better="less")
    assert [(row.peer, row.ratio) for row in rates] == [(OURS, None), ("slow", 8.0), ("fast", 0.5)]
    assert sizes[1].ratio == 4.0


def test_rows_name_machine_and_day(make: Maker) -> None:
    row = make.single("time", 1.23456, "s")
    assert row.value == 1.235
    assert "Python" in row.machine
    assert row.date.endswith("Z")


def test_what_was_not_measured_again_stays_in_its_place(make: Maker, tmp_path: Path) -> None:
    file = tmp_path / "results" / "latest.json"
    report.save([make.single(name, 1.0, "s") for name in "abc"], file)
    merged = report.save([make.single("d", 2.0, "s"), make.single("b", 2.0, "s")], file)
    assert [(row.name, row.value) for row in merged] == [("a", 1.0), ("b", 2.0), ("c", 1.0), ("d", 2.0)]
    assert msgspec.json.decode(file.read_bytes(), type=list[Row]) == merged


def test_suites_become_rows_with_ours_first(make: Maker) -> None:
    results = [
        Result("test_wsproto[Heartbeat]", "Frame", "Heartbeat", {"median": 1e-5}),
        Result("test_voltrio[Heartbeat]", "Frame", "Heartbeat", {"median": 1e-7}),
        Result("test_voltrio[MeterValues]", "Frame", "MeterValues", {"median": 2e-7}),
    ]
    rows = kernels.rows_of(make, results)
    assert [(row.name, row.peer, row.ratio) for row in rows] == [
        ("Frame; Heartbeat", OURS, None),
        ("Frame; Heartbeat", "wsproto", 100.0),
        ("Frame; MeterValues", OURS, None),
    ]


def test_every_compared_function_has_a_name_in_the_table() -> None:
    written = {
        line.removeprefix("def ").partition("(")[0]
        for file in Path(kernels.__file__).parent.glob("test_*.py")
        for line in file.read_text().splitlines()
        if line.startswith("def test_")
    }
    assert written - {kernels.OURS} == set(kernels.NAMES)


def test_percentiles() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 3.0
    assert percentile([1.0], 99) == 1.0
    assert bound_of([(0.001, 40.0), (0.01, 99.0), (float("inf"), 100.0)], 50) == 0.01
