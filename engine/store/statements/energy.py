"""Charging profiles that stations hold, and limits that others set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.domain import changes
from engine.store.statements.writing import Statement, put
from engine.store.tables import energy

STATEMENTS: Final[Sequence[Statement]] = (
    put(changes.ChargingProfileChanged, energy.charging_profiles),
    put(changes.ChargingLimitChanged, energy.charging_limits),
)
