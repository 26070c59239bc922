"""One running node for all end-to-end tests that do not kill it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.program import Program, running


@pytest.fixture(scope="session")
def program() -> Iterator[Program]:
    # Not one of pytest's folders: another run closes those to the user PostgreSQL runs as when we are root.
    with tempfile.TemporaryDirectory(prefix="voltrio-e2e-") as folder, running(Path(folder)) as started:
        yield started
