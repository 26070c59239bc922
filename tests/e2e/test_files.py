"""What a node keeps on disk is for the user alone whom it runs as."""

from __future__ import annotations

import stat

from tests.e2e.program import Program


def test_others_find_nothing_to_open_in_the_data_folder(program: Program) -> None:
    """The folder itself may be passed through, for PostgreSQL runs as a user of its own where we are root."""
    found = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in program.data.iterdir()}
    found.pop(program.output.name)  # this test's own
    assert {"node.lock", "postgres", "postgres.users", "postgres.lock", "pki", "first-token"} <= found.keys()
    assert {name: oct(mode) for name, mode in found.items() if mode & 0o077} == {}
    assert stat.S_IMODE(program.data.stat().st_mode) & 0o022 == 0


def test_the_first_token_is_in_no_log(program: Program) -> None:
    place = f"$(cat {program.data.resolve()}/first-token)"
    program.wait_until(lambda: place in program.output.read_text())
    assert program.token.startswith("vt_")
    assert program.token not in program.output.read_text()
