"""The OCPP versions that this program speaks, by WebSocket subprotocol. A new version is one line here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cryptography import x509

from engine.ocpp import v16, v21, v201
from engine.ocpp.blocks.contract_chains import trusting
from engine.ocpp.step import Protocol

PROTOCOLS: Mapping[str, Protocol] = {
    protocol.name: protocol for protocol in (v16.PROTOCOL, v201.PROTOCOL, v21.PROTOCOL)
}


def protocols(roots: Sequence[x509.Certificate]) -> Mapping[str, Protocol]:
    """The same for a program that trusts these roots of contract certificates (2.0.1 C07)."""
    chains = trusting(roots)
    made = (v16.PROTOCOL, v201.protocol(chains=chains), v21.protocol(chains=chains))
    return {protocol.name: protocol for protocol in made}
