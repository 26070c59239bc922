"""What displays show (OCPP 2.x O01 to O06)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.changes import DisplayMessageCleared, DisplayMessageSet, DisplayMessagesReported
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.display.clear_display_message import clear_display_message_answered_v2x
from engine.ocpp.blocks.display.get_display_messages import (
    get_display_messages_answered_v2x,
    notify_display_messages_v2x,
)
from engine.ocpp.blocks.display.set_display_message import (
    check_set_display_message_v2x,
    set_display_message_answered_v2x,
)
from engine.ocpp.step import Facts


def info(words: Any, number: int = 3, content: str = "Out of order", **more: Any) -> Any:
    return words.MessageInfo(
        id=number,
        priority="InFront",
        message=words.MessageContent(format="UTF8", content=content),
        **more,
    )


@pytest.mark.proves("2.x", "NotifyDisplayMessages")
def test_what_is_shown_is_kept(words: Any, station: ChargePoint, now: datetime) -> None:
    request = words.NotifyDisplayMessages(request_id=1, message_info=[info(words), info(words, 4)])
    outcome = notify_display_messages_v2x(station, request, Facts(), now)
    assert outcome.reply == words.NotifyDisplayMessagesResponse()
    kept = [change for change in outcome.changes if isinstance(change, DisplayMessageSet)]
    assert [row.message_id for row in kept] == [3, 4]
    assert msgspec.json.decode(kept[0].message)["message"]["content"] == "Out of order"


@pytest.mark.proves("2.x", "NotifyDisplayMessages")
def test_an_empty_part_is_acknowledged(words: Any, station: ChargePoint, now: datetime) -> None:
    outcome = notify_display_messages_v2x(station, words.NotifyDisplayMessages(request_id=1), Facts(), now)
    assert (outcome.reply, outcome.changes) == (words.NotifyDisplayMessagesResponse(), [])


@pytest.mark.proves("2.x", "SetDisplayMessage")
@pytest.mark.parametrize(("status", "count"), [("Accepted", 1), ("NotSupportedPriority", 0), ("Rejected", 0)])
def test_a_message_is_shown_when_accepted(
    words: Any, station: ChargePoint, now: datetime, status: str, count: int
) -> None:
    request = words.SetDisplayMessage(message=info(words))
    answer = words.SetDisplayMessageResponse(status=status)
    assert len(set_display_message_answered_v2x(station, request, answer, now).changes) == count


@pytest.mark.proves("2.x", "ClearDisplayMessage")
@pytest.mark.parametrize("status", ["Accepted", "Unknown"])
def test_a_cleared_message_is_shown_no_more(
    words: Any, station: ChargePoint, now: datetime, status: str
) -> None:
    answer = words.ClearDisplayMessageResponse(status=status)
    outcome = clear_display_message_answered_v2x(station, words.ClearDisplayMessage(id=3), answer, now)
    assert list(outcome.changes) == [DisplayMessageCleared(charge_point_id=12, message_id=3, at=now)]


@pytest.mark.proves("2.x", "SetDisplayMessage")
@pytest.mark.parametrize(
    ("start", "end", "more", "errors"),
    [
        (None, None, {}, 0),
        (10, 20, {}, 0),
        (20, 20, {}, 1),
        (None, 0, {}, 1),
        (None, None, {"content": ""}, 1),
        (None, None, {"transaction_id": "gone"}, 1),
    ],
)
def test_what_may_be_shown(  # noqa: PLR0917 - one row of the table above per case
    words: Any,
    station: ChargePoint,
    now: datetime,
    start: int | None,
    end: int | None,
    more: dict[str, Any],
    errors: int,
) -> None:
    times: dict[str, Any] = {}
    if start is not None:
        times["start_date_time"] = now + timedelta(seconds=start)
    if end is not None:
        times["end_date_time"] = now + timedelta(seconds=end)
    request = words.SetDisplayMessage(message=info(words, **times, **more))
    assert len(check_set_display_message_v2x(request, station, now)) == errors


@pytest.mark.proves("2.x", "SetDisplayMessage")
@pytest.mark.parametrize(
    ("language", "good"), [("en", True), ("pt-BR", True), ("de-1996", True), ("", False), ("de_DE", False)]
)
def test_a_language_is_a_tag_of_rfc_5646(
    words: Any, station: ChargePoint, now: datetime, language: str, good: bool
) -> None:
    content = words.MessageContent(format="UTF8", content="Hello", language=language)
    request = words.SetDisplayMessage(message=replace(info(words), message=content))
    reasons = check_set_display_message_v2x(request, station, now)
    assert (reasons == []) is good
    assert all("O01.FR.17" in reason for reason in reasons)


def wanted(words: Any, cp: ChargePoint, now: datetime, status: str, **more: Any) -> Any:
    response = words.GetDisplayMessagesResponse(status=status)
    return get_display_messages_answered_v2x(
        cp, words.GetDisplayMessages(request_id=7, **more), response, now
    )


@pytest.mark.proves("2.x", "GetDisplayMessages", "NotifyDisplayMessages")
def test_all_messages_told_end_the_others(words: Any, station: ChargePoint, now: datetime) -> None:
    state = wanted(words, station, now, "Accepted").state
    later = now + timedelta(seconds=9)
    parts = [
        words.NotifyDisplayMessages(request_id=7, tbc=more, message_info=[info(words, number)])
        for number, more in ((3, True), (4, False))
    ]
    first = notify_display_messages_v2x(state, parts[0], Facts(), later)
    assert [type(change) for change in first.changes] == [DisplayMessageSet]
    last = notify_display_messages_v2x(first.state, parts[1], Facts(), later)
    assert last.changes[-1] == DisplayMessagesReported(charge_point_id=12, since=now, at=later)
    assert last.state.reports == {}


@pytest.mark.proves("2.x", "GetDisplayMessages")
def test_some_messages_told_end_nothing(words: Any, station: ChargePoint, now: datetime) -> None:
    state = wanted(words, station, now, "Accepted", priority="InFront").state
    told = words.NotifyDisplayMessages(request_id=7, message_info=[info(words)])
    outcome = notify_display_messages_v2x(state, told, Facts(), now)
    assert [type(change) for change in outcome.changes] == [DisplayMessageSet]


@pytest.mark.proves("2.x", "GetDisplayMessages")
def test_none_of_all_means_that_nothing_is_shown(words: Any, station: ChargePoint, now: datetime) -> None:
    none = DisplayMessagesReported(charge_point_id=12, since=now, at=now)
    assert list(wanted(words, station, now, "Unknown").changes) == [none]
    assert not wanted(words, station, now, "Unknown", id=[3]).changes
