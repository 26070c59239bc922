"""Intents of `intents_energy` in OCPP's words: the costs of a transaction in 2.0.1, all of them in 2.1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp import intents_energy as want
from engine.ocpp.blocks.energy_v21 import CURVE, DER_MEMBERS
from engine.ocpp.intents import Intent, Result, Verdict
from engine.ocpp.messages import v21
from engine.ocpp.phrases import Phrase, Said, as_, given, once, plain, settled, told
from engine.ocpp.phrases_v2x import token

MEMBERS: Final = dict(
    zip(v21.SetDERControl.__struct_fields__, v21.SetDERControl.__struct_encode_fields__, strict=True)
)

# --- grid --------------------------------------------------------------------------------------------------


def _set_der(intent: want.SetDerControl, _cp: ChargePoint) -> Sequence[Said]:
    member = MEMBERS[DER_MEMBERS.get(intent.type, CURVE)]
    control = {
        "isDefault": intent.default,
        "controlId": intent.control_id,
        "controlType": intent.type,
        member: intent.setting,
    }
    return [("SetDERControl", control)]


def _der_set(_intent: object, answers: Sequence[v21.SetDERControlResponse]) -> Result:
    return as_(want.DerControlSet, told(answers[0]), superseded=tuple(answers[0].superseded_ids or ()))


def _report_der(intent: want.ReportDerControls, _cp: ChargePoint) -> Sequence[Said]:
    members = given(
        requestId=intent.request_id,
        isDefault=intent.default,
        controlType=intent.type,
        controlId=intent.control_id,
    )
    return [("GetDERControl", members)]


def _clear_der(intent: want.ClearDerControls, _cp: ChargePoint) -> Sequence[Said]:
    members = given(isDefault=intent.default, controlType=intent.type, controlId=intent.control_id)
    return [("ClearDERControl", members)]


def _reserve_signal(intent: want.SignalReserve, _cp: ChargePoint) -> Sequence[Said]:
    return [("AFRRSignal", {"timestamp": intent.at, "signal": intent.signal})]


def _dynamic(intent: want.UpdateDynamicSchedule, _cp: ChargePoint) -> Sequence[Said]:
    members = {"chargingProfileId": intent.profile_id, "scheduleUpdate": intent.values}
    return [("UpdateDynamicSchedule", members)]


def _priority(intent: want.UsePriorityCharging, _cp: ChargePoint) -> Sequence[Said]:
    return [("UsePriorityCharging", {"transactionId": intent.transaction_id, "activate": intent.active})]


def _transfer_modes(intent: want.AllowEnergyTransfer, _cp: ChargePoint) -> Sequence[Said]:
    members = {"transactionId": intent.transaction_id, "allowedEnergyTransfer": list(intent.modes)}
    return [("NotifyAllowedEnergyTransfer", members)]


def _swap(intent: want.RequestBatterySwap, _cp: ChargePoint) -> Sequence[Said]:
    tag = token(intent.id_tag, intent.id_type, intent.additional_info)
    return [("RequestBatterySwap", {"idToken": tag, "requestId": intent.request_id})]


# --- money -------------------------------------------------------------------------------------------------


def _cost(intent: want.UpdateCost, _cp: ChargePoint) -> Sequence[Said]:
    return [("CostUpdated", {"totalCost": intent.total, "transactionId": intent.transaction_id})]


def _default_tariff(intent: want.SetDefaultTariff, _cp: ChargePoint) -> Sequence[Said]:
    return [("SetDefaultTariff", {"evseId": intent.evse_number, "tariff": intent.tariff})]


def _get_tariffs(intent: want.GetTariffs, _cp: ChargePoint) -> Sequence[Said]:
    return [("GetTariffs", {"evseId": intent.evse_number})]


def _tariffs(_intent: object, answers: Sequence[v21.GetTariffsResponse]) -> Result:
    (answer,) = answers
    assignments = tuple(
        want.TariffAssignment(
            tariff_id=one.tariff_id,
            kind=one.tariff_kind,
            valid_from=one.valid_from or None,
            evse_numbers=tuple(one.evse_ids or ()),
            id_tags=tuple(one.id_tokens or ()),
        )
        for one in answer.tariff_assignments or ()
    )
    return as_(want.Tariffs, told(answer), assignments=assignments)


def _clear_tariffs(intent: want.ClearTariffs, _cp: ChargePoint) -> Sequence[Said]:
    return [("ClearTariffs", given(tariffIds=once(intent.tariff_ids) or None, evseId=intent.evse_number))]


def _tariffs_cleared(_intent: object, answers: Sequence[v21.ClearTariffsResponse]) -> Result:
    results = answers[0].clear_tariffs_result
    named = [(one.tariff_id, told(one)) for one in results if one.tariff_id]
    # I09: without an id where there was none to clear
    return settled(named) if named else plain(None, results)


def _change_tariff(intent: want.ChangeTariff, _cp: ChargePoint) -> Sequence[Said]:
    return [("ChangeTransactionTariff", {"transactionId": intent.transaction_id, "tariff": intent.tariff})]


def _web_payment(intent: want.ShowWebPayment, _cp: ChargePoint) -> Sequence[Said]:
    return [("NotifyWebPaymentStarted", {"evseId": intent.evse_number, "timeout": intent.timeout})]


# --- event streams -----------------------------------------------------------------------------------------


def _get_streams(_intent: want.GetEventStreams, _cp: ChargePoint) -> Sequence[Said]:
    return [("GetPeriodicEventStream", {})]


def _streams(_intent: object, answers: Sequence[v21.GetPeriodicEventStreamResponse]) -> Result:
    streams = tuple(
        want.EventStream(
            stream_id=one.id,
            monitor_id=one.variable_monitoring_id,
            interval=one.params.interval or None,
            values=one.params.values or None,
        )
        for one in answers[0].constant_stream_data or ()
    )
    return want.EventStreams(verdict=Verdict.ACCEPTED, word="Accepted", streams=streams)


def _adjust_stream(intent: want.AdjustEventStream, _cp: ChargePoint) -> Sequence[Said]:
    params = given(interval=intent.interval, values=intent.values)
    return [("AdjustPeriodicEventStream", {"id": intent.stream_id, "params": params})]


PHRASES_201: Final[Mapping[type[Intent], Phrase]] = {
    want.UpdateCost: Phrase(say=_cost, read=plain),
}
PHRASES_21: Final[Mapping[type[Intent], Phrase]] = {
    **PHRASES_201,
    want.AdjustEventStream: Phrase(say=_adjust_stream, read=plain),
    want.AllowEnergyTransfer: Phrase(say=_transfer_modes, read=plain),
    want.ChangeTariff: Phrase(say=_change_tariff, read=plain),
    want.ClearDerControls: Phrase(say=_clear_der, read=plain),
    want.ClearTariffs: Phrase(say=_clear_tariffs, read=_tariffs_cleared),
    want.GetEventStreams: Phrase(say=_get_streams, read=_streams),
    want.GetTariffs: Phrase(say=_get_tariffs, read=_tariffs),
    want.ReportDerControls: Phrase(say=_report_der, read=plain),
    want.RequestBatterySwap: Phrase(say=_swap, read=plain),
    want.SetDefaultTariff: Phrase(say=_default_tariff, read=plain),
    want.SetDerControl: Phrase(say=_set_der, read=_der_set),
    want.ShowWebPayment: Phrase(say=_web_payment, read=plain),
    want.SignalReserve: Phrase(say=_reserve_signal, read=plain),
    want.UpdateDynamicSchedule: Phrase(say=_dynamic, read=plain),
    want.UsePriorityCharging: Phrase(say=_priority, read=plain),
}
