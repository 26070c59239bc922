"""`python -m bench`: measures Voltrio beside its peers; prints one table, saves it, puts it in the README."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Final

from rich.console import Console

from bench import commands, kernels, machine, memory, report, storm, throughput
from bench.report import Maker, Row
from engine import logs

PARTS: Final = "abcdk"


def parts(options: argparse.Namespace) -> Mapping[str, tuple[str, Callable[[Maker], list[Row]]]]:
    """What is measured, by its letter in `--only`."""
    quick: bool = options.quick
    seconds: float = options.seconds or (1.0 if quick else 2.0)
    rounds = 1 if quick else 5

    def rates(make: Maker) -> list[Row]:
        few = throughput.measure(make, seconds, rounds, 200)
        return few if quick else few + throughput.measure(make, seconds, rounds, 2_000)

    return {
        "a": ("messages a second", rates),
        "b": ("memory per charger", lambda make: memory.measure(make, 1_000 if quick else 10_000)),
        "c": ("reconnect storm", lambda make: storm.measure(make, 500 if quick else 5_000)),
        "d": (
            "command round trip",
            lambda make: commands.measure(make, 500 if quick else 5_000, 500 if quick else 5_000),
        ),
        "k": ("kernels", lambda make: kernels.measure(make, quick=quick)),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute instead of ten; nothing is saved")
    parser.add_argument(
        "--only", choices=PARTS, action="append", help="a messages, b memory, c storm, d commands, k kernels"
    )
    parser.add_argument("--seconds", type=float, help="length of one turn of a")
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
    if not options.quick:
        report.write_readme(report.save(rows))
        console.print(f"Saved as {report.RESULTS.relative_to(report.ROOT)} and in README.md.")


if __name__ == "__main__":
    main()
