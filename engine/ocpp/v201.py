"""OCPP 2.0.1 as two tables: what a charging station may send us and what we may send it.

The modules of the blocks declare all of it but what is composed from outside: the answers to DataTransfer,
and what Authorize says of contract certificates. `engine.ocpp.v21` begins with these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.ocpp import catalogue
from engine.ocpp.blocks import before_boot
from engine.ocpp.blocks.authorization import authorize_v2x
from engine.ocpp.blocks.authorization.contract_chains import ContractCheck
from engine.ocpp.blocks.data_transfer.transfer_data import VendorHooks, data_transfer_v2x
from engine.ocpp.blocks.transactions import get_transaction_status
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v201
from engine.ocpp.step import Command, Handler, Protocol

NAME: Final = "ocpp2.0.1"


def protocol(
    vendor_hooks: VendorHooks = MappingProxyType({}),
    contracts: ContractCheck = authorize_v2x.NO_CONTRACTS,
) -> Protocol:
    """The protocol's tables; `vendor_hooks` answer the DataTransfer messages of the vendors they know.

    `contracts` judges the certificates of vehicles that an Authorize brings.
    """
    return Protocol(
        name=NAME,
        inbound=_inbound(vendor_hooks, contracts),
        outbound=OUTBOUND,
        greeting=get_transaction_status.ask_open_transactions_v201,
    )


def _inbound(vendor_hooks: VendorHooks, contracts: ContractCheck) -> Mapping[str, Handler]:
    composed = (
        handler(
            v201.Authorize,
            authorize_v2x.authorize_v2x(contracts),
            needs=authorize_v2x.authorize_needs_v2x(contracts),
        ),
        handler(v201.DataTransfer, data_transfer_v2x(vendor_hooks)),
    )
    handlers = {**catalogue.handlers(NAME), **{one.request.__name__: one for one in composed}}
    # Before its boot is accepted a station sends only what it was asked for (B02.FR.02).
    return {
        action: before_boot.only_if_asked(one) if action in before_boot.CAN_BE_ASKED else one
        for action, one in handlers.items()
    }


OUTBOUND: Final[Mapping[str, Command]] = {
    action: before_boot.asking(one) if action == before_boot.TRIGGER or action in before_boot.RESULTS else one
    for action, one in catalogue.commands(NAME).items()
}
PROTOCOL: Final = protocol()
