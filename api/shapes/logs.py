"""What happened, as it is shown: OCPP messages and security events."""

from __future__ import annotations

from typing import Annotated

from api.kernel.shape import Moment, Shape, titled


class Message(Shape, frozen=True, kw_only=True):
    """`payload` as it stood on the wire, secrets masked; `repairs` names what was mended."""

    id: int
    station: str
    at: Moment
    direction: str
    kind: str
    action: str
    message_id: str
    payload: str
    correlation_id: str
    repairs: str | None


class SecurityEvent(Shape, frozen=True, kw_only=True):
    """Those of unknown peers have no charge point."""

    id: int
    charge_point_id: int | None
    timestamp: Annotated[Moment, titled(listed="TIME")]
    station: Annotated[str | None, titled(listed="STATION")]
    type: Annotated[str, titled(listed="TYPE")]
    critical: Annotated[bool, titled(listed="CRITICAL")]
    tech_info: Annotated[str | None, titled(listed="DETAILS")]
    received_at: Moment
