"""uvicorn with an empty ASGI application, on uvloop and httptools, without a log."""

from __future__ import annotations

import argparse

import uvicorn

from bench.peers.asgi_apps import empty

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvicorn.run(
        empty,
        port=parser.parse_args().port,
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )
