"""`python -m bench`: measures Voltrio beside its peers; prints a table, saves it, shows it in the docs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from rich.console import Console

from bench import commands, kernels, machine, memory, pages, report, storm, throughput, versions
from bench.report import Maker, Row
from engine import logs

PARTS: Final = "abcdekv"
CHARGERS: Final = (200, 2_000)  # of parts a and e


def parts(options: argparse.Namespace) -> Mapping[str, tuple[str, Callable[[Maker], list[Row]]]]:
    """What is measured, by its letter in `--only`."""
    quick: bool = options.quick
    seconds: float = options.seconds or (1.0 if quick else 2.0)
    rounds = 1 if quick else 5

    numbers: tuple[int, ...] = (options.chargers,) if options.chargers else CHARGERS[: 1 if quick else None]

    def rates(suite: throughput.Suite, make: Maker) -> list[Row]:
        return [row for number in numbers for row in throughput.measure(make, suite, seconds, rounds, number)]

    return {
        "a": ("messages a second", partial(rates, throughput.V16)),
        "b": ("memory per charger", lambda make: memory.measure(make, 1_000 if quick else 10_000)),
        "c": ("reconnect storm", lambda make: storm.measure(make, 500 if quick else 5_000)),
        "d": (
            "command round trip",
            lambda make: commands.measure(make, 500 if quick else 5_000, 500 if quick else 5_000),
        ),
        "e": ("transaction events a second", partial(rates, throughput.V201)),
        "k": ("kernels", lambda make: kernels.measure(make, quick=quick)),
        "v": ("versions", lambda make: versions.measure(make, quick=quick)),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute instead of ten; nothing is saved")
    parser.add_argument(
        "--only",
        choices=PARTS,
        action="append",
        help="a messages, b memory, c storm, d commands, e transaction events, k kernels, v versions",
    )
    parser.add_argument("--seconds", type=float, help="length of one turn of a and e")
    parser.add_argument("--chargers", type=int, help="one number of chargers for a and e")
    parser.add_argument("--no-save", action="store_true", help="only show the table")
    options = parser.parse_args()
    logs.configure("console", "warning")
    machine.keep_to(machine.LOAD_CORES)
    machine.allow_many_files()
    console = Console()
    make = Maker()
    rows: list[Row] = []
    for letter, (title, measure) in parts(options).items():
        if options.only is None or letter in options.only:
            with console.status(f"({letter}) {title} …"):
                rows += measure(make)
    report.show(rows, console)
    if not (options.quick or options.no_save):
        pages.write(report.save(rows))
        console.print(f"Saved as {report.RESULTS.relative_to(report.ROOT)} and in the documentation.")


if __name__ == "__main__":
    main()
