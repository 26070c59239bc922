"""(d) Commands to chargers: from a person's HTTP request through the node to a charger and back.

One request at a time on one kept connection, to a charger chosen at random. What of it is HTTP is told by the
node's own histogram, which begins and ends at the registry.
"""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Sequence
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from bench import programs
from bench.loadgen import LoadGenerator, identities
from bench.report import Maker, Row

WARM_UP: Final = 200  # calls
BODY: Final = json.dumps({"action": "ClearCache", "payload": {}}).encode()


def measure(make: Maker, connections: int, calls: int) -> list[Row]:
    """Rows: percentiles over HTTP, and inside of the node."""
    with programs.voltrio(connections) as program, LoadGenerator(program.ocpp_port, connections) as load:
        load.open()
        client = _Client(program)
        chosen = random.Random(1).choices(identities(connections), k=calls + WARM_UP)
        for identity in chosen[:WARM_UP]:
            client.call(identity)
        before = client.call_seconds()
        times = sorted(client.call(identity) for identity in chosen[WARM_UP:])
        inside = [(bound, count - before.get(bound, 0.0)) for bound, count in client.call_seconds().items()]
    title = f"Command round trip; {connections:,} chargers"
    return [
        make.single(f"{title}: over HTTP, p50", percentile(times, 50) * 1e3, "ms"),
        make.single(f"{title}: over HTTP, p99", percentile(times, 99) * 1e3, "ms"),
        make.single(f"{title}: of that inside of the node, p50 at most", bound_of(inside, 50) * 1e3, "ms"),
        make.single(f"{title}: of that inside of the node, p99 at most", bound_of(inside, 99) * 1e3, "ms"),
    ]


def percentile(ascending: Sequence[float], percent: float) -> float:
    """The value that `percent` of them do not exceed."""
    return ascending[min(len(ascending) - 1, int(len(ascending) * percent / 100))]


def bound_of(cumulated: Sequence[tuple[float, float]], percent: float) -> float:
    """The upper bound of the bucket that holds a percentile; `cumulated`: bound and count up to it."""
    total = cumulated[-1][1]
    return next(bound for bound, count in cumulated if count >= total * percent / 100)


class _Client:
    def __init__(self, program: programs.Voltrio) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", program.http_port, timeout=60)
        self._headers = {"Authorization": f"Bearer {program.token}", "Content-Type": "application/json"}

    def call(self, identity: str) -> float:
        """Seconds that a call took. Raises RuntimeError unless the charger accepted it."""
        began = time.perf_counter()
        status, body = self._request("POST", f"/admin-api/v1/stations/{identity}/call", BODY)
        seconds = time.perf_counter() - began
        if status != 200 or json.loads(body)["payload"] != {"status": "Accepted"}:
            raise RuntimeError(f"{identity}: {status} {body.decode()}")
        return seconds

    def call_seconds(self) -> dict[float, float]:
        """The node's histogram of round trips: calls up to each bound."""
        _, body = self._request("GET", "/metrics", None)
        return {
            float(sample.labels["le"]): sample.value
            for family in text_string_to_metric_families(body.decode())
            if family.name == "voltrio_call_seconds"
            for sample in family.samples
            if sample.name.endswith("_bucket")
        }

    def _request(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        return response.status, response.read()
