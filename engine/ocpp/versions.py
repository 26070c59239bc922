"""The OCPP versions that this program speaks, by WebSocket subprotocol. A new version is one line here."""

from __future__ import annotations

from collections.abc import Mapping

from engine.ocpp import v16, v21, v201
from engine.ocpp.blocks.authorization.contract_chains import ContractCheck
from engine.ocpp.step import Protocol

PROTOCOLS: Mapping[str, Protocol] = {
    protocol.name: protocol for protocol in (v16.PROTOCOL, v201.PROTOCOL, v21.PROTOCOL)
}


def protocols(contracts: ContractCheck) -> Mapping[str, Protocol]:
    """The same for a program that knows whose contracts count (2.0.1 C07)."""
    made = (v16.PROTOCOL, v201.protocol(contracts=contracts), v21.protocol(contracts=contracts))
    return {protocol.name: protocol for protocol in made}
