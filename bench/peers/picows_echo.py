"""The ceiling of CPython: picows on uvloop, envelopes decoded and encoded by msgspec, nothing behind them."""

from __future__ import annotations

import argparse
import asyncio
from typing import Final

import msgspec
import uvloop
from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    ws_create_server,
)

DECODER: Final = msgspec.json.Decoder(tuple[int, str, str, msgspec.Raw])
ENCODER: Final = msgspec.json.Encoder()
ANSWER: Final = {"currentTime": "2026-01-01T00:00:00Z"}


class Echo(WSListener):
    """Any CALL is answered with the same CALLRESULT."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            message = DECODER.decode(frame.get_payload_as_memoryview())
            transport.send(WSMsgType.TEXT, ENCODER.encode((3, message[1], ANSWER)))
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close()
            transport.disconnect()


def listener(_: WSUpgradeRequest) -> Echo:
    return Echo()


async def main(port: int) -> None:
    server = await ws_create_server(listener, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(parser.parse_args().port))
