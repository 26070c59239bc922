"""The world outside as charge points' handlers ask it: each question goes to whoever answers its kind.

No failure leaves here: a question that nobody answers in time has no answer. What one message and one charge
point may ask is bounded, so that none of them makes this node ask others without end.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import structlog
import trio

from engine.domain.outside import Answer, ContractAsked, Question, RevocationAsked
from engine.domain.state import ChargePoint
from engine.errors import OutsideError
from engine.metrics import Metrics
from engine.points.admission import Bucket
from engine.security.contracts import SANDBOX, ContractProvider, HttpProvider, Sandbox, open_roots
from engine.security.http import HttpPost, Post
from engine.security.ocsp import Responders
from engine.settings import Settings

log = structlog.get_logger(__name__)

PATIENCE: Final = 10.0  # seconds that a station's message may wait for all its questions
PER_MESSAGE: Final = 10  # questions of one message that are heard: a chain and four hashes are nine
RATE: Final = 0.5  # questions per second of one charge point that go out, …
BURST: Final = 30  # … and so many at once after a quiet minute
ASKERS: Final = 10_000  # charge points whose questions are counted; the one quiet longest is forgotten


class World:
    """Responders and, if there is one, the provider of contract certificates."""

    def __init__(self, responders: Responders, contracts: ContractProvider | None, metrics: Metrics) -> None:
        self._responders = responders
        self._contracts = contracts
        self._metrics = metrics
        self._turns: OrderedDict[int, Bucket] = OrderedDict()

    async def ask(self, charge_point: ChargePoint, questions: Sequence[Question]) -> Sequence[Answer | None]:
        """The answers in the order of the questions; those that time or turns ran out for are None."""
        answers: list[Answer | None] = []
        with trio.move_on_after(PATIENCE):
            for question in questions[:PER_MESSAGE]:
                answers.append(await self._asked(charge_point, question))
        return answers + [None] * (len(questions) - len(answers))

    async def _asked(self, charge_point: ChargePoint, question: Question) -> Answer | None:
        if isinstance(question, RevocationAsked) and self._responders.knows(question):
            self._metrics.questions.add("remembered")
            return await self._responders.ask(question)
        if not self._has_turn(charge_point):
            self._metrics.questions.add("refused")
            return None
        answer = await self._asked_outside(charge_point, question)
        self._metrics.questions.add("silent" if answer is None else "answered")
        return answer

    async def _asked_outside(self, charge_point: ChargePoint, question: Question) -> Answer | None:
        if isinstance(question, RevocationAsked):
            return await self._responders.ask(question)
        if isinstance(question, ContractAsked) and self._contracts is not None:
            try:
                return await self._contracts.ask(question)
            except OutsideError as error:
                log.warning("no contract certificate", identity=charge_point.identity, error=str(error))
        return None

    def _has_turn(self, charge_point: ChargePoint) -> bool:
        bucket = self._turns.pop(charge_point.id, None) or Bucket(RATE, BURST)
        self._turns[charge_point.id] = bucket
        if len(self._turns) > ASKERS:
            self._turns.popitem(last=False)
        return bucket.take(trio.current_time(), 0.0) is not None


def open_world(
    settings: Settings, now: Callable[[], datetime], metrics: Metrics, post: Post | None = None
) -> World:
    """The world as the settings name it. Raises SettingsError."""
    post = post or HttpPost(settings.ocsp_hosts)
    named = settings.contract_certificates
    contracts: ContractProvider | None = None
    if named is not None:
        contracts = Sandbox() if named == SANDBOX else HttpProvider(named, post)
    return World(Responders(post, now, open_roots(settings)), contracts, metrics)
