"""What others are told, and who did what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.domain import changes
from engine.store.statements.writing import Statement, append
from engine.store.tables import access, logs, outbox

STATEMENTS: Final[Sequence[Statement]] = (
    append(changes.EventPublished, outbox.events),
    append(changes.Audited, access.audit_log),
    append(changes.MessageLogged, logs.message_log),
)
