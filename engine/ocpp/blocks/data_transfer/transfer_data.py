"""Messages of a vendor's own, both ways: DataTransfer (1.6 §4.3, §5.6; 2.x P01, P02).

Those of stations are answered by hooks that are given when the tables are composed.

A hook belongs to one (vendor id, message id); message id "" is a message without one. It is pure, as
handlers are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from engine.domain import notifications
from engine.domain.changes import Change
from engine.domain.state import ChargePoint, Frozen
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given, unsupported_v16
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation, Result
from engine.ocpp.results import as_kind, result_of
from engine.ocpp.step import Facts, Message, Outcome


class TransferData(Operation, frozen=True):
    """Send a message of a vendor's own. OCPP 1.6 knows text only; `data` is any JSON value."""

    vendor_id: str
    message_id: str | None = None
    data: Any = None


class Transferred(Result, frozen=True):
    data: Any = None


MAX_DATA: Final = 65_536  # characters; the text is of undefined length (OCPP 1.6 §6.15), an event's is not


class VendorAnswer(Frozen, frozen=True):
    """What a hook wants answered, written and called."""

    status: Literal["Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"] = "Accepted"
    data: str | None = None
    changes: Sequence[Change] = ()
    calls: Sequence[Message] = ()


VendorHook = Callable[[ChargePoint, str | None, datetime], VendorAnswer]
VendorHooks = Mapping[str, Mapping[str, VendorHook]]  # vendor id → message id → hook


def encode_v16(operation: TransferData, _cp: ChargePoint) -> Sequence[Call]:
    if operation.data is not None and not isinstance(operation.data, str):
        raise unsupported_v16("data but text")
    members = given(vendorId=operation.vendor_id, messageId=operation.message_id, data=operation.data)
    return [("DataTransfer", members)]


def encode_v2x(operation: TransferData, _cp: ChargePoint) -> Sequence[Call]:
    members = given(vendorId=operation.vendor_id, messageId=operation.message_id, data=operation.data)
    return [("DataTransfer", members)]


def read(_operation: object, answers: Sequence[Any]) -> Result:
    """The data that came back, if any; the same in every version."""
    answer = answers[0]
    return as_kind(Transferred, result_of(answer), data=answer.data or None)


def check_data_transfer_v16(request: v16.DataTransfer, cp: ChargePoint, now: datetime) -> list[str]:
    """OCPP 1.6 §5.6: somebody must be addressed, and nobody is to be drowned."""
    return _errors(request.vendor_id, _text(request.data))


def check_data_transfer_v2x(
    request: v201.DataTransfer | v21.DataTransfer, cp: ChargePoint, now: datetime
) -> list[str]:
    """Somebody must be addressed (P01.FR.02), and nobody is to be drowned (P01.FR.04)."""
    return _errors(request.vendor_id, _json_text(request.data))


def _errors(vendor_id: str, data: str | None) -> list[str]:
    errors = [] if vendor_id else ["vendorId must not be empty"]
    if data and len(data) > MAX_DATA:
        errors.append(f"data is longer than {MAX_DATA} characters")
    return errors


def data_transfer_v16(
    hooks: VendorHooks,
) -> Callable[[ChargePoint, v16.DataTransfer, Facts, datetime], Outcome]:
    """The step that knows these vendors; vendor and message ids are compared without case (CiString)."""
    known = _folded(hooks)

    def step(cp: ChargePoint, request: v16.DataTransfer, facts: Facts, now: datetime) -> Outcome:
        """Publish the message and answer as its vendor's hook says (OCPP 1.6 §4.3)."""
        sent = _Sent(request.vendor_id, _text(request.message_id), _text(request.data))
        answer, changes = _answer(known, cp, sent, now)
        reply = v16.DataTransferResponse(
            status=answer.status, data=UNSET if answer.data is None else answer.data
        )
        return Outcome(state=cp, reply=reply, changes=changes, calls=answer.calls)

    return step


def data_transfer_v2x(
    hooks: VendorHooks,
) -> Callable[[ChargePoint, v201.DataTransfer | v21.DataTransfer, Facts, datetime], Outcome]:
    """The same for OCPP 2.x, whose data is any JSON; what is no text reaches the hook as JSON text."""
    known = _folded(hooks)

    def step(
        cp: ChargePoint, request: v201.DataTransfer | v21.DataTransfer, facts: Facts, now: datetime
    ) -> Outcome:
        """Publish the message and answer as its vendor's hook says (P02.FR.06 to FR.08)."""
        sent = _Sent(request.vendor_id, _text(request.message_id), _json_text(request.data))
        answer, changes = _answer(known, cp, sent, now)
        data = UNSET if answer.data is None else answer.data
        reply = response_to(request, status=answer.status, data=data)
        return Outcome(state=cp, reply=reply, changes=changes, calls=answer.calls)

    return step


class _Sent(NamedTuple):
    vendor_id: str
    message_id: str | None
    data: str | None


def _folded(hooks: VendorHooks) -> VendorHooks:
    return {
        vendor.casefold(): {message.casefold(): hook for message, hook in messages.items()}
        for vendor, messages in hooks.items()
    }


def _answer(
    known: VendorHooks, cp: ChargePoint, sent: _Sent, now: datetime
) -> tuple[VendorAnswer, Sequence[Change]]:
    if sent.data and len(sent.data) > MAX_DATA:
        return VendorAnswer(status="Rejected"), ()
    news = notifications.DataTransferReceived(
        charge_point_id=cp.id, vendor_id=sent.vendor_id, message_id=sent.message_id, data=sent.data
    )
    received = notifications.about(cp, news, now)
    messages = known.get(sent.vendor_id.casefold())
    if messages is None:
        return VendorAnswer(status="UnknownVendorId"), (received,)
    hook = messages.get((sent.message_id or "").casefold())
    if hook is None:
        return VendorAnswer(status="UnknownMessageId"), (received,)
    answer = hook(cp, sent.data, now)
    return answer, (received, *answer.changes)


def _text(member: str | UnsetType) -> str | None:
    return None if isinstance(member, UnsetType) else member


def _json_text(member: Any) -> str | None:
    if isinstance(member, UnsetType):
        return None
    return member if isinstance(member, str) else msgspec.json.encode(member).decode()


OPERATION: Final = define(TransferData, v16=Encoding(encode_v16, read), v2x=Encoding(encode_v2x, read))
COMMANDS: Final = (
    command(v16.DataTransfer, check=check_data_transfer_v16),
    command(v201.DataTransfer, check=check_data_transfer_v2x),
)
