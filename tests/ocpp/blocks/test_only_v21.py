"""What only 2.1 has: grid control, tariffs, VAT numbers, event streams, and messages that are merely kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.changes import EventPublished, ReportStored
from engine.domain.state import ChargePoint
from engine.ocpp import v21 as protocol
from engine.ocpp.blocks import keeping
from engine.ocpp.blocks.der_control.clear_der_controls import check_clear_der_control_v21
from engine.ocpp.blocks.der_control.report_der_controls import check_get_der_control_v21
from engine.ocpp.blocks.der_control.set_der_control import check_set_der_control_v21
from engine.ocpp.blocks.diagnostics.get_log import check_get_log_v2x
from engine.ocpp.blocks.monitoring.event_streams import notify_periodic_event_stream_v21
from engine.ocpp.blocks.payment.vat_number_validation import vat_number_validation_v21
from engine.ocpp.blocks.tariffs.change_tariff import check_change_transaction_tariff_v21
from engine.ocpp.blocks.tariffs.set_default_tariff import check_set_default_tariff_v21
from engine.ocpp.messages import v21
from engine.ocpp.step import Facts


@pytest.fixture
def newest(cp: ChargePoint) -> ChargePoint:
    return replace(cp, version="ocpp2.1")


@pytest.mark.proves("2.1", "NotifyDERAlarm")
def test_a_message_without_a_matter_is_kept_published_and_acknowledged(
    newest: ChargePoint, now: datetime
) -> None:
    request = v21.NotifyDERAlarm(control_type="LVMustTrip", timestamp=now, extra_info="why")
    outcome = keeping.kept(newest, request, Facts(), now)
    assert outcome.reply == v21.NotifyDERAlarmResponse()
    assert outcome.durable
    row, event = outcome.changes
    assert isinstance(row, ReportStored)
    assert (row.charge_point_id, row.action, row.request_id) == (12, "NotifyDERAlarm", None)
    assert msgspec.json.decode(row.payload, type=v21.NotifyDERAlarm) == request
    assert isinstance(event, EventPublished)
    assert msgspec.json.decode(event.payload)["payload"]["extraInfo"] == "why"


@pytest.mark.proves("2.1", "ReportDERControl")
def test_a_report_is_found_by_its_request(newest: ChargePoint, now: datetime) -> None:
    request = v21.ReportDERControl(request_id=31)
    row = keeping.kept(newest, request, Facts(), now).changes[0]
    assert isinstance(row, ReportStored)
    assert row.request_id == 31


@pytest.mark.proves("2.1", "GetTariffs")
def test_an_answer_is_kept_under_its_request(newest: ChargePoint, now: datetime) -> None:
    response = v21.GetTariffsResponse(status="NoTariff")
    outcome = keeping.answer_kept(newest, v21.GetTariffs(evse_id=1), response, now)
    assert outcome.state is newest
    assert outcome.changes == (
        ReportStored(
            charge_point_id=12, action="GetTariffs", request_id=None, payload=b'{"status":"NoTariff"}', at=now
        ),
    )


FIXED = v21.FixedVar(priority=1, setpoint=5.0, unit="PctMaxW")
CURVE = v21.DERCurve(curve_data=[v21.DERCurvePoints(x=1.0, y=2.0)], priority=1, y_unit="PctMaxW")


@pytest.mark.proves("2.1", "SetDERControl")
@pytest.mark.parametrize(
    ("kind", "members", "good"),
    [
        ("FixedVar", {"fixed_var": FIXED}, True),
        ("VoltWatt", {"curve": CURVE}, True),
        ("FixedVar", {"curve": CURVE}, False),
        ("VoltWatt", {"fixed_var": FIXED}, False),
        ("VoltWatt", {"curve": CURVE, "fixed_var": FIXED}, False),
        ("VoltWatt", {}, False),
    ],
)
def test_a_grid_control_carries_the_setting_of_its_type(
    newest: ChargePoint, now: datetime, kind: Any, members: Any, good: bool
) -> None:
    request = v21.SetDERControl(is_default=True, control_id="c", control_type=kind, **members)
    assert (check_set_der_control_v21(request, newest, now) == []) is good


@pytest.mark.proves("2.1", "SetDERControl")
def test_a_default_control_has_no_beginning(newest: ChargePoint, now: datetime) -> None:
    timed = replace(CURVE, start_time=now)
    for default, good in ((True, False), (False, True)):
        request = v21.SetDERControl(is_default=default, control_id="c", control_type="VoltWatt", curve=timed)
        assert (check_set_der_control_v21(request, newest, now) == []) is good


@pytest.mark.proves("2.1", "SetDERControl")
@pytest.mark.parametrize("default", [True, False])
def test_some_grid_controls_are_default_ones_only(newest: ChargePoint, now: datetime, default: bool) -> None:
    request = v21.SetDERControl(
        is_default=default,
        control_id="c",
        control_type="Gradients",
        gradient=v21.Gradient(priority=1, gradient=1.0, soft_gradient=1.0),
    )
    reasons = check_set_der_control_v21(request, newest, now)
    assert (reasons == []) if default else ["R04.FR.14" in one for one in reasons] == [True]


@pytest.mark.proves("2.1", "VatNumberValidation")
@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("DE123456789", "Accepted"),
        ("de 123.456-789", "Accepted"),
        ("NL123456789B01", "Accepted"),
        ("ATU12345678", "Accepted"),
        ("DE12345678", "Rejected"),
        ("AT12345678", "Rejected"),
        ("ZZ123456789", "Rejected"),
        ("", "Rejected"),
    ],
)
def test_a_vat_number_has_its_countrys_form(
    newest: ChargePoint, now: datetime, number: str, status: Any
) -> None:
    request = v21.VatNumberValidation(vat_number=number, evse_id=1)
    reply = vat_number_validation_v21(newest, request, Facts(), now).reply
    assert reply == v21.VatNumberValidationResponse(vat_number=number, evse_id=1, status=status)


@pytest.mark.proves("2.1", "SetDefaultTariff")
def test_a_tariff_prices_something_in_some_money(newest: ChargePoint, now: datetime) -> None:
    def reasons(**members: Any) -> list[str]:
        tariff = v21.Tariff(**{"tariff_id": "t", "currency": "EUR", **members})
        return check_set_default_tariff_v21(v21.SetDefaultTariff(evse_id=0, tariff=tariff), newest, now)

    energy = v21.TariffEnergy(prices=[v21.TariffEnergyPrice(price_kwh=0.3)])
    assert reasons(energy=energy) == []
    assert reasons() == ["tariff must price something"]
    assert reasons(energy=energy, currency="eur") == ["tariff.currency must be an ISO 4217 code"]


@pytest.mark.proves("2.1", "ChangeTransactionTariff")
def test_a_running_transaction_alone_gets_another_tariff(newest: ChargePoint, now: datetime) -> None:
    energy = v21.TariffEnergy(prices=[v21.TariffEnergyPrice(price_kwh=0.3)])
    tariff = v21.Tariff(tariff_id="t", currency="EUR", energy=energy)
    request = v21.ChangeTransactionTariff(tariff=tariff, transaction_id="gone")
    assert check_change_transaction_tariff_v21(request, newest, now)


@pytest.mark.proves("2.1", "NotifyPeriodicEventStream")
def test_streamed_values_are_kept_and_nothing_waits(newest: ChargePoint, now: datetime) -> None:
    data = [v21.StreamDataElement(t=0.5, v="17")]
    request = v21.NotifyPeriodicEventStream(data=data, id=4, pending=0, basetime=now)
    outcome = notify_periodic_event_stream_v21(newest, request, Facts(), now)
    assert (outcome.reply, outcome.durable) == (None, False)
    [row] = outcome.changes
    assert isinstance(row, ReportStored)
    assert row.action == "NotifyPeriodicEventStream"


def test_every_sent_message_has_a_listener() -> None:
    assert {action: one.request for action, one in protocol.PROTOCOL.sent.items()} == v21.SENT


@pytest.mark.proves("2.1", "ClearDERControl", "GetDERControl")
def test_grid_controls_are_named_by_id_or_by_type(newest: ChargePoint, now: datetime) -> None:
    def errors(**members: Any) -> int:
        asked = v21.GetDERControl(request_id=1, **members)
        cleared = v21.ClearDERControl(**{"is_default": True, **members})
        found = check_get_der_control_v21(asked, newest, now)
        assert found == check_clear_der_control_v21(cleared, newest, now)
        return len(found)

    assert errors() == errors(control_id="c") == errors(control_type="VoltWatt") == 0
    assert errors(control_id="c", is_default=False) == 0  # R04.FR.35
    assert errors(control_id="c", control_type="VoltWatt") == 1


@pytest.mark.proves("2.1", "GetLog")
@pytest.mark.parametrize(
    ("location", "errors"),
    [
        ("https://csms.example/logs/", 0),
        ("https://csms.example/logs?to=1", 0),
        ("https://csms.example/logs#part", 1),  # N01.FR.27
        ("https://csms.example/logs?to=/", 1),  # N01.FR.28
    ],
)
def test_a_log_is_put_where_a_request_can_name_it(
    newest: ChargePoint, now: datetime, location: str, errors: int
) -> None:
    log = v21.LogParameters(remote_location=location)
    request = v21.GetLog(log=log, log_type="DiagnosticsLog", request_id=1)
    assert len(check_get_log_v2x(request, newest, now)) == errors
