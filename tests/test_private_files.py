"""Lock files and secrets: nobody else may open them, and what was there before is not lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import SettingsError
from engine.private_files import lock_file, others_may_write, write


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """The worst that a service manager may give us."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_lock_is_for_its_owner_alone(tmp_path: Path) -> None:
    with lock_file(tmp_path / "lock"):
        assert mode(tmp_path / "lock") == 0o600


def test_a_lock_that_others_could_hold_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "lock").touch(mode=0o644)
    with lock_file(tmp_path / "lock"):
        assert mode(tmp_path / "lock") == 0o600


def test_a_lock_is_no_link_to_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        lock_file(tmp_path / "lock")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_lock_of_another_user_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.touch()
    os.chown(lock, 12_345, -1)
    with pytest.raises(SettingsError, match="another user"):
        lock_file(lock)
    os.chown(tmp_path, 12_345, -1)  # root may work on the data of somebody else
    lock_file(lock).close()


def test_a_file_is_written_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch(mode=0o644)
    for text in ("one", "two"):
        write(file, text)
        assert file.read_text() == text
    assert mode(file) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    write(file, "old")

    def full(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("permissions", "is_open"), [(0o711, False), (0o755, False), (0o775, True), (0o1777, False)]
)
def test_a_folder_that_others_may_write_to_is_noticed(
    tmp_path: Path, permissions: int, is_open: bool
) -> None:
    tmp_path.chmod(permissions)
    assert others_may_write(tmp_path) is is_open
