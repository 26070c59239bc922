"""Sessions, and what chargers report about them."""

from __future__ import annotations

from datetime import datetime

from engine.domain.changes.base import Change, Integer, Json, SmallInt
from engine.domain.session.review import Reviews


class SessionAsked(Change, frozen=True):
    """sessions, new row: a remote start was authorized, and its session is awaited."""

    id: int
    operator_id: int
    charge_point_id: int
    evse_number: int  # 0: any
    id_tag: str
    id_tag_id: int | None
    user_id: int | None
    authorization_id: int
    remote_start_id: int
    asked_at: datetime
    expires_at: datetime


class SessionGivenUp(Change, frozen=True):
    """sessions by id, while it is pending, and then `news` as a row of events: it will not begin."""

    id: int
    operator_id: int
    status: str  # expired | failed
    reason: str
    news_type: str
    news: bytes  # JSON
    at: datetime


class SessionMerged(Change, frozen=True):
    """sessions by id, one that never began: what it was asked for is another session, so it goes."""

    id: int


class SessionOpened(Change, frozen=True):
    """sessions by id: new, or one that was asked for. `start_key` is unique per charge point."""

    id: int
    operator_id: int
    charge_point_id: int
    evse_number: int
    connector_number: int
    transaction_id: str
    start_key: str
    status: str
    id_tag: str | None
    id_tag_id: int | None
    user_id: int | None
    authorization_id: int | None
    reservation_id: int | None
    meter_start_wh: int
    started_at: datetime
    start_received_at: datetime
    offline: bool  # the start was reported later than it happened
    protocol: str  # in which it was told: "ocpp1.6" …
    review: Reviews = ()
    charging_state: str | None = None
    remote_start_id: int | None = None
    asked_id_tag: str | None = None
    waived: str | None = None


class SessionAmended(Change, frozen=True):
    """sessions by id: what a later message says of its beginning or of its present state.

    `id_tag_id`, `user_id` and `authorization_id` are written only with a tag that is new to it (`tag_told`).
    """

    id: int
    evse_number: int
    connector_number: int
    started_at: datetime
    meter_start_wh: int
    id_tag: str | None
    reservation_id: int | None
    remote_start_id: int | None
    charging_state: str | None
    offline: bool
    last_updated_at: datetime
    asked_id_tag: str | None = None
    waived: str | None = None
    tag_told: bool = False
    id_tag_id: int | None = None
    user_id: int | None = None
    authorization_id: int | None = None


class SessionStopAsked(Change, frozen=True):
    """sessions by id: the charger has agreed to end it."""

    id: int
    stop_asked_at: datetime


class SessionExplained(Change, frozen=True):
    """sessions by id: why it ended, where it ended before its charger agreed to end it."""

    id: int
    reason: str
    stop_asked_at: datetime
    last_updated_at: datetime


class SessionClosed(Change, frozen=True):
    """sessions by id: the end, its reason and the totals. Final: later changes are corrections."""

    id: int
    status: str
    reason: str
    stopped_at: datetime
    meter_stop_wh: int | None
    energy_wh: int
    stop_id_tag: str | None
    stop_received_at: datetime
    review: Reviews = ()


class SessionReviewed(Change, frozen=True):
    """sessions by id: `review` says why billing is held; an empty one lifts the hold."""

    id: int
    review: Reviews
    last_updated_at: datetime


class SessionReopened(Change, frozen=True):
    """sessions by id: closed by us without a stop (missing stop), and the charger goes on with it."""

    id: int
    last_updated_at: datetime


class ChargingPeriodsRewritten(Change, frozen=True):
    """charging_periods of a session, all of them: its history was told out of order.

    `periods` is a JSON array of objects with the table's columns, without the session's.
    """

    session_id: int
    periods: Json


class ChargingPeriodOpened(Change, frozen=True):
    """charging_periods by (session_id, started_at); also closes the session's open period at that moment."""

    session_id: int
    started_at: datetime
    charging_state: str  # charging | idle
    energy_wh: int  # session total at this moment


class ChargingPeriodClosed(Change, frozen=True):
    """charging_periods: the session's open period ends."""

    session_id: int
    stopped_at: datetime
    energy_wh: int  # session total at this moment


class TransactionEventStored(Change, frozen=True, gc=False):
    """transaction_events, new row by charge point, transaction, seq_no, timestamp, event_type and content.

    Time, type and content are part of the key because some chargers give a number twice. The same event told
    again is one row.
    """

    charge_point_id: int
    transaction_id: str
    seq_no: int
    timestamp: datetime
    event_type: str  # Started | Updated | Ended
    trigger_reason: str
    offline: bool
    session_id: int
    payload: Json  # JSON as received
    received_at: datetime
    content: int = 0  # domain.session.facts.fingerprint


class SessionMeasured(Change, frozen=True, gc=False):
    """session_totals: what a session has come to, where a meter value does not say all of it."""

    session_id: int
    energy_wh: int
    register_wh: int | None
    register_at: datetime | None  # None with a register: the station's clock could not be trusted
    register_series: SmallInt  # location and phases of that register (ext.metering)
    resets: Integer
    power_w: float | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None
    sampled_at: datetime | None  # of the newest sample whose time could be trusted


class MeterValueAdded(Change, frozen=True, gc=False):
    """meter_values, new row by (charge_point_id, timestamp, sample_key): one MeterValue with its samples.

    What its session showed by then stands beside the verbatim samples. A row that came late has its own
    values there and no energy.
    """

    charge_point_id: int
    session_id: int | None
    evse_number: Integer
    timestamp: datetime
    received_at: datetime
    sample_key: int  # 64-bit fingerprint of (session, identities of the samples)
    energy_wh: int | None
    register_wh: int | None
    power_w: float | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None
    samples: Json  # JSON array as received (signed values verbatim)


class MeterValueCounted(MeterValueAdded, frozen=True, gc=False):
    """The same, and session_totals, which its columns move: its time is the newest of all.

    The register that counts stays the same: there is a row of totals, and its series and resets stay.
    """


class OrphanKept(Change, frozen=True):
    """orphans, new row by (charge_point_id, key)."""

    id: int
    charge_point_id: int
    key: str
    action: str
    transaction_id: str
    connector_number: Integer | None
    id_tag: str | None
    meter_wh: int | None
    timestamp: datetime
    reason: str | None
    payload: bytes
    received_at: datetime


class OrphanResolved(Change, frozen=True):
    """orphans by id: it found its session."""

    id: int
    session_id: int
    resolved_at: datetime
