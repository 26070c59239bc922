"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import click
import msgspec
from rich.console import Console
from rich.table import Table

F = TypeVar("F", bound=Callable[..., Any])
Columns = Mapping[str, str]  # heading → member
UNFOLDED: Final = 1_000  # columns

as_json: Callable[[F], F] = click.option("--json", "json_", is_flag=True, help="Print JSON, one document.")


def print_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def warn(text: str) -> None:
    """For the person at the terminal, beside what is printed for programs."""
    click.secho(f"Warning: {text}", err=True, fg="yellow")


def print_line(value: object) -> None:
    """One document on one line, for programs that read as it comes."""
    click.echo(msgspec.json.encode(value).decode())


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Columns, json_: bool, empty: str) -> None:
    """A listing. `empty` is the sentence that says how the first row comes to be."""
    if json_:
        print_json(rows)
    elif not rows:
        click.echo(empty)
    else:
        _console().print(_table(rows, columns))


def print_one(row: Mapping[str, Any], columns: Columns, json_: bool) -> None:
    """One thing, a line per member."""
    if json_:
        print_json(row)
        return
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading, member in columns.items():
        table.add_row(heading, cell(row.get(member)))
    _console().print(table)


def _console() -> Console:
    """As wide as the terminal; lines for other programs are not folded."""
    return Console() if sys.stdout.isatty() else Console(width=UNFOLDED)


def _table(rows: Iterable[Mapping[str, Any]], columns: Columns) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for heading, member in columns.items():
        table.add_column(
            heading, overflow="fold", justify="right" if member.endswith(("Wh", "W")) else "left"
        )
    for row in rows:
        table.add_row(*(cell(row.get(member)) for member in columns.values()))
    return table


def cell(value: object) -> str:
    """A value for the eye: times in local time to the second, nothing for null."""
    if value is None or value == []:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(cell, value))
    text = str(value)
    if len(text) >= len("2000-01-01T00:00:00Z") and text[10:11] == "T":
        try:
            return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        except ValueError:
            return text
    return text
