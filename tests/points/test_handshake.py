import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage
from wsproto.extensions import PerMessageDeflate

from engine.points.handshake import MAX_REQUEST, Handshake, Rejection, Upgrade, accept, refuse
from ext.websocket import FrameReader, frame

HEADERS = {
    "Host": "csms.example",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def request(
    line: str = "GET /ocpp/CP1 HTTP/1.1", changes: dict[str, str | None] | None = None, more: str = ""
) -> bytes:
    """A request to upgrade with some headers changed, or left out where None."""
    headers = {**HEADERS, **(changes or {})}
    lines = [line, *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return ("\r\n".join([*lines, ""]) + more + "\r\n").encode("latin-1")


def upgraded(data: bytes) -> Upgrade:
    result = Handshake().receive(data)
    assert isinstance(result, Upgrade), result
    return result


def rejected(data: bytes) -> Rejection:
    result = Handshake().receive(data)
    assert isinstance(result, Rejection), result
    return result


def test_a_request_is_read() -> None:
    upgrade = upgraded(
        request(
            "GET /ocpp/CP%201/?debug=1 HTTP/1.1",
            {
                "Authorization": "Basic Q1A6cHc=",
                "Sec-WebSocket-Protocol": "ocpp2.0.1,ocpp1.6",
                "User-Agent": "x",
            },
            more="sec-websocket-protocol: other\r\n",
        )
        + b"\x81\x80"
    )
    assert (upgrade.path, upgrade.query) == ("/ocpp/CP%201/", "debug=1")
    assert upgrade.subprotocols == ("ocpp2.0.1", "ocpp1.6", "other")
    assert upgrade.authorization == b"Basic Q1A6cHc="
    assert upgrade.header(b"user-agent") == b"x"
    assert upgrade.header(b"absent") is None
    assert upgrade.leftover == b"\x81\x80"


def test_it_may_come_byte_by_byte() -> None:
    handshake = Handshake()
    data = request()
    assert [handshake.receive(data[i : i + 1]) for i in range(len(data) - 1)] == [None] * (len(data) - 1)
    assert isinstance(handshake.receive(data[-1:]), Upgrade)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/ocpp/CP1", "/ocpp/CP1"),
        ("ws://csms.example/ocpp/CP1", "/ocpp/CP1"),
        ("//ocpp/CP1", "//ocpp/CP1"),
        ("/", "/"),
        ("*", ""),
        ("ws://csms.example", ""),
    ],
)
def test_targets(target: str, path: str) -> None:
    assert upgraded(request(f"GET {target} HTTP/1.1")).path == path


@pytest.mark.parametrize(
    "changes",
    [
        {"Upgrade": "WebSocket", "Connection": "keep-alive, UPGRADE"},
        {"Upgrade": "h2c, websocket"},
        {"Host": None, "hOST": "x", "Upgrade": None, "UPGRADE": "websocket"},
    ],
)
def test_header_names_and_tokens_in_any_case(changes: dict[str, str | None]) -> None:
    assert upgraded(request(changes=changes)).path == "/ocpp/CP1"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(b"", 400, id="closed at once"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01", 400, id="TLS on a plain port"),
        pytest.param(b"nonsense\r\n\r\n", 400, id="not HTTP"),
        pytest.param(request("POST /ocpp/CP1 HTTP/1.1"), 405, id="POST"),
        pytest.param(request("GET /ocpp/CP1 HTTP/1.0"), 426, id="HTTP/1.0"),
        pytest.param(request(changes={"Upgrade": None}), 426, id="no Upgrade"),
        pytest.param(request(changes={"Upgrade": "h2c"}), 426, id="other Upgrade"),
        pytest.param(request(changes={"Connection": "close"}), 426, id="Connection without upgrade"),
        pytest.param(request(changes={"Sec-WebSocket-Version": "8"}), 426, id="old version"),
        pytest.param(request(changes={"Sec-WebSocket-Version": None}), 426, id="no version"),
        pytest.param(request(changes={"Sec-WebSocket-Key": None}), 400, id="no key"),
        pytest.param(request(changes={"Sec-WebSocket-Key": "c2hvcnQ="}), 400, id="short key"),
        pytest.param(request(changes={"Sec-WebSocket-Key": "!"}), 400, id="key not base64"),
        pytest.param(request(changes={"Host": None}), 400, id="no Host"),
        pytest.param(request(more="Authorization: a\r\nAuthorization: b\r\n"), 400, id="two credentials"),
        pytest.param(request(changes={"Content-Length": "2"}) + b"xx", 400, id="a body"),
        pytest.param(request(changes={"Content-Length": "2"}), 400, id="a body to come"),
        pytest.param(request(changes={"Transfer-Encoding": "chunked"}), 400, id="a chunked body"),
        pytest.param(request(changes={"X": "y" * MAX_REQUEST}), 431, id="too long at once"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"y" * MAX_REQUEST, 431, id="too long without an end"),
    ],
)
def test_rejections(data: bytes, status: int) -> None:
    rejection = rejected(data)
    assert rejection.status == status
    assert rejection.body
    head, _, body = refuse(rejection).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0].startswith(f"HTTP/1.1 {status} ")
    assert f"Content-Length: {len(body)}" in lines
    assert "Connection: close" in lines
    if status == 426:
        assert {"Upgrade: websocket", "Sec-WebSocket-Version: 13"} <= set(lines)


