"""The world outside as charge points' handlers ask it: each question goes to whoever answers its kind.

No failure leaves here: a question that nobody answers in time has no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import structlog
import trio

from engine.domain.outside import Answer, ContractAsked, Question, RevocationAsked
from engine.domain.state import ChargePoint
from engine.errors import OutsideError
from engine.security.contracts import SANDBOX, ContractProvider, HttpProvider, Sandbox, open_roots
from engine.security.http import HttpPost, Post
from engine.security.ocsp import Responders
from engine.settings import Settings

log = structlog.get_logger(__name__)

PATIENCE: Final = 10.0  # seconds that a station's message may wait for all its questions


class World:
    """Responders and, if there is one, the provider of contract certificates."""

    def __init__(self, responders: Responders, contracts: ContractProvider | None) -> None:
        self._responders = responders
        self._contracts = contracts

    async def ask(self, charge_point: ChargePoint, questions: Sequence[Question]) -> Sequence[Answer | None]:
        """The answers in the order of the questions; those that time ran out for are None."""
        answers: list[Answer | None] = []
        with trio.move_on_after(PATIENCE):
            for question in questions:
                answers.append(await self._asked(charge_point, question))
        return answers + [None] * (len(questions) - len(answers))

    async def _asked(self, charge_point: ChargePoint, question: Question) -> Answer | None:
        if isinstance(question, RevocationAsked):
            return await self._responders.ask(question)
        if isinstance(question, ContractAsked) and self._contracts is not None:
            try:
                return await self._contracts.ask(question)
            except OutsideError as error:
                log.warning("no contract certificate", identity=charge_point.identity, error=str(error))
        return None


def open_world(settings: Settings, now: Callable[[], datetime], post: Post | None = None) -> World:
    """The world as the settings name it. Raises SettingsError."""
    post = post or HttpPost(settings.ocsp_hosts)
    named = settings.contract_certificates
    contracts: ContractProvider | None = None
    if named is not None:
        contracts = Sandbox() if named == SANDBOX else HttpProvider(named, post)
    return World(Responders(post, now, open_roots(settings)), contracts)
