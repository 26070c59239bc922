"""One running node for all end-to-end tests that do not kill it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.program import Program, running


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with running(tmp_path_factory.mktemp("node")) as started:
        yield started
