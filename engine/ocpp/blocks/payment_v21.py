"""Tariffs at the station, local and ad-hoc payment, VAT numbers: what OCPP 2.1 adds to block I and C.

What a station settled is kept for accounting. A VAT number is judged by the form that its country prescribes;
no register is asked, so no company comes with the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks import reports
from engine.ocpp.messages import v21
from engine.ocpp.step import Facts, Outcome

# Forms behind the country's letters, by the European Commission's VIES (Greece is EL there).
VAT_FORMS: Final[Mapping[str, str]] = {
    "AT": r"U\d{8}", "BE": r"[01]\d{9}", "BG": r"\d{9,10}", "CY": r"\d{8}[A-Z]", "CZ": r"\d{8,10}",
    "DE": r"\d{9}", "DK": r"\d{8}", "EE": r"\d{9}", "EL": r"\d{9}", "ES": r"[A-Z0-9]\d{7}[A-Z0-9]",
    "FI": r"\d{8}", "FR": r"[A-HJ-NP-Z0-9]{2}\d{9}", "GB": r"(\d{9}|\d{12}|(GD|HA)\d{3})",
    "HR": r"\d{11}", "HU": r"\d{8}", "IE": r"(\d{7}[A-W][A-I]?|\d[A-Z+*]\d{5}[A-W])", "IT": r"\d{11}",
    "LT": r"(\d{9}|\d{12})", "LU": r"\d{8}", "LV": r"\d{11}", "MT": r"\d{8}", "NL": r"\d{9}B\d{2}",
    "PL": r"\d{10}", "PT": r"\d{9}", "RO": r"\d{2,10}", "SE": r"\d{10}01", "SI": r"\d{8}",
    "SK": r"\d{10}", "XI": r"(\d{9}|\d{12}|(GD|HA)\d{3})",
}  # fmt: skip
CURRENCY: Final = re.compile(r"[A-Z]{3}")  # ISO 4217


def vat_number_validation_v21(
    cp: ChargePoint, request: v21.VatNumberValidation, facts: Facts, now: datetime
) -> Outcome:
    """Accepted where the number has its country's form; the station shows it on the invoice."""
    number = re.sub(r"[ .-]", "", request.vat_number).upper()
    form = VAT_FORMS.get(number[:2])
    valid = form is not None and re.fullmatch(form, number[2:]) is not None
    reply = v21.VatNumberValidationResponse(
        vat_number=request.vat_number, evse_id=request.evse_id, status="Accepted" if valid else "Rejected"
    )
    return Outcome(state=cp, reply=reply, changes=reports.told(cp, request, now))


def check_set_default_tariff_v21(request: v21.SetDefaultTariff, cp: ChargePoint, now: datetime) -> list[str]:
    """It prices something, in some money (I07)."""
    return _tariff_errors(request.tariff)


def check_change_transaction_tariff_v21(
    request: v21.ChangeTransactionTariff, cp: ChargePoint, now: datetime
) -> list[str]:
    """Of a transaction that runs here (I11)."""
    errors = _tariff_errors(request.tariff)
    if request.transaction_id not in cp.sessions:
        errors.append("transactionId is not running at this station")
    return errors


def _tariff_errors(tariff: v21.Tariff) -> list[str]:
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
