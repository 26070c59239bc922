"""The configuration keys of an OCPP 1.6 charger (§9 and the security extension): a table, and what may be
set. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from engine.ocpp.messages.v16 import KeyValue
from engine.simulator.physics import Hardware

Setting = Literal["Accepted", "Rejected", "RebootRequired", "NotSupported"]

MEASURANDS: Final = frozenset(
    {
        "Energy.Active.Import.Register",
        "Power.Active.Import",
        "Power.Offered",
        "Current.Import",
        "Current.Offered",
        "Voltage",
        "SoC",
        "Temperature",
        "Frequency",
    }
)
MOST_MEASURANDS: Final = 9
MOST_STACK_LEVEL: Final = 8
MOST_PERIODS: Final = 96
MOST_PROFILES: Final = 20
MOST_LIST_ENTRIES: Final = 2_000
MOST_KEYS: Final = 60


def _integer(value: str) -> bool:
    return value.isdecimal() and len(value) <= 9


def _flag(value: str) -> bool:
    return value.lower() in ("true", "false")


def _measurands(value: str) -> bool:
    names = [name.strip() for name in value.split(",") if name.strip()]
    return len(names) <= MOST_MEASURANDS and MEASURANDS.issuperset(names)


def _text(value: str) -> bool:
    return len(value) <= 500


def _password(value: str) -> bool:
    return 16 <= len(value) <= 40  # security whitepaper, A00


class Key(msgspec.Struct):
    """One key. `accepts` is absent for what cannot be changed; a secret is never shown."""

    value: str
    accepts: Callable[[str], bool] | None = None
    secret: bool = False
    reboot: bool = False


class Configuration:
    """The keys of one charger; they survive reboots."""

    def __init__(self, hardware: Hardware) -> None:
        self._keys = _keys(hardware)

    def number(self, key: str) -> int:
        return int(self._keys[key].value)

    def flag(self, key: str) -> bool:
        return self._keys[key].value.lower() == "true"

    def names(self, key: str) -> list[str]:
        """A comma-separated list."""
        return [name.strip() for name in self._keys[key].value.split(",") if name.strip()]

    def text(self, key: str) -> str:
        return self._keys[key].value

    def change(self, key: str, value: str) -> Setting:
        """OCPP 1.6 §5.3"""
        known = self._keys.get(key)
        if known is None:
            return "NotSupported"
        if known.accepts is None or not known.accepts(value):
            return "Rejected"
        known.value = value
        return "RebootRequired" if known.reboot else "Accepted"

    def get(self, wanted: Sequence[str]) -> tuple[list[KeyValue], list[str]]:
        """Known keys with their values, and the unknown ones; all if nothing is named. OCPP 1.6 §5.8"""
        known = [name for name in wanted or self._keys if name in self._keys]
        shown = [
            KeyValue(key=name, readonly=self._keys[name].accepts is None, value=self._keys[name].value)
            if not self._keys[name].secret
            else KeyValue(key=name, readonly=False)
            for name in known
        ]
        return shown, [name for name in wanted if name not in self._keys]


def _keys(hardware: Hardware) -> dict[str, Key]:
    return _core(hardware) | _other_profiles(hardware)


def _core(hardware: Hardware) -> dict[str, Key]:
    """OCPP 1.6 §9.1"""
    sampled = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,Temperature,SoC"
    in_stop = "Energy.Active.Import.Register" if hardware.current == "DC" else ""
    profiles = "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger"
    return {
        "AllowOfflineTxForUnknownId": Key("true", _flag),
        "AuthorizationCacheEnabled": Key("true", _flag),
        "AuthorizeRemoteTxRequests": Key("true", _flag),
        "BlinkRepeat": Key("3", _integer),
        "ClockAlignedDataInterval": Key("0", _integer),
        "ConnectionTimeOut": Key("60", _integer),
        "ConnectorPhaseRotation": Key("0.RST,1.RST,2.RST", _text),
        "ConnectorPhaseRotationMaxLength": Key("3"),
        "GetConfigurationMaxKeys": Key(str(MOST_KEYS)),
        "HeartbeatInterval": Key("300", _integer),
        "LightIntensity": Key("80", lambda value: _integer(value) and int(value) <= 100),
        "LocalAuthorizeOffline": Key("true", _flag),
        "LocalPreAuthorize": Key("false", _flag),
        "MaxEnergyOnInvalidId": Key("0", _integer),
        "MeterValuesAlignedData": Key("Energy.Active.Import.Register", _measurands),
        "MeterValuesAlignedDataMaxLength": Key(str(MOST_MEASURANDS)),
        "MeterValuesSampledData": Key(sampled, _measurands),
        "MeterValuesSampledDataMaxLength": Key(str(MOST_MEASURANDS)),
        "MeterValueSampleInterval": Key("60", _integer),
        "MinimumStatusDuration": Key("0", _integer),
        "NumberOfConnectors": Key(str(hardware.connectors)),
        "ResetRetries": Key("1", _integer),
        # These chargers cannot keep a transaction without its cable.
        "StopTransactionOnEVSideDisconnect": Key("true", lambda value: value.lower() == "true"),
        "StopTransactionOnInvalidId": Key("true", _flag),
        "StopTxnAlignedData": Key("", _measurands),
        "StopTxnAlignedDataMaxLength": Key(str(MOST_MEASURANDS)),
        "StopTxnSampledData": Key(in_stop, _measurands),
        "StopTxnSampledDataMaxLength": Key(str(MOST_MEASURANDS)),
        "SupportedFeatureProfiles": Key(profiles),
        "SupportedFeatureProfilesMaxLength": Key("6"),
        "TransactionMessageAttempts": Key("10", _integer),
        "TransactionMessageRetryInterval": Key("10", _integer),
        "UnlockConnectorOnEVSideDisconnect": Key("true", _flag),
        "WebSocketPingInterval": Key("60", _integer),
    }


def _other_profiles(hardware: Hardware) -> dict[str, Key]:
    """OCPP 1.6 §9.2 to §9.4, and the security whitepaper"""
    return {
        "LocalAuthListEnabled": Key("true", _flag),
        "LocalAuthListMaxLength": Key(str(MOST_LIST_ENTRIES)),
        "SendLocalListMaxLength": Key(str(MOST_LIST_ENTRIES)),
        "ReserveConnectorZeroSupported": Key("false"),
        "ChargeProfileMaxStackLevel": Key(str(MOST_STACK_LEVEL)),
        "ChargingScheduleAllowedChargingRateUnit": Key("Current,Power"),
        "ChargingScheduleMaxPeriods": Key(str(MOST_PERIODS)),
        "ConnectorSwitch3to1PhaseSupported": Key("true" if hardware.phases == 3 else "false"),
        "MaxChargingProfilesInstalled": Key(str(MOST_PROFILES)),
        "AdditionalRootCertificateCheck": Key("false"),
        "AuthorizationKey": Key("", _password, secret=True),
        "CertificateSignedMaxChainSize": Key("10000"),
        "CertificateStoreMaxLength": Key("20"),
        "CpoName": Key("", _text),
        "SecurityProfile": Key("0", lambda value: value in ("0", "1", "2", "3"), reboot=True),
    }
