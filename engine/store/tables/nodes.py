"""The nodes that share this database, and what each has lost to others."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from engine.store.tables.declare import NOW, Owner, bigint, ident, index, moment, number_of, table, text

# A node is a process: its id is drawn when it starts. It is gone when its row is, or was not renewed for
# `engine.store.nodes.GONE_AFTER`.
nodes: Final = table(
    "nodes",
    text("id"),
    text("installation"),  # its data folder, where one process runs at a time
    moment("started_at", default=NOW),
    moment("heard_at", default=NOW),
    sa.PrimaryKeyConstraint("id"),
    owner=Owner.ENGINE,
    tenant=None,
)

# Charge points that connected to another node. A row stays until its node has read it.
takeovers: Final = table(
    "takeovers",
    ident(),
    text("node_id"),  # who has lost it
    number_of("charge_point_id", "charge_points"),
    bigint("generation"),  # what is older is refused
    index("takeovers_node", "node_id", "id"),
    owner=Owner.ENGINE,
    tenant=None,
)

# Work that one node does for all, while its lease runs.
duties: Final = table(
    "duties",
    text("name"),
    text("holder"),  # a node
    moment("leased_until"),
    sa.PrimaryKeyConstraint("name"),
    owner=Owner.ENGINE,
    tenant=None,
)
