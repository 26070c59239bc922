"""Whether the energy of a session can be billed: a table of checks that are made when the session ends.

The registers at the begin and at the end are what is billed by. What was told between them only says whether
that can be believed: each check that finds something makes a person look, and none changes an amount.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from msgspec.structs import replace

from engine.domain.metering.readings import Measured
from engine.domain.metering.registers import advance, from_intervals, possible_wh
from engine.domain.metering.timeline import REGISTER_WITHIN, is_idle
from engine.domain.plausibility import MARGIN_WH, clock_is_wrong
from engine.domain.session.facts import Neighbour, Stop
from engine.domain.session.review import Review
from engine.domain.state import Frozen, Metering, Session, StationSettings
from ext.metering import JITTER_WH

STAMPED_WITHIN: Final = timedelta(minutes=1)  # before the last sample: a stop that is so is stamped wrong


class Ending(Frozen, frozen=True):
    """A session with all that was sampled of it, and the stop that ends it, received at `now`."""

    session: Session
    stop: Stop
    settings: StationSettings
    now: datetime
    neighbours: Sequence[Neighbour] = ()

    @property
    def at(self) -> datetime:
        """A stop whose time says nothing has happened by now."""
        return self.now if clock_is_wrong(self.stop.at, self.now) else self.stop.at

    @property
    def told_wh(self) -> int:
        """The difference of the registers as they were told; 0 where none was."""
        return 0 if self.stop.meter_wh is None else self.stop.meter_wh - self.session.meter_start_wh

    @property
    def missed_wh(self) -> int:
        """What the end told beyond the samples."""
        return 0 if self.stop.meter_wh is None else max(self.told_wh, 0) - self.session.metering.energy_wh


class Check(NamedTuple):
    """A named doubt: `finds` says whether an ending has it, `why` says it to people."""

    review: Review
    why: str
    finds: Callable[[Ending], bool]

    @property
    def name(self) -> str:
        """That of its function."""
        return self.finds.__name__


# --- the checks --------------------------------------------------------------------------------------------


def ends_below_its_beginning(ending: Ending) -> bool:
    """By more than registers are rounded."""
    return ending.told_wh < -JITTER_WH


def ends_below_a_sample(ending: Ending) -> bool:
    """By more than registers are rounded."""
    return ending.missed_wh < -JITTER_WH


def has_restarted(ending: Ending) -> bool:
    """The register began anew between the begin and the end, which are of two counts then."""
    return ending.stop.meter_wh is not None and ending.session.metering.resets > 0


def begins_below_zero(ending: Ending) -> bool:
    """A register of imports is never negative: some stations say so that they do not know it."""
    return ending.stop.meter_wh is not None and ending.session.meter_start_wh < 0


def lacks_the_register_of_its_end(ending: Ending) -> bool:
    """Nothing was told that is known to be the register at the end."""
    return not ending.stop.certain


def exceeds_its_power(ending: Ending) -> bool:
    """More energy than the station can deliver in that time, or than any session takes."""
    return ending.told_wh > possible_wh(ending.session, ending.session.started_at, ending.at, ending.settings)


def jumps_at_the_end(ending: Ending) -> bool:
    """More energy since the last register than the station can deliver in that time."""
    since = ending.session.metering.register_at
    return ending.missed_wh > possible_wh(ending.session, since, ending.at, ending.settings)


def stood_still(ending: Ending) -> bool:
    """No energy by the registers, although by the power told to the last more than 1 kWh was delivered."""
    session, metering = ending.session, ending.session.metering
    power_w, since, last = metering.power_w, session.period_at, metering.last_sample_at
    still = ending.stop.meter_wh is not None and -JITTER_WH <= ending.told_wh <= 0
    if not still or not session.charging or power_w is None or since is None or last is None:
        return False
    return power_w * ((last - since) / timedelta(hours=1)) > MARGIN_WH


def was_billed_before(ending: Ending) -> bool:
    """The registers overlap those of the session before it on the EVSE."""
    return any(one.earlier and not one.left and overlaps(one, ending) for one in ending.neighbours)


def is_stamped_wrong(ending: Ending) -> bool:
    """The time of the end cannot be true, or others that were told contradict it."""
    session, at = ending.session, ending.stop.at
    last = session.metering.last_sample_at or session.started_at
    return clock_is_wrong(at, ending.now) or at < session.started_at or at + STAMPED_WITHIN < last


def had_a_successor(ending: Ending) -> bool:
    """Another transaction had started on the EVSE before the end was told."""
    return Review.MISSING_STOP in ending.session.review


CHECKS: Final[Sequence[Check]] = (
    Check(Review.METER_RESET, "the end is lower than the beginning", ends_below_its_beginning),
    Check(
        Review.MISSING_REGISTER,
        "the beginning is below zero, which says that it is not known",
        begins_below_zero,
    ),
    Check(
        Review.MISSING_REGISTER,
        "no register is known to be that of the end",
        lacks_the_register_of_its_end,
    ),
    Check(
        Review.IMPLAUSIBLE_ENERGY,
        "the register stood still although power was told to the last",
        stood_still,
    ),
    Check(
        Review.IMPLAUSIBLE_ENERGY,
        "more than the station can deliver since the beginning",
        exceeds_its_power,
    ),
    Check(
        Review.IMPLAUSIBLE_ENERGY,
        "more than the station can deliver since the last sample",
        jumps_at_the_end,
    ),
    Check(Review.METER_RESET, "the end is lower than a sample", ends_below_a_sample),
    Check(Review.METER_RESET, "the register began anew on the way", has_restarted),
    Check(
        Review.BILLED_BEFORE,
        "the session before it on its EVSE was billed by the same energy",
        was_billed_before,
    ),
    Check(Review.CLOCK_DRIFT, "the time of the end cannot be true", is_stamped_wrong),
    Check(
        Review.LATE_STOP,
        "another transaction had begun on its EVSE before its end was told",
        had_a_successor,
    ),
)


def doubts(ending: Ending) -> list[Review]:
    """Why a person has to look before the session is billed; nothing for most."""
    return list(dict.fromkeys(check.review for check in CHECKS if check.finds(ending)))


# --- what is billed ----------------------------------------------------------------------------------------


def settled(ending: Ending) -> Metering:
    """The totals that a session is billed by: the difference of its registers, whatever was sampled between.

    Where the end says nothing, they are those of the samples.
    """
    session, stop_wh, at = ending.session, ending.stop.meter_wh, ending.at
    metering = session.metering
    if stop_wh is None:
        return metering
    if ends_below_its_beginning(ending):
        # Never back in time: a stop that is stamped before the last sample has its register all the same.
        since = metering.register_at or at
        totals, _ = advance(session, stop_wh, max(at, since), ending.settings)
        return totals
    if ending.told_wh <= 0 and ends_below_a_sample(ending) and from_intervals(session):
        return metering
    return replace(metering, energy_wh=max(ending.told_wh, 0), register_wh=stop_wh, register_at=at)


def overlaps(one: Neighbour, ending: Ending) -> bool:
    """Whether a session and its neighbour are billed by the same energy of one register."""
    if ending.stop.meter_wh is None:
        return False
    own = (ending.session.meter_start_wh, ending.stop.meter_wh)
    return share_energy(one.registers, own) if one.earlier else share_energy(own, one.registers)


def share_energy(earlier: tuple[int, int], later: tuple[int, int]) -> bool:
    """Whether two sessions, by their registers at begin and end, count the same energy.

    Where both begin at zero the station may count each session anew.
    """
    begin_wh = max(earlier[0], later[0])
    return begin_wh > JITTER_WH and min(earlier[1], later[1]) - begin_wh > JITTER_WH


def register_at_end(session: Session, values: Iterable[Measured], at: datetime) -> tuple[int | None, bool]:
    """The register that a session ends with at `at`, and whether it is known to be that of the end.

    It is that which the end told (in `values`), or else that of a sample within ten seconds. Any other one is
    if the station said before it was read that no energy flowed any more, and nothing that it measured or
    said with the end contradicts that. None: none was ever told; then no energy may ever have flowed.
    """
    metering = session.metering
    register_wh, since = metering.register_wh, metering.register_at
    if register_wh is None:
        return None, _never_flowed(session)
    own = [m.reading for m in values if m.reading.ends or abs(at - m.at) <= REGISTER_WITHIN]
    told = [wh for one in own if (wh := one.register_in(metering.series)) is not None]
    explicit = [wh for one in own if one.ends and (wh := one.register_in(metering.series)) is not None]
    if told:
        return (explicit or told)[-1], True
    if since is None:
        return register_wh, False
    # A register that the end told and that cannot be read is not stood in for: it was another one.
    unreadable = any(one.register_wh is not None or one.unusable for one in own)
    if abs(at - since) <= REGISTER_WITHIN and not unreadable:
        return register_wh, True
    return register_wh, is_idle(session) and session.period_at is not None and session.period_at <= since


def _never_flowed(session: Session) -> bool:
    """Whether a session of which no register was told was idle from its beginning, by all that was told."""
    begun_by, idle_at = session.started_at + REGISTER_WITHIN, session.period_at
    unmeasured = session.metering.energy_wh == 0
    return unmeasured and is_idle(session) and idle_at is not None and idle_at <= begun_by
