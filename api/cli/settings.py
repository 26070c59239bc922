"""How commands that run beside the data (serve, migrate, token without a node) find their settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from api.cli.client import Usage
from api.cli.options import given
from engine.errors import SettingsError
from engine.settings import Settings, load

DEFAULT_FILE: Final = Path("voltrio.toml")
CLIENT_VARIABLES: Final = frozenset({"VOLTRIO_SERVER", "VOLTRIO_TOKEN"})  # settings of the other commands

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings file  [default: voltrio.toml, if there is one]",
)


def settings_from(config: Path | None, flags: Mapping[str, Any]) -> Settings:
    """Settings from file, environment and flags; raises Usage when they are wrong."""
    if config is None and DEFAULT_FILE.is_file():
        config = DEFAULT_FILE
    environment = {name: value for name, value in os.environ.items() if name not in CLIENT_VARIABLES}
    try:
        return load(config, environment, given(dict(flags)))
    except SettingsError as error:
        raise Usage(str(error)) from None
