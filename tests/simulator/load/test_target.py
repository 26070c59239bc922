"""Where bare chargers connect, and how they ask for it."""

from __future__ import annotations

import pytest

from engine.simulator.load.target import Target


def test_targets_come_from_addresses():
    assert Target.from_url("ws://10.0.0.1:9000/ocpp/", "pw") == Target("10.0.0.1", 9000, "/ocpp", "pw")
    assert b"\r\nAuthorization: Basic QTpwdw==\r\n" in Target("h", 1, "", "pw").upgrade("A")
    assert Target("h", 1).upgrade("a/b c").startswith(b"GET /ocpp/a%2Fb%20c HTTP/1.1\r\n")
    with pytest.raises(ValueError, match="not a ws://"):
        Target.from_url("wss://10.0.0.1/ocpp")
