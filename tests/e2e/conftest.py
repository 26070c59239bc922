"""One running node for all end-to-end tests that do not kill it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import data_folder
from tests.e2e.program import Program, running


@pytest.fixture(scope="session")
def program() -> Iterator[Program]:
    with data_folder() as folder, running(folder / "node") as started:
        yield started
