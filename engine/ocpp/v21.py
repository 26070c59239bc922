"""OCPP 2.1 as two tables: those of 2.0.1 with 2.1's types, and what only 2.1 has.

A new action is an entry in INBOUND or OUTBOUND here and a function in its block; an entry under a name that
2.0.1 has too takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from msgspec.structs import replace

from engine.ocpp import v201 as older
from engine.ocpp.blocks import (
    authorization_v2x,
    certificates,
    data_transfer,
    energy_v21,
    ev_charging,
    event_streams,
    payment_v21,
    reports,
    transactions_v2x,
)
from engine.ocpp.blocks.contract_chains import ContractCheck
from engine.ocpp.messages import v21
from engine.ocpp.step import Command, Handler, Listener, Message, Protocol

NAME: Final = "ocpp2.1"


def _handler(request: type[Message], step: Any, **more: Any) -> Handler:
    return Handler(request=request, response=v21.ACTIONS[request.__name__][1], step=step, **more)


def _command(request: type[Message], **more: Any) -> Command:
    return Command(request=request, response=v21.ACTIONS[request.__name__][1], **more)


def _table(entries: list[Any]) -> dict[str, Any]:
    return {entry.request.__name__: entry for entry in entries}


# What only 2.1 has, or what 2.1 handles in another way.
INBOUND: Final[Mapping[str, Handler]] = _table(
    [
        _handler(v21.BatterySwap, energy_v21.battery_swap_v21),
        _handler(v21.ClosePeriodicEventStream, reports.kept),
        _handler(
            v21.GetCertificateChainStatus,
            certificates.get_certificate_chain_status_v21,
            needs=certificates.chain_status_needs_v21,
        ),
        _handler(v21.NotifyDERAlarm, reports.kept),
        _handler(v21.NotifyDERStartStop, reports.kept),
        _handler(v21.NotifyPriorityCharging, reports.kept),
        _handler(v21.NotifySettlement, reports.kept),
        _handler(v21.NotifyWebPaymentStarted, reports.kept),  # ours to send (C25); some stations send it
        _handler(v21.OpenPeriodicEventStream, event_streams.open_periodic_event_stream_v21),
        _handler(v21.PullDynamicScheduleUpdate, ev_charging.pull_dynamic_schedule_update_v21),
        _handler(v21.ReportDERControl, reports.kept),
        _handler(v21.VatNumberValidation, payment_v21.vat_number_validation_v21),
    ]
)
OUTBOUND: Final[Mapping[str, Command]] = _table(
    [
        _command(v21.AFRRSignal),
        _command(v21.AdjustPeriodicEventStream, check=event_streams.check_adjust_periodic_event_stream_v21),
        _command(v21.ChangeTransactionTariff, check=payment_v21.check_change_transaction_tariff_v21),
        _command(v21.ClearDERControl, check=energy_v21.check_clear_der_control_v21),
        _command(v21.ClearTariffs, answered=reports.answer_kept),
        _command(v21.GetDERControl, check=energy_v21.check_get_der_control_v21),
        _command(v21.GetPeriodicEventStream, answered=reports.answer_kept),
        _command(v21.GetTariffs, answered=reports.answer_kept),
        _command(v21.NotifyAllowedEnergyTransfer, check=energy_v21.check_notify_allowed_energy_transfer_v21),
        _command(v21.NotifyWebPaymentStarted),
        _command(v21.RequestBatterySwap),
        _command(v21.SetDERControl, check=energy_v21.check_set_der_control_v21),
        _command(v21.SetDefaultTariff, check=payment_v21.check_set_default_tariff_v21),
        _command(
            v21.UpdateDynamicSchedule,
            check=ev_charging.check_update_dynamic_schedule_v21,
            answered=ev_charging.update_dynamic_schedule_answered_v21,
        ),
        _command(v21.UsePriorityCharging, check=ev_charging.check_use_priority_charging_v21),
    ]
)
SENT: Final[Mapping[str, Listener]] = _table(
    [
        Listener(request=v21.NotifyPeriodicEventStream, step=event_streams.notify_periodic_event_stream_v21),
    ]
)


def protocol(
    vendor_hooks: data_transfer.VendorHooks = MappingProxyType({}),
    contracts: ContractCheck = authorization_v2x.NO_CONTRACTS,
) -> Protocol:
    """As in 2.0.1."""
    base = older.protocol(vendor_hooks, contracts)
    inbound = {
        action: replace(handler, request=v21.ACTIONS[action][0], response=v21.ACTIONS[action][1])
        for action, handler in base.inbound.items()
    }
    outbound = {
        action: replace(command, request=v21.ACTIONS[action][0], response=v21.ACTIONS[action][1])
        for action, command in base.outbound.items()
    }
    return replace(
        base,
        name=NAME,
        inbound={**inbound, **INBOUND},
        outbound={**outbound, **OUTBOUND},
        sent=SENT,
        greeting=transactions_v2x.ask_open_transactions_v21,
    )


PROTOCOL: Final = protocol()
