"""The OCPP versions that this program speaks, by WebSocket subprotocol. A new version is one line here."""

from __future__ import annotations

from collections.abc import Mapping

from engine.ocpp import v16, v21, v201
from engine.ocpp.step import Protocol

PROTOCOLS: Mapping[str, Protocol] = {
    protocol.name: protocol for protocol in (v16.PROTOCOL, v201.PROTOCOL, v21.PROTOCOL)
}
