"""What the versions are compared by: valid messages, all of them, and ratios to 1.6."""

from __future__ import annotations

import pytest

from bench import versions
from bench.report import OURS, Maker, cells
from bench.versions import OLDEST, PROTOCOLS, TWINS, inbound, quickest


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("version", PROTOCOLS)
def test_every_message_of_a_charger_is_measured(version: str, whole: bool) -> None:
    protocol = PROTOCOLS[version]
    said = list(inbound(protocol, whole))
    assert [action for action, _ in said] == list(protocol.inbound)
    for action, payload in said:
        versions._work(protocol, action, payload)


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.title)
def test_twins_are_right_in_every_version(twin: versions.Twin) -> None:
    for version, protocol in PROTOCOLS.items():
        versions._work(protocol, *twin.said_in(version))


def test_what_would_be_mended_is_not_measured() -> None:
    with pytest.raises(ValueError, match="Authorize"):
        versions._work(PROTOCOLS[OLDEST], "Authorize", b'{"idTag":4711}')


def test_the_quickest_turn_counts() -> None:
    calls: list[int] = []
    costs = quickest([lambda: calls.append(0), lambda: calls.append(1)], rounds=2)
    assert len(costs) == 2
    assert all(cost > 0 for cost in costs)
    assert calls == [*[0] * versions.LOOPS, *[1] * versions.LOOPS] * 2


def test_costs_are_compared_with_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "LOOPS", 1)
    rows = versions.measure(Maker(), rounds=1)
    assert len(rows) == 3 * (len(TWINS) + 3)
    for first, *others in zip(*[iter(rows)] * 3, strict=True):
        assert (first.peer, first.ratio) == (f"{OURS}, {OLDEST}", None)
        for other in others:
            assert other.name == first.name
            assert other.ratio == pytest.approx(other.value / first.value, rel=0.01)
    assert cells(rows)[1][3].startswith("costs ")
