"""A central system on `trio-websocket` and the standard `json`, without any validation or database."""

from __future__ import annotations

import argparse
import itertools
import json
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

TRANSACTIONS: Final = itertools.count(1)


def answer(action: str) -> dict[str, Any]:
    match action:
        case "BootNotification":
            return {"currentTime": now(), "interval": 300, "status": "Accepted"}
        case "Heartbeat":
            return {"currentTime": now()}
        case "StartTransaction":
            return {"transactionId": next(TRANSACTIONS), "idTagInfo": {"status": "Accepted"}}
        case _:
            return {}


def now() -> str:
    return datetime.now(UTC).isoformat()


async def connected(request: WebSocketRequest) -> None:
    connection = await request.accept(subprotocol="ocpp1.6")
    try:
        while True:
            kind, message_id, action, *_ = json.loads(await connection.get_message())
            if kind == 2:
                await connection.send_message(
                    json.dumps([3, message_id, answer(action)], separators=(",", ":"))
                )
    except ConnectionClosed:
        return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    trio.run(partial(serve_websocket, connected, "127.0.0.1", port, ssl_context=None))
