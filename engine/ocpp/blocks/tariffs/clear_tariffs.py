"""Clear tariffs: ClearTariffs (2.1 I09)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks import keeping
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given, once
from engine.ocpp.messages import v21
from engine.ocpp.operation import Operation, Result
from engine.ocpp.results import read_status, result_of, settled


class ClearTariffs(Operation, frozen=True):
    """Clear tariffs of these ids or of this EVSE; nothing given: all."""

    tariff_ids: tuple[str, ...] = ()
    evse_number: int | None = None


def encode_v21(operation: ClearTariffs, _cp: ChargePoint) -> Sequence[Call]:
    return [
        ("ClearTariffs", given(tariffIds=once(operation.tariff_ids) or None, evseId=operation.evse_number))
    ]


def read_v21(_operation: object, answers: Sequence[v21.ClearTariffsResponse]) -> Result:
    results = answers[0].clear_tariffs_result
    named = [(one.tariff_id, result_of(one)) for one in results if one.tariff_id]
    # I09: without an id where there was none to clear
    return settled(named) if named else read_status(None, results)


OPERATION: Final = define(ClearTariffs, v21=Encoding(encode_v21, read_v21))
COMMANDS: Final = (command(v21.ClearTariffs, answered=keeping.answer_kept),)
