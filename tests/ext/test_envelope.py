import json
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ext.websocket

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
separators = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n\t", " : "), (" , ", ":")])
blanks = st.text(alphabet=" \t\r\n", max_size=3)


# ── splitting ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'[2,"1","Heartbeat",{}]', (2, "1", "Heartbeat", b"{}")),
        (b'[3,"1",{"status":"Accepted"}]', (3, "1", "", b'{"status":"Accepted"}')),
        (b'[6,"1","NotifyPeriodicEventStream",{"a":[]}]', (6, "1", "NotifyPeriodicEventStream", b'{"a":[]}')),
        (b'[4,"1","GenericError","no ]",{"a":1}]', (4, "1", "GenericError", b'["no ]",{"a":1}]')),
        (b'[5,"1","FormatViolation","",{}]', (5, "1", "FormatViolation", b'["",{}]')),
        (b'[4,"1","GenericError"]', (4, "1", "GenericError", b"[]")),
        (b'[4,"1","GenericError","why"]', (4, "1", "GenericError", b'["why"]')),
        (b' [ 2 , "1" , "Heartbeat" , { } ] \r\n', (2, "1", "Heartbeat", b"{ }")),
        (b'[2,"","",null]', (2, "", "", b"null")),
        (b'[2,"a\\"b\\\\","\\u0041ction",{}]', (2, 'a"b\\', "Action", b"{}")),
        ('[2,"é😀","Ü",{}]'.encode(), (2, "é😀", "Ü", b"{}")),
        (b'[2,"\\ud83d\\ude00","A",{}]', (2, "😀", "A", b"{}")),
        (b'[2,"a,]\x7f[","A",{}]', (2, "a,]\x7f[", "A", b"{}")),
        # Whether the payload is JSON is for its decoder to find out.
        (b'[2,"1","A",{},7]', (2, "1", "A", b"{},7")),
        (b'[2,"1","A",{]', (2, "1", "A", b"{")),
    ],
)
def test_split(envelope: ModuleType, text: bytes, expected: tuple[int, str, str, bytes]) -> None:
    assert envelope.split(text) == expected


@pytest.mark.parametrize(
    ("text", "message_type", "message_id"),
    [
        (b"", None, None),
        (b"[", None, None),
        (b"]", None, None),
        (b"[]", None, None),
        (b"{}", None, None),
        (b"null", None, None),
        (b'"[2]"', None, None),
        (b'[2,"1","A",{}', None, None),
        (b'[2,"1","A",{}] x', None, None),
        (b'["2","1","A",{}]', None, None),
        (b'[-2,"1","A",{}]', None, None),
        (b'[,"1","A",{}]', None, None),
        (b"[2]", 2, None),
        (b"[2 ]", 2, None),
        (b"[2,]", 2, None),
        (b'[2.0,"1","A",{}]', 2, None),
        (b'[2,1,"A",{}]', 2, None),
        (b'[2,null,"A",{}]', 2, None),
        (b'[2,"1]', 2, None),
        (b'[2,"1\\"]', 2, None),
        (b'[2,"\\x","A",{}]', 2, None),
        (b'[2,"\\ud800","A",{}]', 2, None),
        (b'[2,"\n","A",{}]', 2, None),
        (b'[2,"\xff","A",{}]', 2, None),
        (b'[12345,"1","A",{}]', 1234, None),
        (b'[1,"1","A",{}]', 1, "1"),
        (b'[7,"1","A",{}]', 7, "1"),
        (b'[22,"1"]', 22, "1"),
        (b'[2,"1"]', 2, "1"),
        (b'[2,"1",]', 2, "1"),
        (b'[2,"1",{}]', 2, "1"),
        (b'[2,"1" "A",{}]', 2, "1"),
        (b'[2,"1","A"]', 2, "1"),
        (b'[2,"1","A",]', 2, "1"),
        (b'[2,"1","A" {}]', 2, "1"),
        (b'[2,"1","\\ud800",{}]', 2, "1"),
        (b'[3,"1"]', 3, "1"),
        (b'[3,"1", ]', 3, "1"),
        (b'[4,"1"]', 4, "1"),
        (b'[4,"1",7,"",{}]', 4, "1"),
        (b'[4,"1","E" "d",{}]', 4, "1"),
    ],
)
def test_what_is_no_envelope_tells_what_could_be_read(
    envelope: ModuleType, text: bytes, message_type: int | None, message_id: str | None
) -> None:
    with pytest.raises(envelope.EnvelopeError) as caught:
        envelope.split(text)
    assert caught.value.message_type == message_type
    assert caught.value.message_id == message_id
    assert caught.value.reason == str(caught.value) != ""


@given(
    kind=st.sampled_from([2, 6]),
    names=st.tuples(st.text(), st.text()),
    payload=json_values,
    separator=separators,
    around=st.tuples(blanks, blanks),
    ascii_only=st.booleans(),
)
def test_split_agrees_with_the_json_module(
    envelope: ModuleType, *, kind, names, payload, separator, around, ascii_only
) -> None:
    document = [kind, *names, payload]
    text = around[0] + json.dumps(document, separators=separator, ensure_ascii=ascii_only) + around[1]
    *head, rest = envelope.split(text.encode())
    assert [*head, json.loads(rest)] == document


@given(message_id=st.text(), code=st.text(), details=json_values, separator=separators)
def test_errors_agree_with_the_json_module(envelope, message_id, code, details, separator) -> None:
    text = json.dumps([4, message_id, code, "why", details], separators=separator)
    *head, rest = envelope.split(text.encode())
    assert [*head, json.loads(rest)] == [4, message_id, code, ["why", details]]


