"""`voltrio version` and `voltrio --version`."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Final

import click

MESSAGE: Final = f"voltrio %(version)s (Python {platform.python_version()})"

version_option = click.version_option(package_name="voltrio", message=MESSAGE)


@click.command()
def version() -> None:
    """Print the versions of Voltrio and Python."""
    click.echo(MESSAGE % {"version": metadata.version("voltrio")})
