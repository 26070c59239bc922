"""`python -m tools.reference`: write the reference pages, or with `--check` say which are stale.

Pages that a program can write go stale only where nobody looks: `make generated` looks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tools.generated import update
from tools.reference import cli, messages, settings, words

PAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "reference"
GENERATED: Final[Mapping[str, Callable[[], str]]] = {
    "settings.md": settings.page,
    "cli.md": cli.page,
    "words.md": words.page,
    "ocpp.md": messages.page,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or with `--check` only compare; the exit code is the number of stale ones."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a page is stale")
    options = parser.parse_args(arguments)
    pages = ((PAGES / name, page()) for name, page in GENERATED.items())
    return update(pages, "python -m tools.reference", check=options.check)


if __name__ == "__main__":
    sys.exit(main())
