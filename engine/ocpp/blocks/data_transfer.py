"""DataTransfer: messages of a vendor's own, answered by hooks that are given when the tables are composed.

A hook belongs to one (vendor id, message id); message id "" is a message without one. It is pure, as
handlers are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import UNSET, UnsetType

from engine.domain import notifications
from engine.domain.changes import Change
from engine.domain.state import ChargePoint, Frozen
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts, Message, Outcome

MAX_DATA: Final = 65_536  # characters; the text is of undefined length (OCPP 1.6 §6.15), an event's is not


class VendorAnswer(Frozen, frozen=True):
    """What a hook wants answered, written and called."""

    status: Literal["Accepted", "Rejected"] = "Accepted"
    data: str | None = None
    changes: Sequence[Change] = ()
    calls: Sequence[Message] = ()


VendorHook = Callable[[ChargePoint, str | None, datetime], VendorAnswer]
VendorHooks = Mapping[str, Mapping[str, VendorHook]]  # vendor id → message id → hook


def data_transfer_v16(
    hooks: VendorHooks,
) -> Callable[[ChargePoint, v16.DataTransfer, Facts, datetime], Outcome]:
    """The step that knows these vendors; vendor and message ids are compared without case (CiString)."""
    known = {
        vendor.casefold(): {message.casefold(): hook for message, hook in messages.items()}
        for vendor, messages in hooks.items()
    }

    def step(cp: ChargePoint, request: v16.DataTransfer, facts: Facts, now: datetime) -> Outcome:
        """Publish the message and answer as its vendor's hook says (OCPP 1.6 §4.3)."""
        if request.data and len(request.data) > MAX_DATA:
            return Outcome(state=cp, reply=v16.DataTransferResponse(status="Rejected"))
        received = notifications.about(cp, _notification(cp, request), now)
        messages = known.get(request.vendor_id.casefold())
        if messages is None:
            return Outcome(
                state=cp, reply=v16.DataTransferResponse(status="UnknownVendorId"), changes=(received,)
            )
        hook = messages.get((request.message_id or "").casefold())
        if hook is None:
            return Outcome(
                state=cp, reply=v16.DataTransferResponse(status="UnknownMessageId"), changes=(received,)
            )
        answer = hook(cp, _text(request.data), now)
        reply = v16.DataTransferResponse(
            status=answer.status, data=UNSET if answer.data is None else answer.data
        )
        return Outcome(state=cp, reply=reply, changes=(received, *answer.changes), calls=answer.calls)

    return step


def check_data_transfer_v16(request: v16.DataTransfer, cp: ChargePoint, now: datetime) -> list[str]:
    """OCPP 1.6 §5.6: somebody must be addressed, and nobody is to be drowned."""
    errors = [] if request.vendor_id else ["vendorId must not be empty"]
    if request.data and len(request.data) > MAX_DATA:
        errors.append(f"data is longer than {MAX_DATA} characters")
    return errors


def _notification(cp: ChargePoint, request: v16.DataTransfer) -> notifications.DataTransferReceived:
    return notifications.DataTransferReceived(
        charge_point_id=cp.id,
        vendor_id=request.vendor_id,
        message_id=_text(request.message_id),
        data=_text(request.data),
    )


def _text(member: str | UnsetType) -> str | None:
    return None if isinstance(member, UnsetType) else member
