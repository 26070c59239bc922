"""Configuration keys of OCPP 1.6 (§9): what their values may be, and what is kept of them.

Secrets (AuthorizationKey, vendors' own) pass through: neither what was read nor what was set is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from engine.domain.changes import ConfigurationKeyRead
from engine.domain.state import ChargePoint
from engine.masking import is_secret_name

AUTHORIZATION_KEY_LENGTH: Final = (16, 40)  # whitepaper A00: no shorter password; 40 is the key's own limit
Rule = Callable[[str], str | None]


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


def key_read(
    cp: ChargePoint, name: str, value: str | None, readonly: bool, now: datetime
) -> ConfigurationKeyRead:
    """The row of a key; of a secret one without its value."""
    kept = None if is_secret_name(name) else value
    return ConfigurationKeyRead(charge_point_id=cp.id, name=name, value=kept, readonly=readonly, at=now)
