"""What an installed package consists of."""

import subprocess
import sys
from pathlib import Path

from engine.store.migrate import shipped

ROOT = Path(__file__).resolve().parents[1]


def test_the_package_has_its_data_and_nothing_generated(tmp_path: Path) -> None:
    command = [sys.executable, "setup.py", "--quiet", "build_py", "--build-lib", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in files if path.suffix == ".sql"} == {one.name for one in shipped()}
    assert {path.parts[0] for path in files} == {"api", "engine", "ext"}
    assert {path.suffix for path in files} <= {".py", ".pyi", ".typed", ".sql"}
