"""Ask which tariffs a station holds: GetTariffs (2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks import keeping
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21
from engine.ocpp.operation import Document, Moment, Operation, Result
from engine.ocpp.results import as_kind, result_of


class GetTariffs(Operation, frozen=True):
    """Which tariffs the station holds; EVSE 0: all."""

    evse_number: int = 0


class TariffAssignment(Document, frozen=True):
    tariff_id: str
    kind: str  # DefaultTariff or DriverTariff
    valid_from: Moment | None = None
    evse_numbers: tuple[int, ...] = ()
    id_tags: tuple[str, ...] = ()


class Tariffs(Result, frozen=True):
    assignments: tuple[TariffAssignment, ...] = ()


def encode_v21(operation: GetTariffs, _cp: ChargePoint) -> Sequence[Call]:
    return [("GetTariffs", {"evseId": operation.evse_number})]


def read_v21(_operation: object, answers: Sequence[v21.GetTariffsResponse]) -> Result:
    (answer,) = answers
    assignments = tuple(
        TariffAssignment(
            tariff_id=one.tariff_id,
            kind=one.tariff_kind,
            valid_from=one.valid_from or None,
            evse_numbers=tuple(one.evse_ids or ()),
            id_tags=tuple(one.id_tokens or ()),
        )
        for one in answer.tariff_assignments or ()
    )
    return as_kind(Tariffs, result_of(answer), assignments=assignments)


OPERATION: Final = define(GetTariffs, v21=Encoding(encode_v21, read_v21))
COMMANDS: Final = (command(v21.GetTariffs, answered=keeping.answer_kept),)
