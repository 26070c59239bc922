"""Why nobody is billed for a session before a person has looked. A session that is held is complete."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeAlias


class Review(StrEnum):
    """A reason to hold a session; docs/explanation/sessions.md explains each."""

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


Reviews: TypeAlias = tuple[Review, ...]  # each once, in order of arrival; empty: it is not held

# Of a session that was closed without its stop, so that one real stop may still correct it.
CLOSED_BY_US: Final = (
    Review.MISSING_STOP, Review.MISSING_STOP_AFTER_BOOT, Review.NOT_ONGOING, Review.STATION_REMOVED,
)  # fmt: skip


def held(review: Reviews, *codes: Review) -> Reviews:
    """`review` with `codes` added."""
    return tuple(dict.fromkeys((*review, *codes)))


def without(review: Reviews, *codes: Review) -> Reviews:
    """`review` without `codes`."""
    return tuple(code for code in review if code not in codes)
