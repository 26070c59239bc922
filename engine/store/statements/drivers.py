"""Who presented a tag, and who reserved."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from engine.domain import changes
from engine.store.statements.writing import Statement, append, written
from engine.store.tables import drivers

RESERVATION: Final = attrgetter("charge_point_id", "id")

STATEMENTS: Final[Sequence[Statement]] = (
    append(changes.AuthorizationMade, drivers.authorizations),
    written(
        changes.ReservationMade,
        """
        insert into reservations (id, charge_point_id, operator_id, connector_number, id_tag, parent_id_tag,
                                  status, expiry_date, created_at, last_updated_at)
        select id, charge_point_id, operator_id, connector_number, id_tag, parent_id_tag, 'active',
               expiry_date, at, at
        from latest
        on conflict (charge_point_id, id) do update
        set connector_number = excluded.connector_number, id_tag = excluded.id_tag,
            parent_id_tag = excluded.parent_id_tag, status = 'active', expiry_date = excluded.expiry_date,
            session_id = null, created_at = excluded.created_at, last_updated_at = excluded.last_updated_at
        """,
        key="charge_point_id, id",
        subject=RESERVATION,
    ),
    written(
        # Nobody is told of one that was over already: told again, it changes nothing.
        changes.ReservationEnded,
        """
        , ended as (
            update reservations v set status = r.status, session_id = r.session_id, last_updated_at = r.at
            from latest r
            where v.id = r.id and v.charge_point_id = r.charge_point_id and v.status = 'active'
            returning v.id, v.charge_point_id, v.operator_id
        )
        insert into events (type, subject, operator_id, payload, created_at)
        select news_type, 'reservation:' || r.id, e.operator_id, news, at
        from latest r join ended e using (id, charge_point_id)
        """,
        key="charge_point_id, id",
        subject=RESERVATION,
    ),
)
