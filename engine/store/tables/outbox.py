"""What others are told, and what the journal remembers of itself."""

from __future__ import annotations

from typing import Final

from engine.domain import changes
from engine.store.tables.declare import (
    NOW,
    Owner,
    bigint,
    boolean,
    ident,
    index,
    moment,
    number_of,
    table,
    transaction,
)

# The outbox: written with what it tells of, delivered at least once afterwards.
events: Final = table(
    "events",
    ident(),
    number_of("operator_id", "operators", null=True),
    transaction("xid"),  # events are read in the order of these: one with a lower number may come later
    boolean("by_people", default=False),  # a change of a row that people own, else a charger's
    index("events_order", "xid", "id"),
    index("events_by_people", "xid", "id", where="by_people"),
    rows=(changes.EventPublished,),
    owner=Owner.ENGINE,
    tenant="operator_id",
)

# The number of the last commit of each journal: it says whether a COMMIT whose answer was lost has happened.
# (pg_xact_status would not do: after a crash PostgreSQL gives out the number of a lost transaction again.)
journal_writers: Final = table(
    "journal_writers",
    ident(),
    bigint("number", default=0),
    moment("updated_at", default=NOW),
    owner=Owner.ENGINE,
    tenant=None,
)
