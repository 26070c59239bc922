"""One connection that writes changes: a commit is one round trip, a statement per kind of row, done once.

Nothing here queues or decides what to do about a refusal. While the database is away it is tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import asyncpg
import structlog
import trio

from engine.domain.changes import Change, Json
from engine.store.database import ASYNCPG_ERRORS, Database, passes
from engine.store.fence import Fence
from engine.store.statements import RANK, STATEMENTS, Statement

log = structlog.get_logger(__name__)

RETRY_DELAYS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)  # seconds, times 0.5–1.0; the last one repeats
COMMIT_TIMEOUT: Final = 30.0  # seconds; a connection that answers nothing for so long is given up
REGISTER: Final = """
with outdated as (delete from journal_writers where updated_at < now() - interval '30 days')
insert into journal_writers default values returning id
"""
OURS: Final = "set voltrio.writer = 'journal'"  # rows that it makes in tables of people are chargers'
MOVED: Final = "VF001"  # SQLSTATE of ours
# A commit is one call of this function: one round trip, whatever is in it. The writer's row holds the number
# of its last commit. Taking a number waits for an earlier attempt whose server process still lives, and takes
# nothing if that one or a later one was committed: no commit is done twice, nor behind the next one. Each
# statement sees what those before it did. The connection keeps the function, and all plans.
FUNCTION: Final = """
create function pg_temp.commit_once(
    _writer bigint, _number bigint, _kinds int[], _batches bytea[], _documents bytea[], _counts int[],
    _node text, _read bigint
)
returns boolean language plpgsql as $commit$
#variable_conflict use_column
declare
    _at int := 0;
begin
    insert into journal_writers as w (id, number) values (_writer, _number)
    on conflict (id) do update set number = excluded.number, updated_at = now()
    where w.number < excluded.number;
    if not found then
        return false;
    end if;
    if _node is not null then
        perform lock_fence(_node, false);
        if exists (select from takeovers where node_id = _node and id > _read)
           or not exists (select from nodes where id = _node) then
            raise exception 'charge points have moved to other nodes' using errcode = '{moved}';
        end if;
    end if;
    for _step in 1 .. cardinality(_kinds) loop
        case _kinds[_step] {cases} end case;
        _at := _at + _counts[_step];
    end loop;
    return true;
