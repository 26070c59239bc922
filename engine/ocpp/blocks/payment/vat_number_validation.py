"""VAT numbers that a driver gives at a station: VatNumberValidation (2.1).

A number is judged by the form that its country prescribes; no register is asked, so no company comes with
the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks import keeping
from engine.ocpp.declaration import handler
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
    return Outcome(state=cp, reply=reply, changes=keeping.published(cp, request, now))


HANDLERS: Final = (handler(v21.VatNumberValidation, vat_number_validation_v21),)
