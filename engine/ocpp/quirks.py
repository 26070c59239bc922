"""What real chargers get wrong, as data: which deviations are mended, and into what, by vendor and model.

The rules that use these tables are in `engine.ocpp.mending`. Places are named `Struct.member`, as in
the schema (`SampledValue.unit`). A quirk belongs here only with where it was seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

from engine.domain.state import Frozen

Place: TypeAlias = str  # "SampledValue.unit"
NEVER: Final = "0001-01-02T00:00:00Z"  # a time that no clock tells: its session is held, and goes by arrival
NO_METER: Final = -1  # Wh: no register of imports; the session ends with the last one that it showed


class Quirks(Frozen, frozen=True):
    """One profile. `vendor` and `model` are regular expressions over BootNotification's; "" fits all."""

    vendor: str = ""
    model: str = ""
    aliases: Mapping[Place, Mapping[str, str]] = {}  # wrong enum value → right one
    otherwise: Mapping[Place, str] = {}  # any unknown enum value → this one
    defaults: Mapping[Place, Any] = {}  # a required member that is missing → its value
    instead: Mapping[Place, Any] = {}  # a required member beyond repair → what says that it is unknown
    renames: Mapping[Place, str] = {}  # a member's wrong name → its right one
    expendable: frozenset[Place] = frozenset()  # optional members, or list items, dropped when beyond repair
    rounded: frozenset[Place] = frozenset()  # integers that may come with a fraction
    text: frozenset[Place] = frozenset()  # descriptive texts that may be cut; identifiers never are
    embedded: frozenset[Place] = frozenset()  # texts that may come as a JSON object
    rewrites: tuple[tuple[str, str], ...] = ()  # (pattern, replacement) on payloads that are not JSON


GENERIC = Quirks(
    aliases={
        "SampledValue.unit": {
            "Hz": "Hertz",  # mobilityhouse/ocpp#733, lbbrhzn/ocpp#1576
            "C": "Celsius",  # OpenEVSE before OpenEVSE/openevse_esp32_firmware#726
            "°C": "Celsius",
            "degC": "Celsius",
            "%": "Percent",
            "Amp": "A",
            "Ampere": "A",
            "Volt": "V",
            "Watt": "W",
        },
        "SampledValue.measurand": {
            # The other word order, as in OCMF's documentation before SAFE-eV/OCMF#45.
            "Active.Energy.Register.Import": "Energy.Active.Import.Register",
            "Active.Energy.Register.Export": "Energy.Active.Export.Register",
            "Active.Power.Import": "Power.Active.Import",
            "StateOfCharge": "SoC",
        },
        "StopTransaction.reason": {"EVDisconnect": "EVDisconnected", "DeAuthorised": "DeAuthorized"},
    },
    otherwise={
        "StatusNotification.errorCode": "OtherError",  # Legrand GreenUp sends "Error": lbbrhzn/ocpp#1248
        "StopTransaction.reason": "Other",
        "SampledValue.context": "Other",
        "Transaction.stoppedReason": "Other",
        # Words of 2.1 in 2.0.1, or of their own (TxResumed, CostLimitReached): there is no Other, and this
        # one says nothing of the transaction.
        "TransactionEvent.triggerReason": "Trigger",
    },
    # A session ends, whatever its end does not say.
    defaults={
        "StopTransaction.meterStop": NO_METER,
        "StopTransaction.timestamp": NEVER,
        "TransactionEvent.timestamp": NEVER,
    },
    # What begins, changes or ends a transaction happened, whatever is wrong with the message.
    instead={
        "StartTransaction.idTag": "",  # a tag that nobody has
        "StartTransaction.timestamp": NEVER,
        "StopTransaction.meterStop": NO_METER,
        "StopTransaction.timestamp": NEVER,
        "StopTransaction.transactionId": 0,  # not told: found by connector, meter and time
        "TransactionEvent.timestamp": NEVER,
    },
    renames={
        "StopTransaction.disconnectReason": "reason",  # road-labs/chargestation-one#61
    },
    expendable=frozenset(
        {
            # A reading that cannot be understood must not cost the others, nor the event it comes with.
            # A lone unit or measurand is never dropped: its default would change what the value means.
            "MeterValue.sampledValue",
            "MeterValues.meterValue",
            "StopTransaction.transactionData",
            "TransactionEvent.meterValue",
            "StatusNotification.timestamp",
            # Nor must what only adds to an event.
            "StopTransaction.idTag",
            "StopTransaction.reason",
            "StartTransaction.reservationId",
            "MeterValues.transactionId",
            "Transaction.chargingState",
            "Transaction.operationMode",
            "Transaction.remoteStartId",
            "Transaction.stoppedReason",
            "Transaction.tariffId",
            "Transaction.timeSpentCharging",
            "Transaction.transactionLimit",
            "TransactionEvent.cableMaxCurrent",
            "TransactionEvent.costDetails",
            "TransactionEvent.evse",
            "TransactionEvent.evseSleep",
            "TransactionEvent.idToken",
            "TransactionEvent.numberOfPhasesUsed",
            "TransactionEvent.offline",
            "TransactionEvent.preconditioningStatus",
            "TransactionEvent.reservationId",
            "EVSE.connectorId",
            "IdToken.additionalInfo",
            # One part of a report must not cost the others.
            "NotifyReport.reportData",
            "ReportData.variableAttribute",
            "ReportData.variableCharacteristics",
            "VariableAttribute.value",
            "NotifyMonitoringReport.monitor",
            "MonitoringData.variableMonitoring",
            "NotifyEvent.eventData",
            "EventData.techCode",
            "EventData.techInfo",
            "NotifyDisplayMessages.messageInfo",
            "MessageInfo.state",
            "NotifyDERAlarm.gridEventFault",
            "DERChargingParameters.evIslandingDetectionMethod",
            # Answers "Rejected" that carry dummies: evcc-io/evcc#17836.
            "GetCompositeScheduleResponse.chargingSchedule",
            "GetCompositeScheduleResponse.scheduleStart",
        }
    ),
    rounded=frozenset({"StartTransaction.meterStart", "StopTransaction.meterStop"}),
    text=frozenset(
        {
            # Schneider EVlink: 26 and 34 characters (mobilityhouse/ocpp#122, lbbrhzn/ocpp#1622).
            "BootNotification.chargeBoxSerialNumber",
            "BootNotification.chargePointSerialNumber",
            "BootNotification.chargePointModel",
            "BootNotification.chargePointVendor",
            "BootNotification.firmwareVersion",
            "BootNotification.iccid",
            "BootNotification.imsi",
            "BootNotification.meterSerialNumber",
            "BootNotification.meterType",
            "StatusNotification.info",  # whole sentences: lbbrhzn/ocpp#987
            "StatusNotification.vendorErrorCode",
            "StatusNotification.vendorId",
            "SecurityEventNotification.techInfo",
            "KeyValue.value",
            "ChargingStation.firmwareVersion",
            "ChargingStation.model",
            "ChargingStation.serialNumber",
            "ChargingStation.vendorName",
            "Modem.iccid",
            "Modem.imsi",
            "StatusInfo.additionalInfo",
        }
    ),
    embedded=frozenset({"DataTransfer.data", "DataTransferResponse.data"}),
)

