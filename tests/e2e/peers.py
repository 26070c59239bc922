"""Charge points written with `websockets`: as patient as the tests, and without deadlines of their own."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.patience import PATIENCE

# How both kinds of connection of `websockets` are opened here.
PATIENT: Final[dict[str, Any]] = {"open_timeout": PATIENCE, "ping_interval": None, "proxy": None}


def credentials(identity: str, password: str | None) -> dict[str, str]:
    """The headers of who logs in; none without a password."""
    if not password:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{identity}:{password}".encode()).decode()}


def dial(
    url: str, identity: str, password: str | None = None, *, version: str = "ocpp1.6", **more: Any
) -> ClientConnection:
    """A connection to `url` as that charge point."""
    return connect(
        f"{url}/{identity}",
        subprotocols=[Subprotocol(version)],
        additional_headers=credentials(identity, password),
        **PATIENT,
        **more,
    )


def take(socket: ClientConnection) -> Any:
    """The next message."""
    return json.loads(socket.recv(PATIENCE))
