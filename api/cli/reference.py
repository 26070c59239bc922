"""`python -m api.cli.reference`: the reference pages of settings, command line and words, as declared.

Pages that a program can write go stale only where nobody looks: `--check` fails then, and `make generated`
runs it. What the settings mean stands in `engine.settings`, what the commands do in their own modules.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from inspect import cleandoc
from pathlib import Path
from typing import Final

import click
import msgspec
from msgspec import inspect

from api.cli import main as voltrio
from api.cli.client import TIMEOUT
from api.cli.options import plain
from api.cli.words import words_page
from engine.settings import ENVIRONMENT_PREFIX, Settings
from engine.validation import choices

PAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "reference"
NOTICE: Final = "<!-- Written by `python -m api.cli.reference`; change the declarations, not this page. -->\n"

SETTINGS: Final = """\
# Settings

{notice}
A node takes its settings from four places; a later one wins over an earlier one:

1. the defaults below,
2. a TOML file: `voltrio.toml` in the working folder if there is one, or the one that `--config FILE` names,
3. environment variables: the key in capitals behind `{prefix}`, as in `{prefix}OCPP_PORT=9001`,
4. flags of `voltrio serve`: the key with dashes, as in `--ocpp-port 9001`.

Unknown keys are refused, and the nearest one is named. All are checked together before anything starts.
Sizes are bytes, times seconds unless they say days. Port 0 lets the system choose. A list is an array in the
file, has commas in the environment, and its flag is repeated. `{prefix}SERVER` and `{prefix}TOKEN` belong to
the [other commands](cli.md) and are no settings.

```toml
# voltrio.toml
ocpp_host = "0.0.0.0"
policy = "observe"
message_log_exclude = ["Heartbeat"]
```

| key | type | default | meaning |
|---|---|---|---|
{rows}

Two rules span more than one key: `manage_host` off loopback needs `manage_token`, and `ocpp_tls_port` needs
`tls_certificate` and `tls_key`.

## Settings of one station

A station's own settings stand in its record: `PATCH /admin-api/v1/stations/<identity>` with
`{{"settings": {{"policy": "strict"}}}}` ([admin API](admin-api.md)). The object replaces the one before; a
setting that is not in it is as the node has it, or as here. They hold from the next message on.

| key | type | default | meaning |
|---|---|---|---|
{station_rows}
"""
STATION: Final[Mapping[str, str]] = {
    "heartbeat_interval": "Heartbeat interval told with an accepted boot, s. The node's setting by default.",
    "boot_retry_interval": "Least wait told with a pending or rejected boot, s.",
    "policy": "What becomes of [malformed messages](../explanation/policy.md); the node's by default.",
    "read_configuration_after_boot": "GetConfiguration after every accepted boot.",
    "trigger_status_after_boot": "TriggerMessage(StatusNotification) after every accepted boot.",
    "auto_start_without_authorization": "Id tags that nobody knows are accepted here.",
    "ask_transactions_after_connect": "OCPP 2.x: GetTransactionStatus for each session that is open here.",
    "tell_running_cost": "OCPP 2.x: running cost and price in the answers to events of a transaction.",
    "master_pass_group": "OCPP 2.x: group whose tags end any transaction and start none.",
    "max_power_w": "The most this station can deliver, W: more energy than that holds a session for review.",
    "max_session_wh": "The most one session can take, Wh, however long: more holds it for review.",
}
CLI: Final = """\
# Command line

{notice}
`voltrio` is one program. `serve`, `migrate` and `simulate` work by themselves; the other commands ask a
running node over its [admin API](admin-api.md), at `--server` (or `VOLTRIO_SERVER`) with `--token` (or
`VOLTRIO_TOKEN`), and wait at most {timeout:.0f} s. Every listing takes `--json`; its members are those of the
admin API. `make run` is `voltrio serve`, with `ARGS="…"` for flags. Until the folder `.venv/bin` is on your
path, type `.venv/bin/voltrio`.

{sections}"""


def settings_page() -> str:
    """docs/reference/settings.md"""
    from engine.domain.state import StationSettings  # noqa: PLC0415 - only this page needs it

    return SETTINGS.format(
        notice=NOTICE,
        prefix=ENVIRONMENT_PREFIX,
        rows=_rows(Settings, lambda field: plain(field.type)[1]),
        station_rows=_rows(StationSettings, lambda field: STATION[field.name]),
    )


def cli_page() -> str:
    """docs/reference/cli.md"""
    return CLI.format(notice=NOTICE, timeout=TIMEOUT, sections="\n".join(_sections(voltrio, "voltrio")))


def _rows(struct: type[msgspec.Struct], meaning: Callable[[inspect.Field], str]) -> str:
    """A table's rows: name, type, default, meaning."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - holds for every Struct
    words = {field.name: choices(field.type) for field in msgspec.structs.fields(struct)}
    return "\n".join(
        f"| `{field.name}` | {_type(plain(field.type)[0], words[field.name])} | {_default(field.default)} "
        f"| {meaning(field)} |"
        for field in info.fields
    )


def _type(kind: inspect.Type, words: Sequence[str]) -> str:
    if words:
        return " · ".join(f"`{word}`" for word in words)
    match kind:
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType():
            return "integer" + _bounds(kind)
        case inspect.FloatType():
            return "number" + _bounds(kind)
        case inspect.VarTupleType():
            return "list of strings"
    return "string"


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    bounds = ((">", kind.gt), ("≥", kind.ge), ("≤", kind.le))
    return "".join(f" {sign} {bound}" for sign, bound in bounds if bound is not None)


def _default(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "on" if value else "off"
        case float():
            return f"`{value:g}`" if value < 10_000 else f"`{value:.0f}`"
        case tuple():
            return ", ".join(f"`{one}`" for one in value)
    return f"`{value}`"


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


GENERATED: Final[Mapping[str, Callable[[], str]]] = {
    "settings.md": settings_page,
    "cli.md": cli_page,
    "words.md": partial(words_page, NOTICE),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or with `--check` only compare; the exit code is the number of stale ones."""
    parser = argparse.ArgumentParser(prog="python -m api.cli.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a page is stale")
    options = parser.parse_args(arguments)
    stale = 0
    for name, page in GENERATED.items():
        path, text = PAGES / name, page()
        if path.exists() and path.read_text("utf-8") == text:
            continue
        if options.check:
            stale += 1
            sys.stderr.write(f"docs/reference/{name} is stale: run `python -m api.cli.reference`\n")
        else:
            path.write_text(text, "utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