end
$commit$
"""
COMMIT: Final = "select pg_temp.commit_once($1, $2, $3, $4, $5, $6, $7, $8)"
DOCUMENTS: Final = "_documents[_at + 1 : _at + _counts[_step]]"

# Ranks of statements, and the rows of each as JSON; the documents of all rows, and how many each has.
Plan: TypeAlias = tuple[list[int], list[bytes], list[Json], list[int]]


class PlanError(Exception):
    """The database will never take this plan."""


class FenceMoved(Exception):
    """Another node has taken charge points that are still written for here; nothing was committed."""


class Writer:
    """`write` commits, one batch at a time.

    `what` names its rows in the log, `settings` is SQL for each new connection. With a `fence` nothing is
    committed before that has read all takeovers. `jitter()` gives numbers in [0, 1) that spread the retries
    of several nodes.
    """

    def __init__(
        self,
        database: Database,
        jitter: Callable[[], float],
        what: str,
        fence: Fence | None = None,
        settings: str = "",
    ) -> None:
        self._database = database
        self._jitter = jitter
        self._what = what
        self._settings = settings
        self._fence = fence
        self._connection: asyncpg.Connection | None = None
        self._writer = 0  # number of our row in journal_writers
        self._number = 0  # of the last commit begun

    async def write(self, changes: Sequence[Change]) -> None:
        """One transaction, repeated until its outcome is known. Raises PlanError and FenceMoved."""
        if not changes:
            return
        fence = self._fence
        arguments = (*self._plan(changes), *((fence.node_id, fence.read) if fence else (None, 0)))
        failures = 0
        known = False  # the database has said itself that it is away
        odd = False  # it ended in a way that says nothing about the outcome, and that no absence explains
        self._number += 1
        while True:
            try:
                with trio.fail_after(COMMIT_TIMEOUT):
                    connection = await self._connected()
                    await self._database.run(
                        connection.fetchval(COMMIT, self._writer, self._number, *arguments)
                    )
                break
            except (*ASYNCPG_ERRORS, OSError) as error:
                if getattr(error, "sqlstate", None) == MOVED:
                    raise FenceMoved from error
                if not passes(error):
                    raise PlanError(str(error)) from error
                self.disconnect()
                reason = str(error)
                known = self._database.lost(error)
            except trio.TooSlowError:
                self.disconnect()
                reason = f"no answer within {COMMIT_TIMEOUT} s"
            except MemoryError as error:
                self.disconnect()
                reason = repr(error)
            except Exception as error:
                # A bug. It may have struck after the commit: the same number again tells, and does nothing
                # then. A second time it is these changes' own trouble: the writer goes on with others.
                log.exception("commit failed")
                self.disconnect()
                if odd:
                    raise PlanError(repr(error)) from error
                odd, reason = True, repr(error)
            if failures == 0 and not known:
                log.warning(f"{self._what} wait for the database", error=reason)
            await trio.sleep(
                RETRY_DELAYS[min(failures, len(RETRY_DELAYS) - 1)] * (0.5 + 0.5 * self._jitter())
            )
            failures += 1
        if failures and not known:
            log.info(f"{self._what} go on", attempts=failures + 1)

    def disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    def _plan(self, changes: Sequence[Change]) -> Plan:
        try:
            plan: Plan = ([], [], [], [])
            kinds, batches, documents, counts = plan
            for statement, rows in waves(changes):
                batch, apart = statement.cleaner.encode(rows)
                kinds.append(RANK[statement.change])
                batches.append(batch)
                documents += apart
                counts.append(len(apart))
            return plan
        except Exception as error:  # also where memory is short: each half needs less
            raise PlanError(repr(error)) from error

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await self._database.run(self._database.connect())
                await self._database.run(self._connection.execute(f"{OURS};{self._settings};{_function()}"))
                if self._writer == 0:
                    self._writer = await self._database.run(self._connection.fetchval(REGISTER))
            except OSError:
                raise
            except Exception as error:
                # A password changed, a database was renamed, no thread to be had: that is no change's fault.
                raise ConnectionError(str(error) or repr(error)) from error
        return self._connection


def _function() -> str:
    branches = (
        f"when {rank} then {statement.sql.replace('$1', '_batches[_step]').replace('$2', DOCUMENTS)};"
        for rank, statement in enumerate(STATEMENTS)
    )
    return FUNCTION.format(cases=" ".join(branches), moved=MOVED)


def waves(changes: Sequence[Change]) -> list[tuple[Statement, list[Change]]]:
    """Changes by statement, in the order of their kinds: parents before children.

    Where the changes of one subject come in another order than their kinds (a session is reopened, then
    closed), what comes later waits for another round.
    """
    rounds: list[dict[int, list[Change]]] = [{}]
    seen: dict[Any, tuple[int, int]] = {}  # subject → (round, rank) of its last change
    for change in changes:
        rank = RANK[type(change)]
        statement = STATEMENTS[rank]
        identify = statement.subject
        number = 0
        if identify is not None:
            subject = (identify, identify(change))
            number, last = seen.get(subject, (0, -1))
            if rank < last or (rank == last and not statement.whole):
                number += 1
                if number == len(rounds):
                    rounds.append({})
            seen[subject] = (number, rank)
        rows = rounds[number].get(rank)
        if rows is None:
            rounds[number][rank] = [change]
        else:
            rows.append(change)
    return [(STATEMENTS[rank], kinds[rank]) for kinds in rounds for rank in sorted(kinds)]
