import pytest

from engine.points.network_status import GONE, HERE, LOST, NEVER, Event, after


@pytest.mark.parametrize(
    ("status", "event", "expected"),
    [
        (NEVER, Event.CONNECTED, HERE),
        (HERE, Event.DISCONNECTED, LOST),
        (LOST, Event.CONNECTED, HERE),
        (LOST, Event.STAYED_AWAY, GONE),
        (GONE, Event.CONNECTED, HERE),
        (HERE, Event.CONNECTED, None),
        (LOST, Event.DISCONNECTED, None),
        (NEVER, Event.STAYED_AWAY, None),
    ],
)
def test_transitions(status: object, event: Event, expected: object) -> None:
    assert after(status, event) is expected  # type: ignore[arg-type] # the table's own values
