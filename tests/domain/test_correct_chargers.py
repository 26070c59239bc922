"""Of the sessions of a charger that does all as the specification says, none is held, whatever its habits.

Its messages come as they happen, or from a queue after it was offline; some come twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.ocpp import v16 as v16_protocol
from engine.ocpp import v21 as v21_protocol
from engine.ocpp import v201 as v201_protocol
from tests.domain.correct_chargers import MORNING, Charger, Sent, habits, plans, run
from tests.domain.simulated_store import Store, station, token

PROTOCOLS = {one.name: one for one in (v16_protocol.PROTOCOL, v201_protocol.PROTOCOL, v21_protocol.PROTOCOL)}
IN_QUEUE = frozenset({"StartTransaction", "StopTransaction", "TransactionEvent", "MeterValues"})


class Connection:
    """What stands between a charger and us: gone for a while, and then all that was queued comes."""

    def __init__(self, version: str, offline: tuple[datetime, datetime] | None) -> None:
        self.store = Store(station(version), {"TAG": token("TAG")})
        self.offline = offline
        self.numbers: dict[int, int] = {}  # 1.6: of a charger's transaction the number that we gave

    def carry(self, told: list[Sent], repeats: set[int], reconnects: set[int]) -> None:
        waiting: list[tuple[int, Sent]] = []
        for n, one in enumerate(told):
            if self.offline is not None and self.offline[0] <= one.at < self.offline[1]:
                waiting.append((n, one))
                continue
            for m, other in [*waiting, (n, one)]:
                self._deliver(m, other, one.at, repeats, reconnects)
            waiting = []
        for m, other in waiting:
            assert self.offline is not None
            self._deliver(m, other, self.offline[1], repeats, reconnects)

    def _deliver(self, n: int, told: Sent, now: datetime, repeats: set[int], reconnects: set[int]) -> None:
        if n in reconnects:
            self.store.reconnect()
        handler = PROTOCOLS[self.store.cp.version].inbound[told.action]
        request = told.request
        if told.transaction is not None and told.action != "StartTransaction":
            request = replace(request, transaction_id=self.numbers[told.transaction])
        if now > told.at and told.action == "TransactionEvent":
            request = replace(request, offline=True)
        for _ in range(1 + (n in repeats)):
            answer: Any = self.store.handle(handler, request, now + timedelta(milliseconds=80))
            if told.action == "StartTransaction":
                assert told.transaction is not None
                self.numbers[told.transaction] = answer.transaction_id


@pytest.mark.parametrize("version", sorted(PROTOCOLS))
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_none_is_held_and_each_is_billed_by_its_registers(version: str, data: st.DataObject) -> None:
    meters = {
        1: float(data.draw(st.sampled_from((0, 5_000)) | st.integers(0, 10**7))),
        2: float(data.draw(st.integers(0, 10**7))),
    }
    charger = run(Charger(data.draw(habits(version))), data.draw(plans()), meters)
    offline = None
    if data.draw(st.booleans()):
        since = MORNING + timedelta(seconds=data.draw(st.integers(0, 10_000)))
        offline = (since, since + timedelta(seconds=data.draw(st.integers(1, 86_400))))
    count = len(charger.told)
    numbers = st.sets(st.integers(0, count - 1), max_size=4)
    connection = Connection(version, offline)
    connection.carry(charger.told, data.draw(numbers), data.draw(numbers))
    rows = sorted(connection.store.sessions.values(), key=lambda row: (row["evse_number"], row["started_at"]))
    visits = sorted(charger.visits, key=lambda visit: (visit.evse, visit.begin))
    assert [row["review"] for row in rows] == [()] * len(visits)
    for row, visit in zip(rows, visits, strict=True):
        assert row["status"] == "finished"
        assert (row["started_at"], row["stopped_at"]) == (visit.begin, visit.end)
        assert row["energy_wh"] == visit.end_wh - visit.begin_wh
