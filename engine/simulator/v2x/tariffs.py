"""Default tariffs of an OCPP 2.1 station (I07 to I12): kept and told; it counts no cost of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.simulator.v2x.reply import Reply, running, status

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x


class Tariffs:
    """The default tariff of each EVSE, as the server gave it; they survive reboots."""

    def __init__(self, evses: int) -> None:
        self._evses = range(1, evses + 1)
        self._defaults: dict[int, Any] = {}

    def meant(self, evse: int) -> list[int]:
        """The EVSEs that a number names, where 0 means all."""
        return list(self._evses) if evse == 0 else [evse] if evse in self._evses else []

    def put(self, evses: list[int], tariff: Any) -> bool:
        """False if another EVSE has a different tariff of this id."""
        if any(
            known.tariff_id == tariff.tariff_id and known != tariff
            for evse, known in self._defaults.items()
            if evse not in evses
        ):
            return False
        self._defaults.update(dict.fromkeys(evses, tariff))
        return True

    def assigned(self, evses: list[int]) -> dict[str, list[int]]:
        """Tariff id → the EVSEs it is the default of."""
        found: dict[str, list[int]] = {}
        for evse in evses:
            if evse in self._defaults:
                found.setdefault(self._defaults[evse].tariff_id, []).append(evse)
        return found

    def clear(self, tariff_id: str, evses: list[int]) -> bool:
        gone = [e for e in evses if e in self._defaults and self._defaults[e].tariff_id == tariff_id]
        for evse in gone:
            del self._defaults[evse]
        return bool(gone)


def set_default_tariff(charger: Charger2x, request: Any) -> Reply:
    """I07"""
    evses = charger.tariffs.meant(request.evse_id)
    if not evses:
        return status("Rejected")
    return status("Accepted" if charger.tariffs.put(evses, request.tariff) else "DuplicateTariffId")


def get_tariffs(charger: Charger2x, request: Any) -> Reply:
    """I09"""
    evses = charger.tariffs.meant(request.evse_id)
    if not evses:
        return status("Rejected")
    assigned = charger.tariffs.assigned(evses)
    if not assigned:
        return status("NoTariff")
    assignments = [
        {"tariffId": number, "tariffKind": "DefaultTariff", "evseIds": places}
        for number, places in assigned.items()
    ]
    return status("Accepted", tariffAssignments=assignments)


def clear_tariffs(charger: Charger2x, request: Any) -> Reply:
    """I10"""
    evses = charger.tariffs.meant(request.evse_id or 0)
    wanted = request.tariff_ids or list(charger.tariffs.assigned(evses))
    results = [
        {"tariffId": number, "status": "Accepted" if charger.tariffs.clear(number, evses) else "NoTariff"}
        for number in wanted
    ]
    return Reply({"clearTariffsResult": results or [{"status": "NoTariff"}]})


def change_transaction_tariff(charger: Charger2x, request: Any) -> Reply:
    """I11: taken for what runs; no cost is counted from it."""
    return status("TxNotFound" if running(charger, request.transaction_id) is None else "Accepted")
