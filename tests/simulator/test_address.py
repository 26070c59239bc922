"""Where a charger connects."""

from __future__ import annotations

import pytest

from engine.simulator.address import address


def test_identities_are_escaped_and_passwords_become_basic_credentials():
    made = address("ws://csms.example:9000/ocpp/", "A/1 é", "pw")
    assert (made.host, made.resource) == ("csms.example:9000", "/ocpp/A%2F1%20%C3%A9")
    assert made.headers == ((b"Authorization", b"Basic QS8xIMOpOnB3"),)
    assert address("wss://csms.example/ocpp", "A", None).host == "csms.example:443"
    assert address("ws://csms.example/ocpp", "A", None).headers == ()
    with pytest.raises(ValueError, match="not a ws://"):
        address("http://csms.example/", "A", None)
