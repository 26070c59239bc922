"""Events of the outbox that say what people, or programs for them, have changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.domain.state import Frozen


class Event(Frozen, frozen=True):
    """`type` is `charge_point.updated`, `subject` `charge_point:12`.

    `payload` names the columns that have `changed`, and the station (`identity`) or tag (`uid`) of the row.
    """

    id: int
    type: str
    subject: str
    operator_id: int | None
    payload: Mapping[str, Any]

    @property
    def identity(self) -> str | None:
        """The station that the row belongs to, by what it calls itself."""
        return self.payload.get("identity")

    @property
    def uid(self) -> str | None:
        """The id tag that was changed."""
        return self.payload.get("uid")
