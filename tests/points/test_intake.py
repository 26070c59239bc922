"""The receiving side of a connection: turns, the line, the allowance. No socket, no loop, its own clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.metrics import Metrics
from engine.points.admission import Allowance, Conduct
from engine.points.intake import AT_ONCE, LARGE, LEAST_PAUSE, MODEST, Intake
from ext.websocket import BINARY, PING, TEXT, VIOLATION, Deflate, FrameReader, frame

MASK = b"\x01\x02\x03\x04"
RATE, BURST = 10.0, 5.0  # messages a second, seconds
AHEAD = int(MODEST * RATE)  # messages with which a charger is just modest


def text(content: bytes) -> bytes:
    return frame(TEXT, content, MASK)


class Line:
    """Peer, poller, timers and consumer of one intake: `run` does what they would."""

    def __init__(self, *, max_message_size: int = 1_000_000, data_rate: float = 1e9) -> None:
        self.now = 1_000.0
        self.incoming: deque[bytes] = deque()
        self.reads = 0
        self.closed = False
        self.sock = SimpleNamespace(fileno=lambda: 7)
        self.ready: Callable[[], None] | None = None
        self.turns: deque[Callable[[], None]] = deque()
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.texts: list[bytes] = []
        self.controls: list[int] = []
        self.works: list[Any] = []
        self.lost = self.throttled = 0
        self.holds_on = b"hold"  # a text that is not done at once
        self.metrics = Metrics()
        self.conduct = Conduct()
        self.reader = FrameReader(max_message_size, deflate=Deflate(15, 15, True, True))
        shared: Any = SimpleNamespace(
            allowance=Allowance(RATE, data_rate, BURST),
            steady=lambda: self.now,
            poller=self,
            timers=SimpleNamespace(after=self.after),
            metrics=self.metrics,
        )
        transport: Any = self
        self.user = self
        self.intake = Intake(shared, transport, self.reader, self, self.conduct)
        self.intake.start(b"")

    # The transport.

    def receive(self) -> bytes | None:
        self.reads += 1
        return self.incoming.popleft() if self.incoming else None

    # The poller and the timers.

    def watch(self, fd: int, ready: Callable[[], None]) -> None:
        assert self.ready is None
        self.ready = ready

    def forget(self, fd: int) -> None:
        assert self.ready is not None
        self.ready = None

    def line_up(self, turn: Callable[[], None]) -> None:
        self.turns.append(turn)

    def after(self, delay: float, action: Callable[[], None]) -> Any:
        entry = (self.now + delay, action)
        self.timers.append(entry)
        return SimpleNamespace(cancel=lambda: self.timers.remove(entry))

    # The consumer.

    def on_text(self, content: bytes) -> Coroutine[Any, Any, None] | None:
        self.texts.append(content)
        work: Any = object()  # nobody awaits it here
        return work if content == self.holds_on else None

    def begin(self, work: Any) -> None:
        self.works.append(work)

    def on_control(self, opcode: int, payload: bytes) -> None:
        self.controls.append(opcode)

    def on_lost(self) -> None:
        self.lost += 1

    def on_throttled(self) -> None:
        self.throttled += 1

    # What happens.

    def round(self) -> bool:
        """One round of the poller; whether there was anything to do."""
        if self.ready is not None and self.incoming:
            self.ready()
            return True
        if self.turns:
            self.turns.popleft()()
            return True
        return False

    def run(self) -> None:
        """Until there is nothing to do but to wait."""
        while self.round():
            pass

    def wait(self, seconds: float) -> None:
        self.now += seconds
        for entry in [one for one in self.timers if one[0] <= self.now]:
            self.timers.remove(entry)
            entry[1]()

    @property
    def waits(self) -> str:
        """For what: exactly one thing, or none while a message is held."""
        states = {
            "socket": self.ready is not None,
            "turn": bool(self.turns),
            "allowance": bool(self.timers),
        }
        (state,) = [name for name, is_so in states.items() if is_so] or ["nothing"]
        return state


def test_a_charger_that_waits_for_its_answers_is_served_at_once() -> None:
    line = Line()
    for number in range(5):
        line.incoming.append(text(b"%d" % number))
        line.round()
        assert line.waits == "socket"
        assert line.texts[-1] == b"%d" % number
        line.wait(1)
    assert line.intake.attentive


def test_while_a_message_is_worked_on_nothing_more_is_read() -> None:
    line = Line()
    line.incoming += [text(b"hold"), text(b"after")]
    line.run()
    assert line.texts == [b"hold"]
    assert len(line.works) == 1
    assert (line.waits, line.reads, line.intake.attentive) == ("nothing", 1, False)
    line.intake.resume()
    line.run()
    assert line.texts == [b"hold", b"after"]
    assert line.waits == "socket"


def test_what_came_together_with_a_message_stays_as_it_is_until_that_is_done() -> None:
    line = Line()
    bomb = frame(TEXT, Deflate(client=True).compress(b" " * 900_000), MASK, rsv1=True)
    line.incoming.append(text(b"hold") + bomb * 3)
    line.run()
    assert line.texts == [b"hold"]
    assert line.reader.waiting
    line.intake.resume()
    assert line.waits == "turn"
    line.run()
    assert [len(content) for content in line.texts[1:]] == [900_000] * 3


def test_behind_a_few_frames_the_others_have_their_turn() -> None:
    line = Line()
    line.incoming.append(b"".join(text(b"%d" % number) for number in range(2 * AT_ONCE + 1)))
    served = []
    while line.round():
        served.append(len(line.texts))
    assert served == [AT_ONCE, 2 * AT_ONCE, 2 * AT_ONCE + 1]
    assert line.texts == [b"%d" % number for number in range(2 * AT_ONCE + 1)]


@pytest.mark.parametrize("deflated", [False, True])
def test_a_large_message_waits_until_the_others_had_their_turn(deflated: bool) -> None:
    line = Line()
    large = b"x" * (LARGE + 1)
    payload = Deflate(client=True).compress(large) if deflated else large
    line.incoming += [frame(TEXT, payload, MASK, rsv1=deflated) + text(b"a"), text(b"b")]
    line.round()
    assert (line.texts, line.waits, line.reads) == ([], "turn", 1)
    line.round()
    assert line.texts == [large]
    line.run()
    assert line.texts == [large, b"a", b"b"]
    line.incoming.append(text(b"x" * (LARGE - 1_000)))
    line.round()
    assert len(line.texts) == 4


def test_who_is_ahead_lines_up_for_every_frame() -> None:
    line = Line()
    line.incoming.append(text(b"x") * (AHEAD + 4))
    while len(line.texts) <= AHEAD:
        line.round()
    assert line.waits == "turn"
    for number in range(3):
        line.round()
        assert len(line.texts) == AHEAD + 2 + number
    assert line.waits == "socket"
    line.incoming.append(text(b"y"))
    line.round()
    assert (line.waits, line.texts[-1]) == ("turn", b"x"), "the socket's call only puts it into the line"
    line.round()
    assert line.texts[-1] == b"y"
    line.wait(BURST)
    line.incoming += [text(b"z"), text(b"z")]
    line.run()
    line.incoming.append(text(b"!"))
    line.round()
    assert (line.waits, line.texts[-1]) == ("socket", b"!"), "it has made up for it"


def test_who_has_used_up_its_allowance_is_not_read() -> None:
    line = Line()
    line.incoming += [text(b"x")] * 1_000
    line.run()
    assert line.waits == "allowance"
    assert len(line.texts) == RATE * BURST
    assert line.reads == len(line.texts)
    assert (line.throttled, line.metrics.throttled[()]) == (1, 1)
    assert line.intake.throttled
    assert not line.intake.attentive
    line.wait(LEAST_PAUSE)
    assert line.waits == "socket"
    line.run()
    assert len(line.texts) == RATE * (BURST + LEAST_PAUSE)
    assert line.waits == "allowance"


def test_bytes_use_it_up_like_messages_do_and_inflated_ones_count() -> None:
    line = Line(data_rate=100_000.0)
    line.incoming.append(frame(TEXT, Deflate(client=True).compress(b" " * 700_000), MASK, rsv1=True))
    line.run()
    assert line.waits == "allowance"
    line.wait(2.1)
    assert line.waits == "socket", "7.1 seconds for 5"


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(frame(PING, b"", MASK), id="pings"),
        pytest.param(b"\x00\x81\x01\x02\x03\x04 ", id="fragments"),
        pytest.param(frame(BINARY, b"", MASK), id="binary"),
    ],
)
def test_every_frame_counts(flood: bytes) -> None:
    line = Line()
    if flood[0] == 0:
        line.incoming.append(b"\x01\x80\x01\x02\x03\x04")
    line.incoming.append(flood * 1_000)
    line.run()
    assert line.waits == "allowance"
    line.wait(BURST)
    rounds = 0
    while line.round():
        rounds += 1
    assert rounds * AT_ONCE >= RATE * BURST - AT_ONCE
    assert rounds <= RATE * BURST + 1
    assert line.reader.waiting


def test_what_is_remembered_of_an_identity_counts_for_its_next_connection() -> None:
    line = Line()
    line.incoming.append(text(b"x") * 1_000)
    line.run()
    fresh = Line()
    fresh.conduct.spent = line.conduct.spent
    fresh.incoming.append(text(b"x") * 1_000)
    fresh.run()
    assert fresh.waits == "allowance"
    assert len(fresh.texts) == 1


class Dear(Line):
    """Each of its messages uses up all the allowance."""

    def on_text(self, content: bytes) -> Coroutine[Any, Any, None] | None:
        self.conduct.spent += BURST + 1
        return super().on_text(content)


def test_a_message_that_cost_more_is_noticed_at_once() -> None:
    line = Dear()
    line.incoming += [text(b"x"), text(b"y")]
    line.run()
    assert (line.texts, line.waits) == ([b"x"], "allowance")


def test_the_end_of_the_stream_is_told() -> None:
    line = Line()
    line.incoming.append(b"")
    line.round()
    assert line.lost == 1


def test_a_violation_is_told_and_nothing_behind_it() -> None:
    line = Line()
    line.incoming.append(text(b"a") + b"\x83\x80" + MASK + text(b"b"))
    line.run()
    assert (line.texts, line.controls) == ([b"a"], [VIOLATION])


@pytest.mark.parametrize("state", ["socket", "turn", "allowance"])
def test_a_connection_that_is_closed_waits_for_nothing(state: str) -> None:
    line = Line()
    line.incoming.append(text(b"x") * {"socket": 1, "turn": AHEAD + 5, "allowance": 1_000}[state])
    while line.waits != state or not line.texts:
        line.round()
    line.intake.stop()
    line.closed = True
    before = len(line.texts)
    while line.turns:
        line.turns.popleft()()
    line.intake.resume()
    assert (line.waits, len(line.texts)) == ("nothing", before)


@given(
    pieces=st.lists(st.integers(1, 60), min_size=1, max_size=40),
    pauses=st.lists(st.sampled_from([0.0, 0.05, 0.5, 3.0]), min_size=1, max_size=40),
)
def test_over_time_a_charger_gets_what_it_may_and_loses_nothing(
    pieces: list[int], pauses: list[float]
) -> None:
    line = Line()
    began, number, sent = line.now, 0, []
    for turn, count in enumerate(pieces):
        texts = [b"%d" % (number + index) for index in range(count)]
        number += count
        sent += texts
        line.incoming.append(b"".join(map(text, texts)))
        line.run()
        assert len(line.texts) <= RATE * (BURST + line.now - began) + 1
        line.wait(pauses[turn % len(pauses)])
    for _ in range(1_000):
        line.run()
        if len(line.texts) == len(sent):
            break
        line.wait(1.0)
    assert line.texts == sent
