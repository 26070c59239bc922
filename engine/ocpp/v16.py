"""OCPP 1.6 as two tables: what a charge point may send us and what we may send it.

Covers the six feature profiles and the security whitepaper's messages. The modules of the blocks declare
all of it but the answers to DataTransfer, which take hooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.ocpp import catalogue
from engine.ocpp.blocks.data_transfer.transfer_data import VendorHooks, data_transfer_v16
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v16
from engine.ocpp.step import Command, Handler, Protocol

NAME: Final = "ocpp1.6"


def protocol(vendor_hooks: VendorHooks = MappingProxyType({})) -> Protocol:
    """The protocol's tables; `vendor_hooks` answer the DataTransfer messages of the vendors they know."""
    return Protocol(name=NAME, inbound=_inbound(vendor_hooks), outbound=OUTBOUND)


def _inbound(vendor_hooks: VendorHooks) -> Mapping[str, Handler]:
    hooked = handler(v16.DataTransfer, data_transfer_v16(vendor_hooks))
    return {**catalogue.handlers(NAME), "DataTransfer": hooked}


OUTBOUND: Final[Mapping[str, Command]] = catalogue.commands(NAME)
PROTOCOL: Final = protocol()
