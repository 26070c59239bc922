"""OCPP 2.1 as two tables: those of 2.0.1 with 2.1's types, and what only 2.1 has.

What the modules of the blocks declare with a type of 2.1 is 2.1's alone, and takes the place of what 2.0.1
has under the same name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from engine.ocpp import catalogue
from engine.ocpp import v201 as older
from engine.ocpp.blocks.authorization import authorize_v2x
from engine.ocpp.blocks.authorization.contract_chains import ContractCheck
from engine.ocpp.blocks.data_transfer.transfer_data import VendorHooks
from engine.ocpp.blocks.monitoring.event_streams import notify_periodic_event_stream_v21
from engine.ocpp.blocks.transactions import get_transaction_status
from engine.ocpp.messages import v21
from engine.ocpp.step import Command, Handler, Protocol, SendHandler

NAME: Final = "ocpp2.1"
# What only 2.1 has, or what 2.1 handles in another way.
INBOUND: Final[Mapping[str, Handler]] = catalogue.handlers(NAME)
OUTBOUND: Final[Mapping[str, Command]] = catalogue.commands(NAME)
SENT: Final[Mapping[str, SendHandler]] = {
    "NotifyPeriodicEventStream": SendHandler(
        request=v21.NotifyPeriodicEventStream, step=notify_periodic_event_stream_v21
    )
}


def protocol(
    vendor_hooks: VendorHooks = MappingProxyType({}),
    contracts: ContractCheck = authorize_v2x.NO_CONTRACTS,
) -> Protocol:
    """As in 2.0.1."""
    base = older.protocol(vendor_hooks, contracts)
    inbound = {
        action: replace(handler, request=v21.ACTIONS[action][0], response=v21.ACTIONS[action][1])
        for action, handler in base.inbound.items()
    }
    outbound = {
        action: replace(command, request=v21.ACTIONS[action][0], response=v21.ACTIONS[action][1])
        for action, command in base.outbound.items()
    }
    return replace(
        base,
        name=NAME,
        inbound={**inbound, **INBOUND},
        outbound={**outbound, **OUTBOUND},
        sent=SENT,
        greeting=get_transaction_status.ask_open_transactions_v21,
    )


PROTOCOL: Final = protocol()
