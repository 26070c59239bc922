"""Figures as rows: printed as one table, saved as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from bench import machine

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / "bench" / "results" / "latest.json"
OURS: Final = "Voltrio"

Better = Literal["more", "less"]


class Row(msgspec.Struct, frozen=True):
    """One figure of one program. `ratio`: how many times better Voltrio is.

    On rows of Voltrio itself it is None, or for variants (`Maker.costs`) how many times the first one costs.
    """

    name: str
    value: float
    unit: str
    peer: str
    ratio: float | None
    machine: str
    date: str  # ISO 8601, UTC


class Maker:
    """Rows of one machine and one day."""

    def __init__(self) -> None:
        self._machine = machine.description()
        self._date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")

    def single(self, name: str, value: float, unit: str) -> Row:
        """A figure of Voltrio that has no peer."""
        return self._row(name, value, unit, OURS, None)

    def compared(
        self, name: str, unit: str, ours: float, peers: Iterable[tuple[str, float]], better: Better = "more"
    ) -> list[Row]:
        """Voltrio's figure and those of its peers, each with the ratio."""
        rows = [self._row(name, ours, unit, OURS, None)]
        for peer, value in peers:
            ratio = ours / value if better == "more" else value / ours
            rows.append(self._row(name, value, unit, peer, ratio))
        return rows

    def costs(self, name: str, unit: str, figures: Mapping[str, float]) -> list[Row]:
        """Figures of Voltrio by variant; the first variant is what the others are compared with."""
        first, baseline = next(iter(figures.items()))
        return [
            self._row(name, value, unit, f"{OURS}, {variant}", None if variant == first else value / baseline)
            for variant, value in figures.items()
        ]

    def _row(self, name: str, value: float, unit: str, peer: str, ratio: float | None) -> Row:
        rounded = None if ratio is None else float(f"{ratio:.3g}")
        return Row(name, float(f"{value:.4g}"), unit, peer, rounded, self._machine, self._date)


def shown(value: float) -> str:
    """Three digits at least, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cells(rows: Sequence[Row]) -> list[tuple[str, str, str, str]]:
    """Name, program, figure, ratio; a name that repeats is left out."""
    lines = []
    before = ""
    for row in rows:
        lines.append(
            ("" if row.name == before else row.name, row.peer, f"{shown(row.value)} {row.unit}", _ratio(row))
        )
        before = row.name
    return lines


def _ratio(row: Row) -> str:
    if row.ratio is None:
        return ""
    return f"costs {shown(row.ratio)} ×" if is_ours(row.peer) else f"{shown(row.ratio)} ×"


def is_ours(program: str) -> bool:
    """Whether a row's program is Voltrio, or a variant of it."""
    return program.startswith(OURS)


def show(rows: Sequence[Row], console: Console) -> None:
    """Print the table."""
    table = Table(
        box=box.SIMPLE_HEAD, title="Voltrio and its peers", caption=rows[0].machine if rows else None
    )
    for heading in ("Measured", "Program"):
        table.add_column(heading)
    for heading in ("Figure", "Voltrio is better by"):
        table.add_column(heading, justify="right")
    for line in cells(rows):
        table.add_row(*line, style="bold" if is_ours(line[1]) else None)
    console.print(table)


def save(rows: Sequence[Row], file: Path = RESULTS) -> list[Row]:
    """Write the rows, in their old places where they are known; what was not measured this time stays.

    Returns all rows of the file.
    """
    known = msgspec.json.decode(file.read_bytes(), type=list[Row]) if file.exists() else []
    by_name: dict[str, list[Row]] = {}
    for row in known:
        by_name.setdefault(row.name, []).append(row)
    by_name |= {row.name: [] for row in rows}
    for row in rows:
        by_name[row.name].append(row)
    merged = [row for group in by_name.values() for row in group]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(merged), indent=1) + b"\n")
    return merged
