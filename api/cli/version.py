"""`voltrio version`."""

from __future__ import annotations

import platform
from importlib.metadata import version as installed

import click


@click.command()
def version() -> None:
    """Print the versions of Voltrio and Python."""
    click.echo(f"voltrio {installed('voltrio')} (Python {platform.python_version()})")
