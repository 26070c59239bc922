"""The names that pages give lead to something: files, modules, commands with their options, metrics."""

import importlib.util
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from api.cli import main
from engine.store.lookups.numbers import SESSION_IDS
from tests.docs.conftest import ROOT
from tests.docs.test_reference import names_of_metrics

PATH = re.compile(r"`((?:api|bench|docs|engine|ext|tests)/[\w./*-]*)`")
MODULE = re.compile(r"`((?:api|bench|engine|ext)(?:\.\w+)+)(?:\(\))?`")
METRIC = re.compile(r"\bvoltrio_[a-z_]+\b")
COMMAND = re.compile(
    r"(?:^|[`|$(;&] ?|\bbin/)voltrio +((?:[a-z][a-z-]+ +)*[a-z][a-z-]+[^`\n|;&)]*)", re.MULTILINE
)
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
ROW = re.compile(r"^\| (`[^`|]+`) \|", re.MULTILINE)
SEQUENCES = {SESSION_IDS}
DATED = frozenset({"adr", "news"})  # folders whose pages tell of their day


@pytest.fixture
def current(pages: list[Path]) -> list[Path]:
    return [page for page in pages if page.parent.name not in DATED]


def lost(text: str) -> Iterator[str]:
    """Names in `text` that lead nowhere."""
    for name in PATH.findall(text):
        if not list(ROOT.glob(name.rstrip("/"))):
            yield name
    for name in MODULE.findall(text):
        if not is_there(name):
            yield name
    for words in COMMAND.findall(text):
        yield from lost_of_command(words)


def is_there(name: str) -> bool:
    """Whether it is a module, or something in one."""
    owner, _, inner = name.rpartition(".")
    try:
        if importlib.util.find_spec(name) is not None:
            return True
    except ModuleNotFoundError:
        return (
            bool(owner)
            and "." in owner
            and is_there(owner)
            and hasattr(importlib.import_module(owner), inner)
        )
    return hasattr(importlib.import_module(owner), inner)


def lost_of_command(words: str) -> Iterator[str]:
    command: click.Command = main
    context = click.Context(main)
    for word in words.split():
        if not isinstance(command, click.Group):
            break
        inner = command.get_command(context, word)
        if inner is None and word == "COMMAND":
            break
        if inner is None:
            yield f"voltrio {words}"
            return
        command = inner
    options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    yield from (f"{command.name} {flag}" for flag in FLAG.findall(words) if flag not in {*options, "--help"})


def tables(text: str) -> Iterator[list[str]]:
    """The first column of each table whose first column is code."""
    for block in re.split(r"\n(?!\|)", text):
        names = ROW.findall(block)
        if names:
            yield names


def test_files_modules_and_commands_exist(current: list[Path]) -> None:
    found = [f"{page.name}: {name}" for page in current for name in lost(page.read_text("utf-8"))]
    assert not found


def test_metrics_exist(current: list[Path]) -> None:
    named = names_of_metrics()
    known = named | SEQUENCES | {f"{name}_{part}" for name in named for part in ("bucket", "sum", "count")}
    found = {
        f"{page.name}: {name}"
        for page in current
        for name in METRIC.findall(page.read_text("utf-8"))
        if name not in known and not name.endswith("_")
    }
    assert not found


def test_no_table_has_a_row_twice(current: list[Path]) -> None:
    twice = [
        f"{page.name}: {name}"
        for page in current
        for names in tables(page.read_text("utf-8"))
        for name, count in Counter(names).items()
        if count > 1
    ]
    assert not twice


def test_lost_names_are_found() -> None:
    text = "`engine/nowhere.py` `engine/node.py` `engine.nowhere` `engine.run.run` "
    text += "`voltrio frob` `voltrio serve --frob --data x`"
    assert list(lost(text)) == ["engine/nowhere.py", "engine.nowhere", "voltrio frob", "serve --frob"]
    assert [
        Counter(names).most_common(1) for names in tables("| `a` | x |\n| `a` | y |\n\n| `a` | z |\n")
    ] == [
        [("`a`", 2)],
        [("`a`", 1)],
    ]