@given(
    text=st.binary(max_size=60)
    | st.lists(st.sampled_from([*'[]{},:"\\ 2346a', '"1"', "\\u"])).map("".join).map(str.encode)
)
def test_split_raises_nothing_else(envelope: ModuleType, text: bytes) -> None:
    try:
        kind, message_id, action, rest = envelope.split(text)
    except envelope.EnvelopeError:
        return
    assert 2 <= kind <= 6
    assert message_id + action is not None
    assert rest


numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@given(number=numbers, action=st.text(), payload=json_values, separator=separators)
def test_a_numeric_id_is_read_on_request_and_goes_back_as_it_came(
    envelope: ModuleType, *, number, action, payload, separator
) -> None:
    document = [2, number, action, payload]
    text = json.dumps(document, separators=separator).encode()
    with pytest.raises(envelope.EnvelopeError):
        envelope.split(text)
    kind, message_id, *_, rest = envelope.split(text, numeric_id=True)
    assert [kind, message_id, json.loads(rest)] == [2, json.dumps(number), payload]
    for frame, expected in (
        (envelope.result_text(message_id, rest), [3, number, payload]),
        (envelope.call_text(message_id, action, rest, envelope.SEND), [6, number, action, payload]),
        (envelope.error_text(message_id, "E", "d", rest), [4, number, "E", "d", payload]),
    ):
        assert json.loads(frame) == expected
        assert json.dumps(number).encode() in frame


@pytest.mark.parametrize(
    ("text", "message_id"),
    [
        (b'[2,"1","A",{}]', None),
        (b'[2,null,"A",{}]', None),
        (b'[2,.5,"A",{}]', None),
        (b'[2,+1,"A",{}]', None),
        (b'[2,NaN,"A",{}]', None),
        (b"[2,]", None),
        (b"[2]", None),
        (b"[2,7]", "7"),
        (b'[2,07,"A",{}]', "0"),
        (b'[2,7.,"A",{}]', "7"),
        (b'[2,7e,"A",{}]', "7"),
        (b'[2,7 "A",{}]', "7"),
        (b'[2,7,"A"]', "7"),
        (b"[2,7,8,{}]", "7"),
    ],
)
def test_what_is_no_envelope_with_a_number(envelope: ModuleType, text: bytes, message_id: str | None) -> None:
    with pytest.raises(envelope.EnvelopeError) as caught:
        envelope.split(text, numeric_id=True)
    assert (caught.value.message_type, caught.value.message_id) == (2, message_id)


# ── building ──────────────────────────────────────────────────────────────────────────────────────


def test_texts_are_compact_json(envelope: ModuleType) -> None:
    assert envelope.result_text("1", b"{}") == b'[3,"1",{}]'
    assert envelope.call_text("1", "Reset", b'{"type":"Soft"}') == b'[2,"1","Reset",{"type":"Soft"}]'
    assert envelope.call_text("1", "A", b"{}", envelope.SEND) == b'[6,"1","A",{}]'
    assert envelope.error_text("1", "NotImplemented") == b'[4,"1","NotImplemented","",{}]'
    assert (
        envelope.error_text("", "E", "d", b'{"a":1}', envelope.CALLRESULTERROR) == b'[5,"","E","d",{"a":1}]'
    )


@pytest.mark.parametrize("size", [0, 100, 114, 115, 116, 117, 126, 65_524, 65_525, 65_526, 70_000])
def test_frames_are_the_texts_in_a_frame(envelope: ModuleType, size: int) -> None:
    payload = b"7" * size
    assert envelope.result_frame("id", payload) == ext.websocket.frame(1, envelope.result_text("id", payload))
    assert envelope.call_frame("id", "A", payload) == ext.websocket.frame(
        1, envelope.call_text("id", "A", payload)
    )
    assert envelope.call_frame("id", "A", payload, 6) == ext.websocket.frame(
        1, envelope.call_text("id", "A", payload, 6)
    )
    assert envelope.error_frame("id", "E", "d", payload) == ext.websocket.frame(
        1, envelope.error_text("id", "E", "d", payload)
    )
    assert envelope.error_frame("i", "E", "d", payload, 5) == ext.websocket.frame(
        1, envelope.error_text("i", "E", "d", payload, 5)
    )


@given(message_id=st.text(), action=st.text(), description=st.text(), details=json_values)
def test_every_text_is_escaped(
    envelope: ModuleType, message_id: str, action: str, description: str, details
) -> None:
    payload = json.dumps(details).encode()
    assert json.loads(envelope.result_text(message_id, payload)) == [3, message_id, details]
    assert json.loads(envelope.call_text(message_id, action, payload)) == [2, message_id, action, details]
    error = envelope.error_text(message_id, action, description, payload)
    assert json.loads(error) == [4, message_id, action, description, details]
    assert envelope.split(envelope.call_text(message_id, action, payload)) == (2, message_id, action, payload)


def test_a_lone_surrogate_does_not_break_the_frame(envelope: ModuleType) -> None:
    assert envelope.error_text("1", "E", "\ud800") == b'[4,"1","E","\\ud800",{}]'


def test_unknown_kinds_are_refused(envelope: ModuleType) -> None:
    with pytest.raises(KeyError):
        envelope.call_text("1", "A", b"{}", 7)
