import pytest

from engine.points.network_status import GONE, HERE, LOST, NEVER, ConnectionEvent, after


@pytest.mark.parametrize(
    ("status", "event", "expected"),
    [
        (NEVER, ConnectionEvent.CONNECTED, HERE),
        (HERE, ConnectionEvent.DISCONNECTED, LOST),
        (LOST, ConnectionEvent.CONNECTED, HERE),
        (LOST, ConnectionEvent.STAYED_AWAY, GONE),
        (GONE, ConnectionEvent.CONNECTED, HERE),
        (HERE, ConnectionEvent.CONNECTED, None),
        (LOST, ConnectionEvent.DISCONNECTED, None),
        (NEVER, ConnectionEvent.STAYED_AWAY, None),
    ],
)
def test_transitions(status: object, event: ConnectionEvent, expected: object) -> None:
    assert after(status, event) is expected  # type: ignore[arg-type] # the table's own values
