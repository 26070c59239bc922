"""What happened: the OCPP messages of charge points, security events, who changed what."""

from __future__ import annotations

from typing import Final, Literal

from api.admin.parents import OF_STATION
from api.kernel.listing import among, before, equal, present, since
from api.kernel.resource import Resource
from api.shapes.access import Audit
from api.shapes.logs import Message, SecurityEvent
from engine.store.readings import AUDIT, MESSAGES, SECURITY_EVENTS

PERIOD: Final = {"from": since("at"), "until": before("at")}

messages: Final = Resource(
    "message",
    Message,
    MESSAGES,
    filters={
        "station": equal("station"),
        "action": among("action"),
        "direction": equal("direction", Literal["in", "out"]),
        "kind": among("kind", Literal["call", "result", "error"]),
        "mended": present("repairs"),
        **PERIOD,
    },
)
security_events: Final = Resource(
    "security event",
    SecurityEvent,
    SECURITY_EVENTS,
    filters={
        "station": equal("station"),
        "type": among("type"),
        "critical": equal("critical"),
        "from": since("timestamp"),
        "until": before("timestamp"),
    },
)
audit: Final = Resource(
    "entry",
    Audit,
    AUDIT,
    filters={"subject": equal("subject"), "actor": equal("actor"), "action": equal("action"), **PERIOD},
)

ROUTES = (
    messages.listing("/messages", "OCPP messages of all charge points, newest first"),
    messages.listing(
        "/stations/<identity>/messages", "Messages of a charge point, newest first", within=OF_STATION
    ),
    security_events.listing("/security-events", "Security events, newest first"),
    audit.listing("/audit", "Who changed what, newest first; a subject is such as charge_point:CP1"),
)
