"""The reference page of the command line, from its commands; its words are those of `--help`."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc
from typing import Final

import click

from api.cli import main as voltrio
from api.cli.client import TIMEOUT
from tools.reference.notice import NOTICE

CLI: Final = """\
# Command line

{notice}
`voltrio` is one program. `serve`, `migrate`, `seed` and `simulate` work by themselves; the others ask a
running node over its [admin API](admin-api.md), at `--server` (or `VOLTRIO_SERVER`) with `--token` (or
`VOLTRIO_TOKEN`), and wait at most {timeout:.0f} s. Every listing takes `--json`; its members are those of the
admin API. `make run` is `voltrio serve`, with `ARGS="…"` for flags. Until the folder `.venv/bin` is on your
path, type `.venv/bin/voltrio`.

{sections}"""


def page() -> str:
    """docs/reference/cli.md"""
    return CLI.format(notice=NOTICE, timeout=TIMEOUT, sections="\n".join(_sections(voltrio, "voltrio")))


def _sections(command: click.Command, path: str) -> Iterator[str]:
    """One section per command, those of a group behind it; the words are those of `--help`."""
    parts = [f"{'#' * (path.count(' ') + 2)} {path}", f"`{_usage(command, path)}`", _paragraphs(command.help)]
    options = [one for one in command.params if isinstance(one, click.Option)]
    if options:
        parts.append("\n".join(["| option | meaning |", "|---|---|", *map(_option, options)]))
    if command.epilog:
        parts.append(f"```text\n{_verbatim(command.epilog)}\n```")
    yield "\n\n".join(filter(None, parts)) + "\n"
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _sections(inner, f"{path} {name}")


def _usage(command: click.Command, path: str) -> str:
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    names = [(one.name or "").upper() for one in arguments]
    words = [name if one.required else f"[{name}]" for name, one in zip(names, arguments, strict=True)]
    rest = ["COMMAND …"] if isinstance(command, click.Group) else ["[OPTIONS]", *words]
    return " ".join([path, *rest])


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in cleandoc(text or "").split("\n\n"))


def _verbatim(epilog: str) -> str:
    return "\n".join(line for line in epilog.splitlines() if line != "\b").strip()


def _option(option: click.Option) -> str:
    names = " / ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    kind = option.type
    if isinstance(kind, click.Choice):
        names += " " + " · ".join(f"`{choice}`" for choice in kind.choices)
    elif not option.is_flag:
        names += f" {kind.name.removesuffix(' range').upper()}"
    words = (option.help or "").replace("|", "\\|")
    if option.show_default and not option.is_flag and option.default is not None:
        words += f" [default: {option.default}]"
    return f"| {names} | {words} |"
