"""In which order meter values of events count: by their time, or as sent where the clock was set."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence, Set
from datetime import datetime, timedelta
from itertools import pairwise
from operator import itemgetter
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.domain.changes import Json
from engine.domain.metering.readings import Measured, merged
from engine.domain.plausibility import FUTURE_TOLERANCE, clock_is_wrong
from engine.domain.session.facts import Event, Value
from ext.metering import kind_of, read_numbers

_place = itemgetter(0, 1)
_encode = msgspec.json.Encoder().encode


def values_by_time(events: Sequence[Event]) -> Iterator[tuple[Event, Sequence[Measured]]]:
    told = [(one.at, n, one) for n, (_, fresh) in enumerate(_told_once(events)) for one in fresh]
    told.sort(key=_place)
    done, limit = 0, None
    for n, event in enumerate(events):
        limit = newest_time(event, limit)
        upto = done
        while limit is not None and upto < len(told) and _place(told[upto]) <= (limit, n):
            upto += 1
        yield event, [one for _, _, one in told[done:upto]]
        done = upto


def values_by_number(events: Sequence[Event]) -> Iterator[tuple[Event, Sequence[Measured]]]:
    """A time that the clock shows for the second time is another one: then what is told first was first."""
    seen: set[tuple[datetime, Hashable]] = set()
    newest = events[0].at
    for event in events:
        back = event.at < newest or set_within(event.at, [value.at for value in event.values])
        if back:
            seen = {one for one in seen if one[0] < event.at}
        fresh = _fresh(event, seen, listed=back)
        yield event, [replace(one, in_order=True) for one in fresh] if back else fresh
        newest = max(newest, event.at)


def _told_once(events: Sequence[Event]) -> Iterator[tuple[Event, Sequence[Measured]]]:
    """Each event's meter values without those that one before it told; another value of that time is new."""
    seen: set[tuple[datetime, Hashable]] = set()
    for event in events:
        yield event, _fresh(event, seen)


def _fresh(event: Event, seen: set[tuple[datetime, Hashable]], *, listed: bool = False) -> Sequence[Measured]:
    """An event's meter values without those in `seen`, to which they are added."""
    values = [(value.at, value.samples) for value in event.values]
    fresh = merged(values, seen, _exact, read_numbers, listed=listed)
    seen.update((at, _exact(sample)) for at, samples in values for sample in samples)
    return fresh


def clock_set(events: Sequence[Event], now: datetime) -> tuple[bool, bool]:
    """Whether the station's clock went back or was wrong meanwhile, and whether by more than a little.

    Where a number is given twice, numbers give no order and time is all there is.
    """
    newest, back, wrong, within = events[0].at, timedelta(0), False, False
    for event in events:
        back = max(back, newest - event.at)
        newest = max(newest, event.at)
        within = within or set_within(event.at, [value.at for value in event.values])
        wrong = wrong or clock_is_wrong(event.at, now) or any(clock_is_wrong(v.at, now) for v in event.values)
    if not (wrong or back or within) or len({event.seq_no for event in events}) < len(events):
        return False, False
    return True, wrong or back > FUTURE_TOLERANCE


def set_within(at: datetime, times: Sequence[datetime]) -> bool:
    """Whether the clock was set back between two meter values of an event, as far as their order says."""
    return len(times) > 1 and max(times) > at and any(later < one for one, later in pairwise(times))


def measured_values(
    values: Iterable[Value], stored: Set[tuple[datetime, str]] = frozenset()
) -> list[Measured]:
    """Meter values, oldest first, without the samples in `stored` and without what is told twice."""
    told = list(values)
    if len(told) == 1 and not stored:
        [value] = told
        reading = read_numbers(value.samples)
        samples = Json(_encode(value.samples))
        return [Measured(at=value.at, reading=reading, samples=samples, disputed=reading.disputed)]
    return merged(((value.at, value.samples) for value in told), stored, sample_identity, read_numbers)


def newest_time(event: Event, before: datetime | None) -> datetime | None:
    for value in event.values:
        if before is None or value.at > before:
            before = value.at
    return before


def _exact(sample: Any) -> Hashable:
    unit = sample.unit_of_measure or None
    return sample_identity(sample), sample.value, unit and (unit.unit or None, unit.multiplier or None)


def sample_identity(sample: Any) -> str:
    # What is signed stands beside the number here, so a sample has no format of its own.
    return kind_of(sample.measurand, sample.phase, sample.location, sample.context, None).identity
