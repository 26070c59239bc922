"""What a transaction of OCPP 2.x has cost so far, as its station is told (2.0.1 I02, I03)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from engine.domain.pricing import cost, spell
from engine.domain.session.close import billed
from engine.domain.state import ChargePoint, Frozen, Session, SessionStatus


class Cost(Frozen, frozen=True):
    """What a transaction has cost so far, in the currency of the charger, and what its driver is told."""

    total: Decimal
    message: str | None = None


CostHook: TypeAlias = Callable[[ChargePoint, Session, datetime], Cost | None]


def cost_so_far(cp: ChargePoint, session: Session, now: datetime) -> Cost | None:
    """By the session's price, when it is over (2.0.1 I03), before that where the station wants it (I02).

    Nothing is told where nobody set a price, nor of a session that is held for review, whose amount may be
    wrong: an absent cost does not mean that it was free.
    """
    is_over = session.status is SessionStatus.FINISHED
    if session.price is None or session.review or not (is_over or cp.settings.tell_running_cost):
        return None
    amount = cost(session.price, billed(session), now)
    return Cost(total=amount.total, message=None if is_over else spell(session.price))
