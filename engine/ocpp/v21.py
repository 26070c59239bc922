"""OCPP 2.1 as two tables: those of 2.0.1 with 2.1's types, and what only 2.1 has.

A new action is an entry in INBOUND or OUTBOUND here and a function in its block; an entry under a name that
2.0.1 has too takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from engine.ocpp import v201 as older
from engine.ocpp.blocks import data_transfer
from engine.ocpp.messages import v21
from engine.ocpp.step import Command, Handler, Protocol

NAME: Final = "ocpp2.1"

# What only 2.1 has, or what 2.1 handles in another way.
INBOUND: Final[Mapping[str, Handler]] = {}
OUTBOUND: Final[Mapping[str, Command]] = {}


def protocol(vendor_hooks: data_transfer.VendorHooks = MappingProxyType({})) -> Protocol:
    """The protocol's tables; `vendor_hooks` answer the DataTransfer messages of the vendors they know."""
    base = older.protocol(vendor_hooks)
    inbound = {
        action: replace(handler, request=v21.ACTIONS[action][0], response=v21.ACTIONS[action][1])
        for action, handler in base.inbound.items()
    }
    outbound = {
        action: replace(command, request=v21.ACTIONS[action][0], response=v21.ACTIONS[action][1])
        for action, command in base.outbound.items()
    }
    return replace(base, name=NAME, inbound={**inbound, **INBOUND}, outbound={**outbound, **OUTBOUND})


PROTOCOL: Final = protocol()
