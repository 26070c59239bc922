"""Configuration: GetConfiguration and ChangeConfiguration, and what each standard key may hold.

Secrets (AuthorizationKey, vendors' own) pass through: neither what was read nor what was set is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from msgspec import UnsetType

from engine.domain.changes import ConfigurationKeyRead
from engine.domain.state import ChargePoint
from engine.masking import is_secret_name
from engine.ocpp.messages import v16
from engine.ocpp.step import Outcome

AUTHORIZATION_KEY_LENGTH: Final = (16, 40)  # whitepaper A00: no shorter password; 40 is the key's own limit


def check_change_configuration_v16(
    request: v16.ChangeConfiguration, cp: ChargePoint, now: datetime
) -> list[str]:
    """OCPP 1.6 §5.3 and §9: a standard key's value has its type. Keys of a vendor's own may hold any text."""
    if not request.key:
        return ["key must not be empty"]
    rule = RULES.get(request.key.casefold())
    error = rule(request.value) if rule else None
    return [f"{request.key} {error}"] if error else []


def get_configuration_answered_v16(
    cp: ChargePoint, request: v16.GetConfiguration, response: v16.GetConfigurationResponse, now: datetime
) -> Outcome:
    """Keep every key as reported; keys the charge point does not know change nothing."""
    changes = [
        _read(cp, entry.key, None if isinstance(entry.value, UnsetType) else entry.value, entry.readonly, now)
        for entry in response.configuration_key or ()
    ]
    return Outcome(state=cp, reply=None, changes=changes)


def change_configuration_answered_v16(
    cp: ChargePoint,
    request: v16.ChangeConfiguration,
    response: v16.ChangeConfigurationResponse,
    now: datetime,
) -> Outcome:
    """Accepted and RebootRequired both mean that the value is stored over there (OCPP 1.6 §7.22)."""
    if response.status not in {"Accepted", "RebootRequired"}:
        return Outcome(state=cp, reply=None)
    return Outcome(state=cp, reply=None, changes=(_read(cp, request.key, request.value, False, now),))


def _read(
    cp: ChargePoint, name: str, value: str | None, readonly: bool, now: datetime
) -> ConfigurationKeyRead:
    kept = None if is_secret_name(name) else value
    return ConfigurationKeyRead(charge_point_id=cp.id, name=name, value=kept, readonly=readonly, at=now)


def _whole(value: str) -> str | None:
    return (
        None
        if value.strip().isascii() and value.strip().isdecimal()
        else "must be a whole number, not negative"
    )


def _boolean(value: str) -> str | None:
    return None if value.strip().lower() in {"true", "false"} else "must be true or false"


def _secret(value: str) -> str | None:
    least, most = AUTHORIZATION_KEY_LENGTH
    return None if least <= len(value) <= most else f"must be {least} to {most} characters long"


def _security_profile(value: str) -> str | None:
    return None if value.strip() in {"0", "1", "2", "3"} else "must be 0, 1, 2 or 3"


Rule = Callable[[str], str | None]
_RULES: Final[Mapping[Rule, tuple[str, ...]]] = {
    _boolean: (
        "AllowOfflineTxForUnknownId",
        "AuthorizationCacheEnabled",
        "AuthorizeRemoteTxRequests",
        "LocalAuthListEnabled",
        "LocalAuthorizeOffline",
        "LocalPreAuthorize",
        "StopTransactionOnEVSideDisconnect",
        "StopTransactionOnInvalidId",
        "UnlockConnectorOnEVSideDisconnect",
        "AdditionalRootCertificateCheck",
    ),
    _whole: (
        "BlinkRepeat",
        "CertSigningWaitMinimum",
        "CertSigningRepeatTimes",
        "ClockAlignedDataInterval",
        "ConnectionTimeOut",
        "HeartbeatInterval",
        "LightIntensity",
        "MaxEnergyOnInvalidId",
        "MeterValueSampleInterval",
        "MinimumStatusDuration",
        "ResetRetries",
        "TransactionMessageAttempts",
        "TransactionMessageRetryInterval",
        "WebSocketPingInterval",
    ),
    _secret: ("AuthorizationKey",),
    _security_profile: ("SecurityProfile",),
}
RULES: Final[Mapping[str, Rule]] = {key.casefold(): rule for rule, keys in _RULES.items() for key in keys}
