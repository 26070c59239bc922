"""What a person sees: the table, the log lines, the summary."""

from __future__ import annotations

import io
import re

import pytest
import trio
from rich.console import Console

from engine.simulator import show
from engine.simulator.settings import Counts, ProtocolError, Report


@pytest.fixture
def printed(monkeypatch):
    """A console that keeps what is printed."""
    console = Console(record=True, width=140, force_terminal=False, file=io.StringIO())
    monkeypatch.setattr(show, "Console", lambda **_options: console)
    return console


async def test_the_table_shows_each_connector(charger, autojump_clock, printed, car):
    charger.plug(charger.connectors[0], car)
    await charger.present(charger.connectors[0], "TAG-1")
    await trio.sleep(600)
    with trio.move_on_after(1.2):
        await show.table(charger.world, [charger])
    text = printed.export_text()
    assert "CP-1/1" in text
    assert "Charging" in text
    assert "Available" in text
    assert "1/1 online, 1 charging" in text


async def test_the_table_says_why_nobody_is_connected(charger, autojump_clock, printed, monkeypatch):
    monkeypatch.setattr(type(charger), "online", False)
    charger.world.counts.last_failure = "HTTP 401: Who? " + "very long " * 20
    with trio.move_on_after(0.2):
        await show.table(charger.world, [charger])
    (last,) = {line for line in printed.export_text().splitlines() if "protocol errors" in line}
    assert "; HTTP 401: Who?" in last
    assert last.endswith("…")


async def test_log_lines_name_every_protocol_error_once(charger, autojump_clock, monkeypatch):
    lines = []

    class Log:
        def info(self, event, **facts):
            lines.append((event, facts))

        def warning(self, event, **facts):
            lines.append((event, facts["rule"]))

    monkeypatch.setattr(show, "_log", Log())
    charger.complain("bad-answer", "why", "frame")
    with trio.move_on_after(25):
        await show.log(charger.world, [charger])
    assert [facts for event, facts in lines if event == "protocol error"] == ["bad-answer"]
    assert [facts["errors"] for event, facts in lines if event == "simulating"] == [1, 1, 1]


def test_the_summary_shows_errors_with_their_frames(printed, epoch):
    error = ProtocolError(identity="CP-1", at=epoch, rule="bad-answer", detail="why", frame="[3,]")
    show.summary(Report(ledger=[], errors=[error], counts=Counts(), undelivered=0, seconds=1.0))
    text = printed.export_text()
    assert "CP-1 bad-answer: why" in text
    assert "[3,]" in text
    assert "no charger could connect" in text
    assert "1 protocol errors" in text


@pytest.mark.parametrize(("why", "asked"), [("HTTP 401: Who?", True), ("cannot connect: refused", False)])
def test_who_is_not_let_in_is_asked_whether_the_server_knows_him(printed, why, asked):
    counts = Counts(failures=1, last_failure=why)
    show.summary(Report(ledger=[], errors=[], counts=counts, undelivered=0, seconds=1.0))
    text = printed.export_text()
    assert why in text
    assert ("Does the server know these stations" in text) is asked


async def test_welcome_table_and_totals_fit_on_a_small_terminal(charger, autojump_clock, monkeypatch):
    out = io.StringIO()
    console = Console(width=80, height=24, force_terminal=True, file=out, color_system=None)
    monkeypatch.setattr(show, "Console", lambda **_options: console)
    with trio.move_on_after(0.2):
        await show.table(charger.world, [charger] * 30, "first line\n" + "a long one " * 12)
    drawn = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", out.getvalue()).splitlines()
    last = max(number for number, line in enumerate(drawn) if line.startswith("first line"))
    drawn = drawn[last:]  # it is drawn once more at the end
    assert len(drawn) < 24
    assert max(map(len, drawn)) <= 80
    assert any("more" in line for line in drawn)
    assert any("protocol errors" in line for line in drawn)
    (heading,) = (line for line in drawn if line.startswith("Station"))
    assert heading.split() == ["Station", "OCPP", "Model", "Link", "Status", "kW", "SoC", "kWh", "Queue"]
