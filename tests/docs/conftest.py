"""The documentation as files of this checkout."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def docs() -> Path:
    return ROOT / "docs"


@pytest.fixture(scope="session")
def pages(docs: Path) -> list[Path]:
    """Every page: those of `docs`, and those beside it."""
    return [*sorted(docs.rglob("*.md")), *sorted(ROOT.glob("*.md"))]
