"""One register, many sessions: what one of them is billed for, the next one is not."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.changes import SessionReviewed
from engine.domain.session.close import finish
from engine.domain.session.facts import Neighbour, Stop
from engine.domain.session.review import Review
from engine.domain.state import ChargePoint, Session
from engine.ocpp import v16 as v16_protocol
from engine.ocpp import v201 as v201_protocol
from engine.ocpp.messages import v16, v201
from tests.domain.simulated_store import Store, station

BEGINNING = datetime(2026, 3, 1, 8, tzinfo=UTC)
LATER = BEGINNING + timedelta(days=2)
INBOUND = {one.name: one.inbound for one in (v16_protocol.PROTOCOL, v201_protocol.PROTOCOL)}
VERSIONS = pytest.mark.parametrize("version", sorted(INBOUND))


def messages(version: str, nth: int, start: int, stop: int, evse: int = 1) -> list[Any]:
    """Of the nth hour's transaction."""
    begin = BEGINNING + timedelta(hours=nth)
    end = begin + timedelta(minutes=50)
    if version == "ocpp1.6":
        return [
            v16.StartTransaction(connector_id=evse, id_tag="TAG", meter_start=start, timestamp=begin),
            v16.StopTransaction(transaction_id=0, meter_stop=stop, timestamp=end, id_tag="TAG"),
        ]
    return [
        v201.TransactionEvent(
            event_type=kind,
            timestamp=at,
            trigger_reason="Authorized",
            seq_no=n,
            transaction_info=v201.Transaction(transaction_id=f"tx-{nth}"),
            evse=v201.EVSE(id=evse),
            meter_value=[
                v201.MeterValue(timestamp=at, sampled_value=[v201.SampledValue(value=wh)]),
            ],
        )
        for n, (kind, at, wh) in enumerate((("Started", begin, start), ("Ended", end, stop)))
    ]


def tell(store: Store, told: list[Any], *, reconnects: bool = False) -> None:
    number: Any = UNSET
    for one in told:
        if reconnects:
            store.reconnect()
        request = one
        if isinstance(one, v16.StopTransaction):
            request = v16.StopTransaction(
                transaction_id=number, meter_stop=one.meter_stop, timestamp=one.timestamp
            )
        answer: Any = store.handle(INBOUND[store.cp.version][type(one).__name__], request, LATER)
        number = getattr(answer, "transaction_id", number)


def reviews(store: Store) -> list[tuple[Review, ...]]:
    return [row["review"] for row in sorted(store.sessions.values(), key=lambda row: row["started_at"])]


HELD = (Review.BILLED_BEFORE,)


@VERSIONS
@pytest.mark.parametrize(
    ("registers", "held"),
    [
        pytest.param([(1_000, 6_000), (6_000, 9_000)], [(), ()], id="one after the other"),
        pytest.param([(1_000, 6_000), (6_050, 9_000)], [(), ()], id="standby between"),
        pytest.param([(1_000, 6_000), (5_950, 9_000)], [(), ()], id="rounded"),
        pytest.param([(1_000, 6_000), (0, 9_000)], [(), HELD], id="a start of zero"),
        pytest.param([(1_000, 6_000), (1_000, 9_000)], [(), HELD], id="a start that is stuck"),
        pytest.param([(1_000, 6_000), (5_000, 9_000)], [(), HELD], id="it begins before the end"),
        pytest.param([(910_000, 915_000), (0, 5_000)], [(), ()], id="a new meter"),
        pytest.param([(0, 5_000), (0, 8_000), (0, 3_000)], [()] * 3, id="each counts from zero"),
        pytest.param([(20, 5_000), (30, 8_000), (0, 3_000)], [()] * 3, id="each from nearly zero"),
        pytest.param([(0, 6_000), (5_000, 9_000)], [(), HELD], id="the first of a new meter"),
        pytest.param([(1_000, 6_000), (6_000, 9_000), (6_000, 12_000)], [(), (), HELD], id="the third"),
    ],
)
@pytest.mark.parametrize("reconnects", [False, True])
def test_energy_that_another_session_was_billed_for_is_held(
    version: str, registers: list[tuple[int, int]], held: list[tuple[Review, ...]], *, reconnects: bool
) -> None:
    all_ = [messages(version, n, *one) for n, one in enumerate(registers)]
    for order in itertools.permutations(all_):
        store = Store(station(version))
        for told in order:
            tell(store, told, reconnects=reconnects)
        found = [tuple(code for code in row if code != "missing_stop") for row in reviews(store)]
        assert found == held


def test_whose_begin_is_told_last_leaves_no_two_unlooked_at() -> None:
    """Until then the first one was taken to begin where it ended, between the two that bill the same."""
    first = messages("ocpp2.0.1", 0, 6_000, 6_000)
    first[1] = replace(first[1], timestamp=BEGINNING + timedelta(hours=1, minutes=55))
    others = [*messages("ocpp2.0.1", 1, 1_000, 6_000), *messages("ocpp2.0.1", 2, 0, 6_000)]
    for order in itertools.permutations((*first, *others)):
        store = Store(station("ocpp2.0.1"))
        tell(store, list(order))
        assert [Review.BILLED_BEFORE in row for row in reviews(store)] == [False, False, True]


@VERSIONS
def test_other_evses_have_other_meters(version: str) -> None:
    store = Store(station(version))
    for n in (1, 2):
        tell(store, messages(version, n, 1_000, 6_000, evse=n))
    assert reviews(store) == [(), ()]


@pytest.mark.parametrize(
    ("stop_wh", "review", "released", "becomes"),
    [
        pytest.param(6_000, ("billed_before", "late_stop"), (), ("late_stop",), id="lifted"),
        pytest.param(7_000, ("late_stop",), (), ("late_stop", "billed_before"), id="held"),
        pytest.param(7_000, (), ("billed_before",), (), id="a person has looked"),
        pytest.param(6_000, (), (), (), id="nothing new"),
    ],
)
def test_the_end_of_the_first_decides_about_the_second(  # noqa: PLR0917 - one row of the table above per case
    cp: ChargePoint,
    session: Session,
    now: datetime,
    stop_wh: int,
    review: tuple[Review, ...],
    released: tuple[Review, ...],
    becomes: tuple[Review, ...],
) -> None:
    second = Neighbour(
        id=8, earlier=False, meter_start_wh=6_000, meter_stop_wh=9_000, review=review, released=released
    )
    stop = Stop(at=now + timedelta(hours=1), meter_wh=stop_wh, reason=None)
    _, closed, changes = finish(cp, session, stop, now + timedelta(hours=3), neighbours=[second])
    assert not closed.review
    told = [one.review for one in changes if isinstance(one, SessionReviewed)]
    assert told == ([] if becomes == review else [becomes])
