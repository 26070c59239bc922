"""Contract certificates of vehicles: Get15118EVCertificate (2.x M01, M02)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from msgspec import UNSET, UnsetType

from engine.domain.outside import Contract, ContractAsked
from engine.domain.state import ChargePoint
from engine.ocpp.blocks import keeping
from engine.ocpp.blocks.payloads_2x import response_to, version_of
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Needs, Outcome

MAX_EXI: Final = {"ocpp2.0.1": 7_500}
MAX_EXI_21: Final = 17_000


def contract_needs_v2x(
    cp: ChargePoint, request: v201.Get15118EVCertificate | v21.Get15118EVCertificate
) -> Needs:
    """A provider of contract certificates has to be asked."""
    chains = getattr(request, "maximum_contract_certificate_chains", UNSET)
    emaids = getattr(request, "prioritized_emaids", UNSET)
    asked = ContractAsked(
        schema_version=request.iso15118_schema_version,
        action=request.action,
        exi_request=request.exi_request,
        maximum_chains=None if isinstance(chains, UnsetType) else chains,
        prioritized_emaids=() if isinstance(emaids, UnsetType) else tuple(emaids),
    )
    return (asked,)


def get_15118_ev_certificate_v2x(
    cp: ChargePoint,
    request: v201.Get15118EVCertificate | v21.Get15118EVCertificate,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """The provider's answer goes to the vehicle untouched (M01, M02); no provider, no certificate: Failed."""
    answer = facts.outside[0] if facts.outside else None
    contract = answer if isinstance(answer, Contract) else None
    exi = contract.exi_response if contract is not None else ""
    fits = len(exi) <= MAX_EXI.get(cp.version, MAX_EXI_21)
    status = "Accepted" if contract is not None and contract.accepted and fits else "Failed"
    exi = exi if fits else ""
    members: dict[str, Any] = {"status": status, "exi_response": exi}
    if contract is not None and contract.remaining is not None and version_of(request) == "ocpp2.1":
        members["remaining_contracts"] = contract.remaining
    reply = response_to(request, **members)
    return Outcome(state=cp, reply=reply, changes=keeping.published(cp, request, now))


HANDLERS: Final = (
    handler(v201.Get15118EVCertificate, get_15118_ev_certificate_v2x, needs=contract_needs_v2x),
)
