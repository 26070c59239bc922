"""What a node counts. Plain numbers on the hot path; Prometheus text is made only when somebody asks.

`Tally` and `Histogram` need no lock because only the Trio thread writes them.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

LATENCY_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)  # seconds
SIZE_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000)  # rows, entries


class Tally(dict[tuple[str, ...], int]):
    """Counters by label values: `tally[("in", "Heartbeat", "ok")] += 1`."""

    def __init__(self, name: str, help_: str, labels: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.name = name
        self.help = help_
        self.labels = labels

    def __missing__(self, key: tuple[str, ...]) -> int:
        return 0

    def add(self, *key: str) -> None:
        self[key] = self[key] + 1

    def family(self) -> Metric:
        family = CounterMetricFamily(self.name, self.help, labels=self.labels)
        for key, value in self.items() if self.labels else [((), self[()])]:
            family.add_metric(key, value)
        return family


class Histogram:
    """Counts by bucket; `observe` costs one bisection."""

    def __init__(self, name: str, help_: str, buckets: tuple[float, ...]) -> None:
        self.name = name
        self.help = help_
        self.bounds = buckets
        self.counts = [0] * (len(buckets) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def family(self) -> Metric:
        cumulated, running = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            running += count
            cumulated.append((bound, running))
        return HistogramMetricFamily(self.name, self.help, buckets=cumulated, sum_value=self.total)


def _read(gauge: Callable[[], float]) -> float:
    """What a gauge shows; NaN where it fails, so that the others are still seen."""
    try:
        return gauge()
    except Exception:  # noqa: BLE001 - whatever is wrong with it is no reason to be blind
        return math.nan


class Metrics(Collector):
    """All counters of one node. `gauges` are asked at scrape time: name → (help, function)."""

    def __init__(self) -> None:
        self.messages = Tally(
            "voltrio_ocpp_messages",
            "OCPP messages by direction, action, outcome",
            ("direction", "action", "outcome"),
        )
        self.repairs = Tally(
            "voltrio_ocpp_repairs", "Repairs of malformed messages", ("vendor", "model", "action", "rule")
        )
        self.connections = Tally("voltrio_ocpp_connections", "Connection attempts by outcome", ("outcome",))
        self.closes = Tally("voltrio_ocpp_closes", "Closed connections by reason", ("reason",))
        self.slow_consumers = Tally(
            "voltrio_ocpp_slow_consumers", "Chargers closed because they did not read"
        )
        self.throttled = Tally(
            "voltrio_ocpp_throttled", "Times that a charger had used up what it may send, and was not read"
        )
        self.conflicts = Tally(
            "voltrio_ocpp_identity_conflicts", "Identities whose connections replaced each other too often"
        )
        self.journal_dropped = Tally(
            "voltrio_journal_dropped", "Rows nobody waits for that were not written", ("kind", "reason")
        )
        self.superseded = Tally(
            "voltrio_journal_superseded",
            "Entries refused because their charge point had a newer connection at another node",
        )
        self.journal_rows = Histogram("voltrio_journal_batch_rows", "Rows per journal commit", SIZE_BUCKETS)
        self.journal_seconds = Histogram(
            "voltrio_journal_commit_seconds", "Duration of a commit", LATENCY_BUCKETS
        )
        self.call_seconds = Histogram(
            "voltrio_call_seconds", "Round trip of commands to chargers", LATENCY_BUCKETS
        )
        self.questions = Tally(
            "voltrio_outside_questions", "Questions of charge points to services outside", ("outcome",)
        )
        self.http_answers = Tally("voltrio_http_answers", "Answers at the HTTP ports by status", ("status",))
        self.http_turned_away = Tally(
            "voltrio_http_turned_away", "HTTP connections that found no place, and nobody to give way"
        )
        self.token_failures = Tally(
            "voltrio_token_failures", "API tokens that were not taken", ("api", "outcome")
        )
        self.task_failures = Tally(
            "voltrio_task_failures", "Failures of the node's own tasks; each was begun again", ("task",)
        )
        self.consumers: dict[str, Callable[[], float]] = {}  # by name: how far each is behind, seconds
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}

    def collect(self) -> Iterator[Metric]:
        for value in vars(self).values():
            if isinstance(value, (Tally, Histogram)):
                yield value.family()
        behind = GaugeMetricFamily(
            "voltrio_consumer_behind_seconds",
            "Age of the oldest event that a consumer of the outbox has not taken",
            labels=("consumer",),
        )
        for consumer, read in self.consumers.items():
            behind.add_metric((consumer,), _read(read))
        yield behind
        for name, (help_, read) in self.gauges.items():
            yield GaugeMetricFamily(name, help_, value=_read(read))

    def exposition(self) -> bytes:
        """Prometheus text format."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)
