"""Hypercorn on Trio with an ASGI application, without a log."""

from __future__ import annotations

import argparse
from functools import partial

import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from bench.peers.asgi_apps import APPLICATIONS

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--app", choices=list(APPLICATIONS), default="empty")
    options = parser.parse_args()
    config = Config()
    config.bind = [f"127.0.0.1:{options.port}"]
    config.keep_alive_max_requests = 1_000_000_000
    trio.run(partial(serve, APPLICATIONS[options.app](), config))
