"""OCPP 2.0.1 as two tables: what a charging station may send us and what we may send it.

A new action is an entry here and a function in its block; `engine.ocpp.v21` begins with these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from engine.ocpp.blocks import availability, data_transfer, provisioning
from engine.ocpp.messages import v201
from engine.ocpp.step import Command, Handler, Message, Protocol

NAME: Final = "ocpp2.0.1"


def protocol(vendor_hooks: data_transfer.VendorHooks = MappingProxyType({})) -> Protocol:
    """The protocol's tables; `vendor_hooks` answer the DataTransfer messages of the vendors they know."""
    return Protocol(name=NAME, inbound=_inbound(vendor_hooks), outbound=OUTBOUND)


def _handler(request: type[Message], step: Any, **more: Any) -> Handler:
    return Handler(request=request, response=v201.ACTIONS[request.__name__][1], step=step, **more)


def _command(request: type[Message], **more: Any) -> Command:
    return Command(request=request, response=v201.ACTIONS[request.__name__][1], **more)


def _table(entries: list[Any]) -> dict[str, Any]:
    return {entry.request.__name__: entry for entry in entries}


def _inbound(vendor_hooks: data_transfer.VendorHooks) -> Mapping[str, Handler]:
    # before_boot: BootNotification always; while Pending what a trigger or a report can ask for (B02.FR.09).
    return _table([
        _handler(v201.BootNotification, provisioning.boot_notification_v2, before_boot=True),
        _handler(v201.Heartbeat, provisioning.heartbeat_v2, before_boot=True),
        _handler(v201.StatusNotification, availability.status_notification_v2, before_boot=True),
    ])


OUTBOUND: Final[Mapping[str, Command]] = _table([
    _command(v201.ChangeAvailability, check=availability.check_change_availability_v2),
    _command(v201.ClearCache),
    _command(v201.Reset, check=provisioning.check_reset_v2),
    _command(v201.SetNetworkProfile, check=provisioning.check_set_network_profile_v2),
])

PROTOCOL: Final = protocol()
