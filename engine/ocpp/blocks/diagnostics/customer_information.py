"""What a station knows of a customer: CustomerInformation, NotifyCustomerInformation (2.x N09, N10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import UnsetType

from engine.domain import notifications
from engine.domain.changes import Change
from engine.domain.state import ChargePoint
from engine.errors import Invalid
from engine.ocpp.blocks import keeping
from engine.ocpp.blocks.certificates.hashes import CertificateHash, hash_document
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.blocks.tokens import AdditionalInfo, token
from engine.ocpp.declaration import command, define, handler
from engine.ocpp.encoding import Call, Encoding, given
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation
from engine.ocpp.step import Facts, Outcome


class CustomerInformation(Operation, frozen=True):
    """Have the station report or forget what it knows of a customer, who is named in one of three ways."""

    request_id: int
    report: bool = True
    clear: bool = False
    id_tag: str | None = None
    id_type: str = "ISO14443"
    additional_info: tuple[AdditionalInfo, ...] = ()  # of the id tag
    customer: str | None = None  # as the vendor names customers
    certificate: CertificateHash | None = None


def encode_v2x(operation: CustomerInformation, _cp: ChargePoint) -> Sequence[Call]:
    if operation.additional_info and operation.id_tag is None:
        raise Invalid("additionalInfo is of an id tag", {"additionalInfo": ["needs idTag"]})
    members = given(
        customerCertificate=hash_document(operation.certificate) if operation.certificate else None,
        idToken=token(operation.id_tag, operation.id_type, operation.additional_info)
        if operation.id_tag is not None
        else None,
        requestId=operation.request_id,
        report=operation.report,
        clear=operation.clear,
        customerIdentifier=operation.customer,
    )
    return [("CustomerInformation", members)]


def check_customer_information_v2x(
    request: v201.CustomerInformation | v21.CustomerInformation, cp: ChargePoint, now: datetime
) -> list[str]:
    """Something to do (N09.FR.01, FR.07), with a customer who is named one way (N09.FR.04, N10.FR.08)."""
    errors = [] if request.report or request.clear else ["report or clear must be true"]
    named = [request.customer_certificate, request.customer_identifier, request.id_token]
    if sum(1 for one in named if not isinstance(one, UnsetType)) != 1:
        errors.append("exactly one of customerCertificate, customerIdentifier and idToken is required")
    return errors


def notify_customer_information_v2x(
    cp: ChargePoint,
    request: v201.NotifyCustomerInformation | v21.NotifyCustomerInformation,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """Keep one part of what a station knows of a customer (N09.FR.05); subscribers hear of the last one."""
    changes: list[Change] = [keeping.stored(cp, "NotifyCustomerInformation", request, now)]
    if not request.tbc:
        news = notifications.CustomerInformationReceived(
            charge_point_id=cp.id, request_id=request.request_id, timestamp=now
        )
        changes.append(notifications.about(cp, news, now))
    return Outcome(state=cp, reply=response_to(request), changes=changes)


OPERATION: Final = define(CustomerInformation, v2x=Encoding(encode_v2x))
COMMANDS: Final = (command(v201.CustomerInformation, check=check_customer_information_v2x),)
HANDLERS: Final = (handler(v201.NotifyCustomerInformation, notify_customer_information_v2x),)
