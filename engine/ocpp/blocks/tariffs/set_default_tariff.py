"""Set a tariff for new transactions: SetDefaultTariff (2.1 I07)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21
from engine.ocpp.operation import Operation


class SetDefaultTariff(Operation, frozen=True):
    """Set a tariff for new transactions, in the shape of 2.1's TariffType; EVSE 0: all of them."""

    tariff: Mapping[str, Any]
    evse_number: int = 0


def encode_v21(operation: SetDefaultTariff, _cp: ChargePoint) -> Sequence[Call]:
    return [("SetDefaultTariff", {"evseId": operation.evse_number, "tariff": operation.tariff})]


CURRENCY: Final = re.compile(r"[A-Z]{3}")  # ISO 4217


def check_set_default_tariff_v21(request: v21.SetDefaultTariff, cp: ChargePoint, now: datetime) -> list[str]:
    """It prices something, in some money (I07)."""
    return tariff_errors(request.tariff)


def tariff_errors(tariff: v21.Tariff) -> list[str]:
    """A tariff prices something, in some money."""
    errors = [] if CURRENCY.fullmatch(tariff.currency) else ["tariff.currency must be an ISO 4217 code"]
    priced = (
        tariff.energy, tariff.charging_time, tariff.idle_time, tariff.fixed_fee, tariff.reservation_time,
        tariff.reservation_fixed,
    )  # fmt: skip
    if not any(priced):
        errors.append("tariff must price something")
    if not tariff.tariff_id:
        errors.append("tariff.tariffId must not be empty")
    return errors


OPERATION: Final = define(SetDefaultTariff, v21=Encoding(encode_v21))
COMMANDS: Final = (command(v21.SetDefaultTariff, check=check_set_default_tariff_v21),)
