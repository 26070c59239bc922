"""A central system for OCPP 1.6 on the PyPI packages `ocpp` and `websockets`.

With their usual schema validation. It answers from memory: no database, no authentication. Logging and
compression are off.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
from datetime import UTC, datetime
from typing import Any, Final

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import AuthorizationStatus, RegistrationStatus
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

TRANSACTIONS: Final = itertools.count(1)
ACCEPTED: Final = IdTagInfo(status=AuthorizationStatus.accepted)


def now() -> str:
    return datetime.now(UTC).isoformat()


class Central(ChargePoint):  # type: ignore[misc]  # the package has no type information
    """The central system's side of one connection."""

    @on("BootNotification")  # type: ignore[untyped-decorator]
    def on_boot(self, **_: Any) -> call_result.BootNotification:
        return call_result.BootNotification(now(), 300, RegistrationStatus.accepted)

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    def on_status(self, **_: Any) -> call_result.StatusNotification:
        return call_result.StatusNotification()

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def on_heartbeat(self) -> call_result.Heartbeat:
        return call_result.Heartbeat(now())

    @on("MeterValues")  # type: ignore[untyped-decorator]
    def on_meter_values(self, **_: Any) -> call_result.MeterValues:
        return call_result.MeterValues()

    @on("StartTransaction")  # type: ignore[untyped-decorator]
    def on_start(self, **_: Any) -> call_result.StartTransaction:
        return call_result.StartTransaction(next(TRANSACTIONS), ACCEPTED)

    @on("StopTransaction")  # type: ignore[untyped-decorator]
    def on_stop(self, **_: Any) -> call_result.StopTransaction:
        return call_result.StopTransaction()


async def main(port: int, central: type[Any], subprotocol: str) -> None:
    async def connected(connection: ServerConnection) -> None:
        assert connection.request is not None
        identity = connection.request.path.rpartition("/")[2]
        try:
            await central(identity, connection).start()
        except ConnectionClosed:
            return

    async with serve(
        connected,
        "127.0.0.1",
        port,
        subprotocols=[Subprotocol(subprotocol)],
        compression=None,
        backlog=4096,
    ):
        await asyncio.get_running_loop().create_future()


def serve_forever(central: type[Any], subprotocol: str, about: str | None) -> None:
    """The program: its command line, and `central` for every charger that connects."""
    logging.getLogger("ocpp").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(main(parser.parse_args().port, central, subprotocol))


if __name__ == "__main__":
    serve_forever(Central, "ocpp1.6", __doc__)
