"""`python -m bench`: measures Voltrio beside its peers; prints one table, saves it, documents it.

A part that fails is named at the end, the exit code is 1, and the rows of all others are shown and saved.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final

import msgspec
from rich.console import Console

from bench import commands, http_rate, kernels, machine, memory, pages, report, storm, throughput, versions
from bench.report import Maker, Row
from engine import logs
from engine.limits import open_files


class Sizes(msgspec.Struct, frozen=True):
    """How much is measured."""

    chargers: tuple[int, ...] = (200, 2_000)  # of parts a and e
    seconds: float = 2.0  # of a turn of a, e and h
    rounds: int = 5  # turns of each program
    idle: int = 10_000  # chargers of b
    storm: int = 5_000  # chargers of c
    commanded: int = 5_000  # chargers of d
    clients: int = 32  # connections of h
    calls: int = 5_000  # commands of d
    kernel_seconds: float = 1.0  # of each function of k
    decodings: int = 25  # turns of v


WHOLE: Final = Sizes()
MINIATURE: Final = Sizes(
    chargers=(20,),
    seconds=0.1,
    rounds=1,
    idle=50,
    storm=20,
    commanded=20,
    clients=4,
    calls=20,
    kernel_seconds=0.01,
    decodings=1,
)

Part = Callable[[Maker], Iterable[Row]]


def parts(sizes: Sizes) -> Mapping[str, tuple[str, Part]]:
    """What is measured, by its letter in `--only`. Rows come as they are measured."""

    def rates(suite: throughput.Suite, make: Maker) -> Iterator[Row]:
        for number in sizes.chargers:
            yield from throughput.measure(make, suite, sizes.seconds, sizes.rounds, number)

    return {
        "a": ("messages a second", partial(rates, throughput.V16)),
        "b": ("memory per charger", partial(memory.measure, connections=sizes.idle)),
        "c": ("reconnect storm", partial(storm.measure, connections=sizes.storm)),
        "d": (
            "command round trip",
            partial(commands.measure, connections=sizes.commanded, calls=sizes.calls),
        ),
        "e": ("transaction events a second", partial(rates, throughput.V201)),
        "h": (
            "HTTP requests a second",
            partial(http_rate.measure, seconds=sizes.seconds, rounds=sizes.rounds, connections=sizes.clients),
        ),
        "k": ("kernels", partial(kernels.measure, seconds=sizes.kernel_seconds)),
        "v": ("versions", partial(versions.measure, rounds=sizes.decodings)),
    }


def measure(chosen: Mapping[str, tuple[str, Part]], console: Console) -> tuple[list[Row], list[str]]:
    """All rows that could be measured, and which parts failed."""
    make = Maker()
    rows: list[Row] = []
    failed: list[str] = []
    for letter, (title, part) in chosen.items():
        with console.status(f"({letter}) {title} …"):
            try:
                rows.extend(part(make))
            except Exception:  # noqa: BLE001 - it is shown, and hours of other figures are not lost
                console.print_exception()
                failed.append(f"({letter}) {title}")
    return rows, failed


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="each part once, in miniature: shows that it works; nothing is saved",
    )
    parser.add_argument(
        "--only",
        choices=list(parts(WHOLE)),
        action="append",
        help="a messages, b memory, c storm, d commands, e transaction events, h HTTP, k kernels, v versions",
    )
    parser.add_argument("--seconds", type=float, help="length of one turn of a, e and h")
    parser.add_argument("--chargers", type=int, help="one number of chargers for a and e")
    parser.add_argument("--no-save", action="store_true", help="only show the table")
    options = parser.parse_args()
    logs.configure("console", "warning")
    machine.keep_to(machine.LOAD_CORES)
    open_files()
    console = Console()
    sizes = MINIATURE if options.quick else WHOLE
    if options.seconds:
        sizes = msgspec.structs.replace(sizes, seconds=options.seconds)
    if options.chargers:
        sizes = msgspec.structs.replace(sizes, chargers=(options.chargers,))
    chosen = {
        letter: part
        for letter, part in parts(sizes).items()
        if options.only is None or letter in options.only
    }
    rows, failed = measure(chosen, console)
    report.show(rows, console)
    if rows and not (options.quick or options.no_save):
        pages.write(report.save(rows))
        console.print(f"Saved as {report.RESULTS.relative_to(report.ROOT)} and in the documentation.")
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
