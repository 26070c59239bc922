"""The run as a whole: what fails takes nothing else with it, and rows follow the declarations."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from bench import __main__ as program
from bench import kernels, pages, report
from bench.__main__ import MINIATURE, WHOLE, Part, measure, parts
from bench.report import Maker, Row
from bench.samples import filled
from engine.domain import changes
from engine.store import Store
from engine.store.statements import STATEMENTS
from tests.patience import PATIENCE


def whole(make: Maker) -> list[Row]:
    return [make.single("whole", 1.0, "s")]


def half(make: Maker) -> Iterator[Row]:
    yield make.single("half", 1.0, "s")
    raise ValueError("the other half")


def test_a_part_that_fails_leaves_the_others_and_what_it_had() -> None:
    said = io.StringIO()
    chosen: dict[str, tuple[str, Part]] = {"h": ("halves", half), "w": ("wholes", whole)}
    rows, failed = measure(chosen, Console(file=said, width=200))
    assert [row.name for row in rows] == ["half", "whole"]
    assert failed == ["(h) halves"]
    assert "the other half" in said.getvalue()


def test_what_was_measured_is_saved_though_a_part_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[str] = []
    monkeypatch.setattr(program, "parts", lambda _: {"h": ("halves", half), "w": ("wholes", whole)})
    monkeypatch.setattr(program.machine, "keep_to", lambda _: None)
    monkeypatch.setattr(report, "save", lambda rows: saved.extend(row.name for row in rows))
    monkeypatch.setattr(pages, "write", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["bench"])
    with pytest.raises(SystemExit, match="halves"):
        program.main()
    assert saved == ["half", "whole"]


def test_the_miniature_has_every_part() -> None:
    assert parts(MINIATURE).keys() == parts(WHOLE).keys()


def test_a_kernel_that_fails_is_an_error_after_the_rows_of_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "test_one.py").write_text(
        "import pytest\n"
        "pytestmark = pytest.mark.benchmark(group='g')\n"
        "def test_voltrio(benchmark): benchmark(int)\n"
        "def test_json(benchmark): raise ValueError('a column is missing')\n"
    )
    monkeypatch.setattr(kernels, "SUITES", tmp_path)
    rows = kernels.measure(Maker(), seconds=0.001)
    assert next(rows).name == "g"
    with pytest.raises(RuntimeError, match="a column is missing"):
        list(rows)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.change.__name__)
def test_a_change_of_any_kind_can_be_filled(statement: object) -> None:
    kind = statement.change  # type: ignore[attr-defined]
    assert isinstance(filled(kind), kind)


async def test_rows_of_the_journal_s_suite_have_every_column_of_the_table(store: Store) -> None:
    columns = await store.query(
        "select column_name from information_schema.columns where table_name = 'meter_values'"
    )
    assert {name for (name,) in columns} == set(changes.MeterValueAdded.__struct_fields__)


def test_the_command_line_knows_the_parts() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert "--quick" in done.stdout
    assert "{a,b,c,d,e,h,k,v}" in done.stdout