PROFILES: tuple[Quirks, ...] = (
    # MeterValues with `"transactionId":,` (lbbrhzn/ocpp#2032).
    Quirks(vendor=r"AEFA", rewrites=((r'"transactionId"\s*:\s*,', ""),)),
    # MeterValues without connectorId from a wall box that has one socket (evcc-io/evcc#17836).
    Quirks(vendor=r"amperfied|heidelberg", defaults={"MeterValues.connectorId": 1}),
)


def _merged(quirks: list[Quirks]) -> Quirks:
    """One profile of several; the later ones win."""
    aliases: dict[Place, dict[str, str]] = {}
    for one in quirks:
        for place, names in one.aliases.items():
            aliases.setdefault(place, {}).update(names)
    return Quirks(
        aliases=aliases,
        otherwise={place: value for one in quirks for place, value in one.otherwise.items()},
        defaults={place: value for one in quirks for place, value in one.defaults.items()},
        instead={place: value for one in quirks for place, value in one.instead.items()},
        renames={place: value for one in quirks for place, value in one.renames.items()},
        expendable=frozenset().union(*(one.expendable for one in quirks)),
        rounded=frozenset().union(*(one.rounded for one in quirks)),
        text=frozenset().union(*(one.text for one in quirks)),
        embedded=frozenset().union(*(one.embedded for one in quirks)),
        rewrites=tuple(rewrite for one in quirks for rewrite in one.rewrites),
    )


@lru_cache(maxsize=1024)
def quirks_of(vendor: str, model: str) -> Quirks:
    """Everything known about a charger that calls itself this; the generic profile where nothing is."""
    fitting = [
        profile
        for profile in PROFILES
        if re.search(profile.vendor, vendor, re.IGNORECASE) and re.search(profile.model, model, re.IGNORECASE)
    ]
    return _merged([GENERIC, *fitting]) if fitting else GENERIC
