"""Certificates that stations ask for and get, certificates that are trusted, and security events."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from engine.domain import changes
from engine.store.tables.declare import (
    NOW,
    Owner,
    ident,
    index,
    integer,
    moment,
    number_of,
    sha256,
    smallint,
    station,
    table,
    text,
)

# One signing request per station and use: a newer one takes the place of the older.
certificate_requests: Final = table(
    "certificate_requests",
    station(),
    text("status", default="Requested"),  # Requested | Signed | Accepted | Rejected | Failed
    text("chain", null=True),  # PEM, the station's certificate first
    integer("attempts", default=0),
    moment("next_attempt_at"),
    text("reason", null=True),
    moment("requested_at"),
    moment("answered_at", null=True),
    sa.PrimaryKeyConstraint("charge_point_id", "certificate_type"),
    index("certificate_requests_open", "next_attempt_at", where="status in ('Requested', 'Signed')"),
    rows=(changes.CertificateWanted,),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)

# Every certificate that a CA gave for a station.
issued_certificates: Final = table(
    "issued_certificates",
    ident(),
    station(),
    text("certificate_type"),
    text("serial"),  # hex
    moment("not_after"),
    text("certificate"),  # PEM
    text("status", default="Issued"),  # Issued | Installed | Replaced | Refused
    moment("renewal_asked_at", null=True),
    moment("issued_at"),
    index("issued_certificates_station", "charge_point_id", "certificate_type", "id"),
    index("issued_certificates_expiry", "not_after", where="status = 'Installed'"),
    owner=Owner.ENGINE,
    tenant="charge_point_id",
)

# Moves of stations to a higher security profile (OCPP 2.0.1 A05); the newest is the one that counts.
security_profile_moves: Final = table(
    "security_profile_moves",
    ident(),
    station(),
    smallint("security_profile", check="security_profile between 1 and 3"),  # where it is to go
    text("actor"),
    moment("planned_at"),
    text("status", default="under_way"),  # under_way | moved | refused | given_up
    moment("ended_at", null=True),
    index("security_profile_moves_open", "charge_point_id", unique=True, where="status = 'under_way'"),
    index("security_profile_moves_station", "charge_point_id", "id desc"),
    owner=Owner.PEOPLE,
    tenant="charge_point_id",
)

certificates: Final = table(
    "certificates",
    sha256("sha256", key=True),  # of the DER form
    text("certificate"),  # PEM
    moment("created_at", default=NOW),
    owner=Owner.PEOPLE,
    tenant=None,
)

security_events: Final = table(
    "security_events",
    ident(),
    number_of("charge_point_id", "charge_points", null=True),  # null: nobody known
    number_of("operator_id", "operators", null=True),
    index("security_events_operator", "operator_id", "id desc"),
    index("security_events_station", "charge_point_id", "id desc"),
    rows=(changes.SecurityEventReported,),
    owner=Owner.ENGINE,
    tenant="operator_id",
)
