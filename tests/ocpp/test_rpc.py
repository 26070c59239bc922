"""OCPP-J frames, the versions' words for errors, and the book-keeping of the one outstanding call."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from engine.ocpp import rpc
from engine.ocpp.messages import v16
from engine.ocpp.rpc import Answered, Code, Correlator, Malformed, spelt
from engine.ocpp.step import Refusal

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
# OCPP-J 1.6 §4.2.3, table 7, with its misspelling.
WORDS_16 = {
    "NotImplemented",
    "NotSupported",
    "InternalError",
    "ProtocolError",
    "SecurityError",
    "FormationViolation",
    "PropertyConstraintViolation",
    "OccurenceConstraintViolation",
    "TypeConstraintViolation",
    "GenericError",
}


def text_of(frame: bytes) -> list:
    """The JSON in an unmasked text frame of fewer than 64 KiB."""
    assert frame[0] == 0x81
    return json.loads(frame[2:] if frame[1] < 126 else frame[4:])


def test_1_6_says_only_what_its_table_has():
    assert {spelt(code, "ocpp1.6") for code in Code} == WORDS_16


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_2_x_says_what_the_enum_says(version):
    assert {spelt(code, version) for code in Code} == set(Code)


def test_an_error_is_spelt_in_its_version_s_words():
    refusal = Refusal(code=Code.FORMAT_VIOLATION, description="$: no", details={"a": [1]})
    assert text_of(rpc.error_frame("1", refusal, "ocpp1.6")) == [
        4,
        "1",
        "FormationViolation",
        "$: no",
        {"a": [1]},
    ]
    assert text_of(rpc.error_frame("1", refusal, "ocpp2.0.1"))[2] == "FormatViolation"


def test_payloads_are_compact_json_with_utc_times_and_decimal_numbers():
    response = v16.HeartbeatResponse(current_time=datetime(2024, 1, 2, tzinfo=UTC))
    assert rpc.encode(response) == b'{"currentTime":"2024-01-02T00:00:00Z"}'
    period = v16.ChargingSchedulePeriod(start_period=0, limit=Decimal("8.1"))
    assert rpc.encode(period) == b'{"startPeriod":0,"limit":8.1}'


def test_descriptions_are_cut_to_what_the_field_holds():
    refusal = Refusal(code=Code.GENERIC_ERROR, description="x" * 300)
    assert len(text_of(rpc.error_frame("1", refusal, "ocpp1.6"))[3]) == rpc.MAX_DESCRIPTION


@pytest.mark.parametrize(
    ("rest", "description", "details"),
    [
        (b'["no",{"why":1}]', "no", {"why": 1}),
        (b'["no"]', "no", {}),
        (b"[]", "", {}),
        (b'[null,"text"]', "", {}),
        (b'["no",[]]', "no", {}),
        (b"{}", "", {}),
        (b"[", "", {}),
        (b'["\xff"]', "", {}),
        (b"[" * 100_000, "", {}),
    ],
)
def test_errors_are_read_whatever_their_shape(rest, description, details):
    error = rpc.read_error("GenericError", rest)
    assert (error.code, error.description, error.details) == ("GenericError", description, details)


@pytest.mark.parametrize(
    ("fault", "message_id", "version", "answer"),
    [
        (Malformed.NOT_A_MESSAGE, None, "ocpp1.6", None),
        (Malformed.NOT_A_MESSAGE, "1", "ocpp1.6", ("1", "FormationViolation")),
        (Malformed.UNKNOWN_TYPE, "1", "ocpp1.6", None),
        (Malformed.BINARY, None, "ocpp1.6", None),
        (Malformed.ID_TOO_LONG, "x" * 37, "ocpp1.6", ("x" * 37, "TypeConstraintViolation")),
        (Malformed.ID_TOO_LONG, "x" * 999, "ocpp1.6", None),
        (Malformed.NOT_A_MESSAGE, None, "ocpp2.0.1", ("-1", "RpcFrameworkError")),
        (Malformed.UNKNOWN_TYPE, "1", "ocpp2.0.1", ("1", "MessageTypeNotSupported")),
        (Malformed.BINARY, None, "ocpp2.0.1", ("-1", "RpcFrameworkError")),
        (Malformed.ID_TOO_LONG, "x" * 37, "ocpp2.1", ("x" * 37, "RpcFrameworkError")),
        (Malformed.ID_TOO_LONG, "x" * 999, "ocpp2.1", ("-1", "RpcFrameworkError")),
    ],
)
def test_answers_to_malformed_frames(fault, message_id, version, answer):
    given = rpc.malformed_answer(fault, message_id, version)
    if answer is None:
        assert given is None
    else:
        assert given is not None
        kind, given_id, code, description, details = text_of(rpc.error_frame(*given, version))
        assert (kind, (given_id, code), description, details) == (4, answer, fault.value, {})


# --- the one outstanding call ------------------------------------------------------------------------------


def test_a_call_is_answered_once():
    calls = Correlator()
    assert calls.idle
    calls.opened("1", deadline=30.0)
    assert not calls.idle
    assert calls.answered("2") is Answered.UNKNOWN
    assert not calls.idle
    assert calls.answered("1") is Answered.CURRENT
    assert calls.idle
    assert calls.answered("1") is Answered.UNKNOWN


def test_only_one_call_is_under_way():
    calls = Correlator()
    calls.opened("1", deadline=30.0)
    with pytest.raises(RuntimeError):
        calls.opened("2", deadline=30.0)
    assert calls.answered("1") is Answered.CURRENT


def test_deadlines_are_data():
    calls = Correlator()
    assert not calls.overdue(1e9)
    calls.opened("1", deadline=30.0)
    assert not calls.overdue(29.9)
    assert calls.overdue(30.0)


def test_answers_after_giving_up_are_late_once():
    calls = Correlator()
    assert calls.given_up() is None
    calls.opened("1", deadline=30.0)
    assert calls.given_up() == "1"
    calls.opened("2", deadline=60.0)
    assert calls.answered("1") is Answered.LATE
    assert calls.answered("1") is Answered.UNKNOWN
    assert calls.answered("2") is Answered.CURRENT


def test_late_ids_are_remembered_up_to_a_bound():
    calls = Correlator()
    for number in range(Correlator.REMEMBERED + 1):
        calls.opened(str(number), deadline=0.0)
        calls.given_up()
    assert calls.answered("0") is Answered.UNKNOWN
    assert calls.answered("1") is Answered.LATE
