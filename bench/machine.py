"""The machine as the benchmarks use it: which core does what, how many files, what to call it in a report."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORES: Final = CORES[:1]
LOAD_CORES: Final = CORES[1:2] or CORES[:1]  # load generator, this program and PostgreSQL


def keep_to(cores: list[int]) -> None:
    """Bind this process to cores; its children inherit that."""
    os.sched_setaffinity(0, cores)


def kept_to(cores: Sequence[int], command: Sequence[str]) -> list[str]:
    """The command line of a program that is bound to cores from its start."""
    if shutil.which("taskset") is None:
        return list(command)
    return ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]


def keep_family_to(cores: list[int], pid: int) -> None:
    """Bind a process and the children it has already."""
    parent = psutil.Process(pid)
    for process in (parent, *parent.children(recursive=True)):
        process.cpu_affinity(cores)


def rss(pid: int) -> int:
    """Resident memory of one process, bytes."""
    return int(psutil.Process(pid).memory_info().rss)


def description() -> str:
    """Processor, cores used, memory, system and Python, in one line."""
    memory = psutil.virtual_memory().total / 2**30
    cores = f"{len(CORES)} cores" if len(CORES) > 1 else "1 core for all"
    python = f"Python {platform.python_version()}"
    return f"{_processor()}, {cores}, {memory:.0f} GiB, {platform.system()} {platform.release()}, {python}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
