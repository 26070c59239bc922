"""Figures in the documentation: a few as sentences in the README, all as a table on a page of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from bench.report import OURS, RESULTS, ROOT, Row, cells, is_ours, shown

README: Final = ROOT / "README.md"
PAGE: Final = ROOT / "docs" / "explanation" / "performance.md"
MARKED: Final = re.compile(r"(?<=<!-- bench:begin -->\n).*?(?=<!-- bench:end -->)", re.DOTALL)

CENTRAL: Final = "ocpp + websockets"
METER_VALUES: Final = "MeterValues, five samples, in a transaction; 200 chargers"
EVENTS: Final = "TransactionEvent(Updated) with five sampled values, in a transaction, durable; 200 chargers"
KILLED: Final = "Storm of 5,000 chargers, the node is killed and restarted"


class Highlight(msgspec.Struct, frozen=True):
    """A sentence of the README: `text` has the figure of Voltrio, and the ratio to `peer` if there is one."""

    name: str
    text: str
    peer: str = ""


HIGHLIGHTS: Final = (
    Highlight(
        METER_VALUES,
        "**{figure} MeterValues** a second from 200 chargers, each answered after its commit: {ratio} times "
        "what a central system on the `ocpp` package answers without a database.",
        CENTRAL,
    ),
    Highlight(
        EVENTS,
        "**{figure} TransactionEvents** of OCPP 2.0.1 a second, the same way: {ratio} times.",
        CENTRAL,
    ),
    Highlight("Heartbeat; 200 chargers", "**{figure} Heartbeats** a second: {ratio} times.", CENTRAL),
    Highlight(
        "Memory per idle charger; 10,000 chargers",
        "**{figure} KiB of memory** for each idle charger: that central system takes {ratio} times as much.",
        CENTRAL,
    ),
    Highlight(
        f"{KILLED}: all booted after",
        "**{figure} s** after `kill -9` under 5,000 charging chargers, all of them are back on the new node.",
    ),
    Highlight(
        f"{KILLED}: transactions lost or wrong of 10,000",
        "**{figure} transactions** of their 10,000 are lost or wrong then.",
    ),
    Highlight(
        "Command round trip; 5,000 chargers: over HTTP, p99",
        "**{figure} ms** (p99) from an HTTP request to the answer of one charger among 5,000.",
    ),
)


def sentences(rows: Sequence[Row]) -> str:
    """The highlights whose figures there are, and where they were measured."""
    lines = []
    for highlight in HIGHLIGHTS:
        own = [row for row in rows if (row.name, row.peer) == (highlight.name, OURS)]
        beside = [row.ratio for row in rows if (row.name, row.peer) == (highlight.name, highlight.peer)]
        if own and (beside or not highlight.peer):
            ratio = shown(beside[0]) if beside and beside[0] is not None else ""
            lines.append("* " + highlight.text.format(figure=shown(own[0].value), ratio=ratio))
    return "\n".join(["", *lines, "", f"One core; {rows[0].machine}, {rows[0].date[:10]}.", "", ""])


def table(rows: Sequence[Row]) -> str:
    """All rows, with machine and date."""
    lines = ["", "| Measured | Program | Figure | Voltrio is better by |", "| --- | --- | ---: | ---: |"]
    for name, peer, figure, ratio in cells(rows):
        program = f"**{peer}**" if is_ours(peer) else peer
        lines.append(f"| {name} | {program} | {figure} | {ratio} |")
    lines += ["", f"{rows[0].machine}, {rows[0].date[:10]}.", "", ""]
    return "\n".join(lines)


PAGES: Final = {README: sentences, PAGE: table}


def marked(text: str, filling: str) -> str:
    """`text` with `filling` between its marks. Raises ValueError where they are missing."""
    filled, count = MARKED.subn(lambda _: filling, text)
    if count != 1:
        raise ValueError("no place for figures: <!-- bench:begin --> … <!-- bench:end -->")
    return filled


def write(rows: Sequence[Row]) -> None:
    """Bring the pages up to date."""
    for page, fill in PAGES.items():
        page.write_text(marked(page.read_text("utf-8"), fill(rows)), "utf-8")


def saved() -> list[Row]:
    """The rows of the last benchmark that was saved."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=list[Row])


if __name__ == "__main__":
    write(saved())
