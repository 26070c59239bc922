"""The reference page says what the tables say."""

from __future__ import annotations

import pytest

from engine.ocpp import reference
from engine.ocpp.versions import PROTOCOLS


@pytest.fixture(scope="module")
def rows() -> list[reference.Row]:
    return reference.rows()


def test_the_page_is_up_to_date() -> None:
    assert reference.PAGE.read_text() == reference.page(), "run python -m engine.ocpp.reference"


@pytest.mark.parametrize("version", PROTOCOLS)
def test_every_message_of_every_version_is_in_it(version: str, rows: list[reference.Row]) -> None:
    protocol, number = PROTOCOLS[version], version.removeprefix("ocpp")
    mine = [row for row in rows if number in row.versions]
    assert {row.action for row in mine if row.direction == "in"} == set(protocol.inbound)
    assert {row.action for row in mine if row.direction == "out"} == set(protocol.outbound)
    assert {row.action for row in mine if row.direction == "in, unanswered"} == set(protocol.sent)


def test_every_line_says_something(rows: list[reference.Row]) -> None:
    for row in rows:
        assert row.behaviour, row
        assert row.test, row
        assert "\n" not in row.behaviour
