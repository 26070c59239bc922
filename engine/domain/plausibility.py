"""Bounds beyond which nobody is billed without a person looking, and the codes that say why one is held.

No session is refused here: a held session is complete, only its CDR and invoice wait.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from engine.domain.state import Session, SessionStatus, StationSettings


class Review(StrEnum):
    """Why billing of a session is held; a session's `review` is one or more of these, joined by commas."""

    MISSING_STOP = "missing_stop"  # closed by us when its connector started another transaction
    MISSING_STOP_AFTER_BOOT = "missing_stop_after_boot"  # closed by us: the connector was free after a boot
    NOT_ONGOING = "not_ongoing"  # closed by us: the station said that it was over and had no more to tell
    STATION_REMOVED = "station_removed"  # closed by us: its station was taken out of service
    MISSING_START = "missing_start"  # begun by an event that was not its first; lifted when that comes
    LATE_EVENT = "late_event"  # an event told after the end changed what was to be billed
    LONG_HISTORY = "long_history"  # more events than are folded anew: counted in the order of arrival
    LATE_STOP = "late_stop"  # the real stop came after another transaction had started on the connector
    OTHER_STOP = "other_stop"  # a second stop said something else; the first one counts, an orphan keeps it
    RECONCILED = "reconciled"  # the stop named no known transaction; matched by tag, meter and time
    IMPLAUSIBLE_ENERGY = "implausible_energy"  # more than the station's power could have delivered
    METER_RESET = "meter_reset"  # the register fell, or ended below what it had shown
    MISSING_REGISTER = "missing_register"  # none of the begin or of the end, or not of the same register
    BILLED_BEFORE = "billed_before"  # its registers overlap those of the session before it on the EVSE
    CLOCK_DRIFT = "clock_drift"  # a time stamp is in the future or before the station can have been built


CLOSED_BY_US: Final = frozenset({Review.MISSING_STOP, Review.MISSING_STOP_AFTER_BOOT, Review.NOT_ONGOING})

FUTURE_TOLERANCE: Final = timedelta(minutes=5)  # a charger's clock may be ahead by this much
EARLIEST_YEAR: Final = 2015  # OCPP 1.6 is of October 2015: an older stamp comes from a clock never set
MARGIN_WH: Final = 1_000  # coarse registers and time stamps of whole minutes


def held(review: str | None, *codes: Review) -> str | None:
    """`review` with `codes` added, each once, in order of arrival."""
    have = review.split(",") if review else []
    have += [code for code in dict.fromkeys(codes) if code not in have]
    return ",".join(have) or None


def without(review: str | None, *codes: Review) -> str | None:
    """`review` without `codes`."""
    return ",".join(code for code in (review or "").split(",") if code and code not in codes) or None


def is_held(review: str | None, code: Review) -> bool:
    """Whether `review` holds `code`."""
    return review is not None and code in review.split(",")


def was_ever_held(review: str | None, released: str | None, code: Review) -> bool:
    """Whether `code` is held, or was and a person has released it."""
    return is_held(review, code) or is_held(released, code)


def closed_by_us(session: Session) -> bool:
    """Whether `session` was closed without its stop, so that one real stop may still correct it.

    A person who released it (its codes are gone) has made it final.
    """
    return session.status is SessionStatus.FINISHED and any(is_held(session.review, c) for c in CLOSED_BY_US)


def energy_ceiling_wh(max_power_w: int, elapsed: timedelta) -> int:
    """The most energy, Wh, that `max_power_w` can deliver in `elapsed`, with a tenth and a margin on top."""
    seconds = max(elapsed.days * 86_400 + elapsed.seconds, 0)
    return max_power_w * seconds * 11 // 36_000 + MARGIN_WH


def ceiling_wh(settings: StationSettings, elapsed: timedelta) -> int:
    """The most energy, Wh, that one session of this station can have taken in `elapsed`."""
    return min(energy_ceiling_wh(settings.max_power_w, elapsed), settings.max_session_wh)


def clock_is_wrong(at: datetime, received_at: datetime) -> bool:
    """Whether a station's time stamp cannot be true. A past one can: the station was offline."""
    return at > received_at + FUTURE_TOLERANCE or at.year < EARLIEST_YEAR
