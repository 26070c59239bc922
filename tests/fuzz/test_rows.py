"""Whatever a charger makes of a message or an answer: the database takes the rows that follow from it.

And whatever has to be looked up for a message is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.domain.changes import Change
from engine.domain.lookups import Lookup
from engine.domain.state import ChargePoint, Policy
from engine.ocpp import policy
from engine.ocpp.step import Refusal
from engine.ocpp.versions import PROTOCOLS
from engine.store import Store
from engine.store.writer import waves
from tests.fuzz.long import examples
from tests.fuzz.test_handlers import INBOUND, bent
from tests.ocpp.test_blocks_properties import NOW, charge_points, facts_for, messages_of

SECONDS = 300.0
ANSWERED = [
    (name, command) for name, p in PROTOCOLS.items() for command in p.outbound.values() if command.answered
]
ASKING = [(name, handler) for name, handler in INBOUND if handler.needs is not None]
STATION = 12  # of `charge_points`

Write = Callable[[Sequence[Change]], None]


@pytest.fixture
def write(dsn: str) -> Iterator[Write]:
    """Writes rows, all of them, and takes them back."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(dsn))

        async def rolled_back(changes: Sequence[Change]) -> None:
            transaction = connection.transaction()
            await transaction.start()
            try:
                for statement, rows in waves(changes):
                    batch, documents = statement.cleaner.encode(rows)
                    apart = (documents,) if documents else ()
                    await connection.execute(statement.sql, batch, *apart)
            finally:
                await transaction.rollback()

        insert = (
            "with added as (insert into charge_points (id, network_id, name, operator_id) "
            "values ($1, $2, $2, 1) returning id) "
            "insert into charge_point_status (charge_point_id) select id from added"
        )
        runner.run(connection.execute(insert, STATION, "CP-12"))
        yield lambda changes: runner.run(rolled_back(changes))
        runner.run(connection.close())


def rows_of_a_request(data: st.DataObject) -> Sequence[Change]:
    version, handler = data.draw(st.sampled_from(INBOUND))
    decoded = policy.decode(handler.request, bent(handler, data), Policy.REPAIR, version=version)
    if isinstance(decoded, Refusal):
        return ()
    cp = data.draw(charge_points(version))
    needs = handler.needs(cp, decoded.message) if handler.needs is not None else ()
    return handler.step(cp, decoded.message, facts_for(data, needs), NOW).changes


def questions(count: int) -> Sequence[tuple[ChargePoint, Sequence[Lookup[Any]]]]:
    """What so many messages, valid or bent, need to know."""
    asked: list[tuple[ChargePoint, Sequence[Lookup[Any]]]] = []

    @given(data=st.data())
    @settings(max_examples=count, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def ask(data: st.DataObject) -> None:
        version, handler = data.draw(st.sampled_from(ASKING))
        decoded = policy.decode(handler.request, bent(handler, data), Policy.REPAIR, version=version)
        if not isinstance(decoded, Refusal):
            cp = data.draw(charge_points(version))
            needs = handler.needs(cp, decoded.message) if handler.needs is not None else ()
            if lookups := [one for one in needs if isinstance(one, Lookup)]:
                asked.append((cp, lookups))

    ask()
    return asked


async def test_the_database_answers_all_questions(store: Store) -> None:
    asked = questions(100)
    assert asked
    for cp, lookups in asked:
        await store.reader.resolve(cp, lookups)  # raises where it cannot


def rows_of_an_answer(data: st.DataObject) -> Sequence[Change]:
    version, command = data.draw(st.sampled_from(ANSWERED))
    request, answer = data.draw(messages_of(command.request)), data.draw(messages_of(command.response))
    assert command.answered is not None
    return command.answered(data.draw(charge_points(version)), request, answer, NOW).changes


@pytest.mark.parametrize("rows", [rows_of_a_request, rows_of_an_answer])
def test_the_database_takes_all_rows(write: Write, rows: Callable[[st.DataObject], Sequence[Change]]) -> None:
    @given(data=st.data())
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def taken(data: st.DataObject) -> None:
        write(rows(data))

    taken()


@pytest.mark.soak
@pytest.mark.parametrize("rows", [rows_of_a_request, rows_of_an_answer])
def test_the_database_takes_all_rows_for_long(
    write: Write, rows: Callable[[st.DataObject], Sequence[Change]]
) -> None:
    print(f"{examples(SECONDS, st.data(), lambda data: write(rows(data)))} examples")