def test_too_long_by_drops() -> None:
    handshake = Handshake()
    assert handshake.receive(b"GET / HTTP/1.1\r\n") is None
    for _ in range(MAX_REQUEST // 1_000):
        assert handshake.receive(b"X: " + b"y" * 990 + b"\r\n") is None
    rejection = handshake.receive(b"X: " + b"y" * 990 + b"\r\n")
    assert isinstance(rejection, Rejection)
    assert rejection.status == 431


def test_what_follows_the_request_does_not_count() -> None:
    assert len(upgraded(request() + b"\0" * 60_000).leftover) == 60_000


def test_the_answer_of_the_rfc() -> None:  # RFC 6455 §1.3
    accepted = accept(upgraded(request(changes={"Sec-WebSocket-Protocol": "chat"})), "chat")
    assert accepted.response == (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
    )
    assert accepted.deflate is None


def test_no_subprotocol_is_named_when_there_is_none() -> None:
    assert b"Protocol:" not in accept(upgraded(request()), None).response


FRESH = "server_no_context_takeover; client_no_context_takeover"


@pytest.mark.parametrize(
    ("offer", "takeover", "answer"),
    [
        ("permessage-deflate", False, f"permessage-deflate; {FRESH}"),
        ("permessage-deflate", True, "permessage-deflate"),
        (f"permessage-deflate; {FRESH}", True, f"permessage-deflate; {FRESH}"),
        (
            "permessage-deflate; client_max_window_bits",
            True,
            "permessage-deflate; client_max_window_bits=15",
        ),
        (
            'permessage-deflate; client_max_window_bits="8"; server_max_window_bits=9',
            True,
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=8",
        ),
        (
            "x-other, permessage-deflate; server_max_window_bits=10",
            True,
            "permessage-deflate; server_max_window_bits=10",
        ),
        # What we cannot serve, or what is malformed, is declined; a later offer may do.
        ("permessage-deflate; server_max_window_bits=8", True, None),
        ("permessage-deflate; server_max_window_bits", True, None),
        ("permessage-deflate; server_max_window_bits=16", True, None),
        ("permessage-deflate; server_max_window_bits=09", True, None),
        ("permessage-deflate; client_max_window_bits=7", True, None),
        ("permessage-deflate; client_no_context_takeover=1", True, None),
        ("permessage-deflate; unknown", True, None),
        ("permessage-deflate; client_max_window_bits; client_max_window_bits", True, None),
        ("x-webkit-deflate-frame", True, None),
        ("permessage-deflate; unknown, permessage-deflate", True, "permessage-deflate"),
    ],
)
def test_compression_is_negotiated(offer: str, takeover: bool, answer: str | None) -> None:
    upgrade = upgraded(request(changes={"Sec-WebSocket-Extensions": offer}))
    accepted = accept(upgrade, None, takeover=takeover)
    lines = accepted.response.decode().split("\r\n")
    named = [line.partition(": ")[2] for line in lines if line.startswith("Sec-WebSocket-Extensions")]
    assert named == ([] if answer is None else [answer])
    assert (accepted.deflate is None) == (answer is None)
    assert accept(upgrade, None, deflate=False).deflate is None
    assert b"Extensions" not in accept(upgrade, None, deflate=False).response


@pytest.mark.parametrize("takeover", [False, True])
@pytest.mark.parametrize("bits", [9, 12, 15])
def test_compressed_messages_pass_both_ways_with_wsproto(takeover: bool, bits: int) -> None:
    peer = WSConnection(ConnectionType.CLIENT)
    offered = PerMessageDeflate(client_max_window_bits=bits, server_max_window_bits=bits)
    upgrade = upgraded(
        peer.send(Request(host="x", target="/", subprotocols=["ocpp1.6"], extensions=[offered]))
    )
    accepted = accept(upgrade, "ocpp1.6", takeover=takeover)
    peer.receive_data(accepted.response)
    (answer,) = peer.events()
    assert isinstance(answer, AcceptConnection)
    assert answer.subprotocol == "ocpp1.6"
    assert answer.extensions
    assert accepted.deflate is not None
    reader = FrameReader(100_000, deflate=accepted.deflate)
    for message in ("Hello", "Hello", "x" * 50_000):
        assert reader.read_all(peer.send(TextMessage(data=message))) == [(1, message.encode())]
        peer.receive_data(frame(1, accepted.deflate.compress(message.encode()), rsv1=True))
        assert "".join(event.data for event in peer.events()) == message
    assert reader.read_all(peer.send(CloseConnection(code=1000))) == [(8, b"\x03\xe8")]


@given(
    data=st.lists(
        st.binary(max_size=20)
        | st.sampled_from([request(), b"GET / HTTP/1.1\r\n", b"Host: \xc3\xa9\r\n", b"\r\n"]),
        max_size=8,
    )
)
def test_no_request_raises(data: list[bytes]) -> None:
    handshake = Handshake()
    for piece in data:
        result = handshake.receive(piece)
        if isinstance(result, Upgrade):
            assert accept(result, None).response
        if isinstance(result, Rejection):
            assert refuse(result)
        if result is not None or not piece:
            return
