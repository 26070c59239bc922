"""The `voltrio` command: only the list of commands; each is loaded when it is used, so that help is quick.

Exit codes, the same for every command:
0 done · 1 refused, the message says why · 2 wrong usage or settings · 3 no node answers at --server ·
4 the token is missing or invalid · 5 the charge point is offline or did not answer ·
6 the charge point answered with an error.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import click

from api.cli.help import Help
from api.cli.version import version_option
from engine.errors import VoltrioError

COMMANDS: Mapping[str, str] = {
    "serve": "api.cli.serve:serve",
    "migrate": "api.cli.serve:migrate",
    "demo": "api.cli.demo:demo",
    "simulate": "api.cli.simulate:simulate",
    "storm": "api.cli.storm:storm_",
    "station": "api.cli.station:station",
    "tag": "api.cli.tag:tag",
    "session": "api.cli.session:session",
    "orphans": "api.cli.orphans:orphans",
    "command": "api.cli.command:command",
    "call": "api.cli.call:call",
    "messages": "api.cli.log:messages",
    "security-events": "api.cli.log:security_events",
    "token": "api.cli.token:token",
    "seed": "api.cli.seed:seed",
    "version": "api.cli.version:version",
}

click.Context.formatter_class = Help  # of all commands


class LazyGroup(click.Group):
    """A group whose commands are imported when they are looked up."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. What the person at the terminal can mend is said in words, without a traceback."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # nobody reads on, as behind `| head`: click knows what to do
        except (VoltrioError, OSError) as error:
            from api.cli.advice import failure  # noqa: PLC0415 - help does without

            raise failure(error) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], COMMANDS, 1)
            if not near:
                raise
            hint = f"No such command {args[0]!r}. Did you mean {near[0]!r}?"
            raise click.UsageError(hint, ctx) from error

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: Any = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - a slip in the table above
        return command


@click.group(
    "voltrio",
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
First steps, in two terminals:
  voltrio serve                              the node; says where it listens and where its first token is
  export VOLTRIO_TOKEN=$(cat var/first-token)
  voltrio station add CP1                    prints the password to enter in the charger
  voltrio tag add 04A2B3C4                   the card to charge with
  voltrio session tail                       watch it charge

\b
Without a charger: `voltrio demo`, or beside `voltrio serve`
  voltrio station add SIM-0001 --profile 0
  voltrio tag add TAG-0001
  voltrio simulate --stations 1

Exit codes: 0 done · 1 refused · 2 wrong usage or settings · 3 no node answers · 4 token missing or
invalid · 5 charge point offline or silent · 6 charge point answered with an error.
""",
)
@version_option
def main() -> None:
    """Voltrio, a charging station management system.

    `serve` runs it, `simulate` plays chargers. The other commands speak to a running node (--server or
    VOLTRIO_SERVER, by default http://127.0.0.1:8080) with an API token (--token or VOLTRIO_TOKEN).
    """
