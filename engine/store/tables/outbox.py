"""What others are told, and what the journal remembers of itself."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

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
    text,
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

# Who reads the outbox: how far it has come, and which node reads for it until when.
consumers: Final = table(
    "consumers",
    text("name"),
    transaction("xid"),  # all events of earlier transactions were taken, and of this one …
    bigint("event_id", default=0),  # … those up to here
    text("holder", null=True),
    moment("leased_until", null=True),
    sa.PrimaryKeyConstraint("name"),
    owner=Owner.ENGINE,
    tenant=None,
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
