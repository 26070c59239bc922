"""Help on a terminal of 80 columns."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from api.cli import main

WIDTH = 80


def paths(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, by the words that lead to it."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from paths(inner, (*path, name))


@pytest.mark.parametrize("path", list(paths(main)), ids=" ".join)
def test_every_help_fits_and_leaves_no_sentence_open(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*path, "--help"], terminal_width=WIDTH)
    assert result.exit_code == 0
    usage, *lines = result.output.splitlines()
    assert usage.startswith("Usage: ")
    assert [line for line in lines if len(line) > WIDTH or line.endswith("...")] == []


def test_what_does_not_fit_beside_an_example_stands_below_it() -> None:
    wide, narrow = (
        CliRunner().invoke(main, ["token", "create", "--help"], terminal_width=width).output
        for width in (120, WIDTH)
    )
    beside = "--data ./var        the first one was lost: straight in the database"
    assert beside in wide
    assert "--data ./var\n        the first one was lost: straight in the database\n" in narrow
