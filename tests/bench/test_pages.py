"""Figures in the documentation are those of the last benchmark."""

from __future__ import annotations

import pytest

from bench import pages
from bench.report import Maker


@pytest.fixture
def make() -> Maker:
    return Maker()


def test_the_table_has_each_program_and_its_ratio(make: Maker) -> None:
    text = pages.table(make.compared("rate", "messages/s", 40_000.0, [("peer", 5_000.0)]))
    assert "| rate | **Voltrio** | 40,000 messages/s |  |" in text
    assert "|  | peer | 5,000 messages/s | 8 × |" in text


def test_a_sentence_needs_its_figure_and_its_peer(make: Maker) -> None:
    rows = make.compared(pages.METER_VALUES, "messages/s", 26_000.0, [(pages.CENTRAL, 2_600.0)])
    rows += [make.single(pages.EVENTS, 1.0, "messages/s")]
    text = pages.sentences(rows)
    assert "**26,000 MeterValues** a second" in text
    assert ": 10 times what" in text
    assert "TransactionEvents" not in text


def test_pages_keep_what_is_around_the_figures() -> None:
    text = "before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n"
    once = pages.marked(text, "new\n")
    assert once == pages.marked(once, "new\n") == text.replace("old", "new")
    with pytest.raises(ValueError, match="no place"):
        pages.marked("nothing", "new")


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.name)
def test_pages_show_the_rows_that_were_saved(page) -> None:
    text = page.read_text("utf-8")
    assert text == pages.marked(text, pages.PAGES[page](pages.saved()))


def test_every_highlight_has_its_figure() -> None:
    assert pages.sentences(pages.saved()).count("\n* ") == len(pages.HIGHLIGHTS)
