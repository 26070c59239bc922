"""Tell a station how to connect: SetNetworkProfile (2.x B09)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from engine.domain.state import ChargePoint
from engine.errors import NotSupported
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import V201, Call, Encoding, given, since_v21
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation


class SetNetworkProfile(Operation, frozen=True):
    """Put a way to connect into a slot. `apn` and `vpn` in the shape of 2.x's APNType and VPNType."""

    slot: int
    url: str
    security_profile: Literal[1, 2, 3]
    message_timeout: int  # seconds
    interface: str | None = None  # Wired0 … Wireless3; None: any
    version: Literal["ocpp1.6", "ocpp2.0.1", "ocpp2.1"] | None = None  # None: the one spoken now
    identity: str | None = None
    password: str | None = None
    apn: Mapping[str, Any] | None = None
    vpn: Mapping[str, Any] | None = None


# OCPPVersionEnumType: 2.0.1 went by the name of 2.0 in its own schema, and knew of no later one.
VERSIONS: Final[Mapping[str, Mapping[str, str]]] = {
    V201: {"ocpp1.6": "OCPP16", "ocpp2.0.1": "OCPP20"},
    "ocpp2.1": {"ocpp1.6": "OCPP16", "ocpp2.0.1": "OCPP201", "ocpp2.1": "OCPP21"},
}
SECURE_PROFILES: Final = frozenset({2, 3})  # with TLS


def encode_v2x(operation: SetNetworkProfile, cp: ChargePoint) -> Sequence[Call]:
    older = cp.version == V201
    since_v21(cp, operation.interface is None, "profile for any interface")
    since_v21(cp, operation.identity or operation.password, "identity or password in a network profile")
    version = operation.version or (cp.version if older else None)  # may be absent since 2.1
    if version is not None and version not in VERSIONS[cp.version]:
        raise NotSupported(f"OCPP 2.0.1 has no profile for {version}")
    profile = given(
        apn=operation.apn,
        ocppVersion=VERSIONS[cp.version][version] if version else None,
        ocppInterface=operation.interface or "Any",
        ocppTransport="JSON",
        messageTimeout=operation.message_timeout,
        ocppCsmsUrl=operation.url,
        securityProfile=operation.security_profile,
        identity=operation.identity,
        basicAuthPassword=operation.password,
        vpn=operation.vpn,
    )
    return [("SetNetworkProfile", {"configurationSlot": operation.slot, "connectionData": profile})]


def check_set_network_profile_v2x(
    request: v201.SetNetworkProfile | v21.SetNetworkProfile, cp: ChargePoint, now: datetime
) -> list[str]:
    """A WebSocket URL that goes with the security profile (B09; A00.FR.312)."""
    profile = request.connection_data
    errors = [] if request.configuration_slot >= 0 else ["configurationSlot must not be negative"]
    if profile.ocpp_transport != "JSON":
        errors.append("connectionData.ocppTransport must be JSON")
    if profile.message_timeout <= 0:
        errors.append("connectionData.messageTimeout must be greater than 0")
    if not 1 <= profile.security_profile <= 3:
        errors.append("connectionData.securityProfile must be 1, 2 or 3")
    scheme = "wss" if profile.security_profile in SECURE_PROFILES else "ws"
    if _scheme(profile.ocpp_csms_url) != scheme:
        errors.append(
            f"connectionData.ocppCsmsUrl must be a {scheme}:// URL with security profile "
            f"{profile.security_profile}"
        )
    return errors


def _scheme(url: str) -> str:
    """Of a complete URL in lower case; "" for anything else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.scheme.lower() if parts.hostname else ""


OPERATION: Final = define(SetNetworkProfile, v2x=Encoding(encode_v2x))
COMMANDS: Final = (command(v201.SetNetworkProfile, check=check_set_network_profile_v2x),)
