"""OCPP 1.6 as two tables: what a charge point may send us and what we may send it.

Covers the six feature profiles and the security whitepaper's messages. The modules of the blocks declare
most of it; what they cannot declare for themselves stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.ocpp import catalogue
from engine.ocpp.blocks.authorization import authorize_v16
from engine.ocpp.blocks.data_transfer.transfer_data import VendorHooks, data_transfer_v16
from engine.ocpp.blocks.metering import meter_values
from engine.ocpp.blocks.transactions import transactions_v16
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v16
from engine.ocpp.step import Command, Handler, Protocol

NAME: Final = "ocpp1.6"


def protocol(vendor_hooks: VendorHooks = MappingProxyType({})) -> Protocol:
    """The protocol's tables; `vendor_hooks` answer the DataTransfer messages of the vendors they know."""
    return Protocol(name=NAME, inbound=_inbound(vendor_hooks), outbound=OUTBOUND)


def _inbound(vendor_hooks: VendorHooks) -> Mapping[str, Handler]:
    # before_boot: BootNotification always; while Pending what a trigger can ask for (OCPP 1.6 §4.2).
    handlers = (
        handler(v16.Authorize, authorize_v16.authorize_v16, needs=authorize_v16.authorize_needs_v16),
        handler(v16.DataTransfer, data_transfer_v16(vendor_hooks)),
        handler(
            v16.MeterValues,
            meter_values.meter_values_v16,
            needs=meter_values.meter_values_needs_v16,
            before_boot=True,
        ),
        handler(
            v16.StartTransaction,
            transactions_v16.start_transaction_v16,
            needs=transactions_v16.start_transaction_needs_v16,
        ),
        handler(
            v16.StopTransaction,
            transactions_v16.stop_transaction_v16,
            needs=transactions_v16.stop_transaction_needs_v16,
        ),
    )
    return {**catalogue.handlers(NAME), **{one.request.__name__: one for one in handlers}}


OUTBOUND: Final[Mapping[str, Command]] = catalogue.commands(NAME)
PROTOCOL: Final = protocol()
