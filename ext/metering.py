# cython: boundscheck=False, wraparound=False, annotation_typing=False
"""Sampled meter values into numbers: scaled integers, never binary floats, until energy is whole Wh.

No session, no clock, no message types: a sample is anything with the attributes of OCPP 1.6's SampledValue.
`metering.pxd` gives the types with which this very file is compiled; uncompiled it behaves the same.

Of one MeterValue's samples of a measurand those at the best location count (outlet, inlet, cable, body, EV;
the default is the outlet), and of those a value without phase; without one, the phases: energy and power are
their sum, current the largest, voltage the mean (line-to-line voltages alone are brought to line-to-neutral).
A register that comes in phases of which one is unreadable counts as not sent: a sum with a gap would look
like a reset. Which location and phases a register is of is its series: registers of two series never compare,
so the ones that were not the best are told too. A unit that is not of the measurand makes its value unusable.
One register with two values is disputed, unless one of them is that of the transaction's begin.
"""

from __future__ import annotations

import decimal
import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final

COMPILED: Final = not __file__.endswith(".py")

_UNUSABLE: Final = -0x7FFFFFFFFFFFFFFF  # not a value: `parse` found no number within LIMIT
LIMIT: Final = 2_000_000_000_000_000_009  # millionths; a sum of three still fits 64 bits
_MASK: Final = 0x3FFFFFFFFFFFFFFF  # 62 bits: sums of two stay positive in 64
UNUSABLE: Final = _UNUSABLE  # compiled, the underscored names are seen in this module only
FINGERPRINT: Final = _MASK

_TENTH: Final = 200_000_000_000_000_000  # what may still be multiplied by ten
_LARGEST: Final = 2e18  # the same as a float
_WHOLE_FROM: Final = 2.0**52  # floats from here on have no fraction
_FACTORS_EACH_WAY: Final = 18
_FACTORS: Final = [10.0**n for n in range(_FACTORS_EACH_WAY + 1)]
_KINDS_KEPT: Final = 4_096
_SCIENTIFIC: Final = re.compile(r"[+-]?[0-9]{1,30}(?:[.,][0-9]{0,30})?[eE][+-]?[0-9]{1,2}")
_SQRT3: Final = 3.0**0.5
_JITTER: Final = 100_000_000  # millionths of a Wh: values of one register so close are one, rounded
JITTER_WH: Final = _JITTER // 1_000_000
_BEGIN: Final = "Transaction.Begin"
_END: Final = "Transaction.End"

# What a sample measures; those of value _IGNORED are stored but enter no total.
_IGNORED: Final = 0
_REGISTER: Final = 1
_INTERVAL: Final = 2
_POWER: Final = 3
_CURRENT: Final = 4
_VOLTAGE: Final = 5
_SOC: Final = 6

_MEASURANDS: Final = {
    "Energy.Active.Import.Register": _REGISTER,
    "Energy.Active.Import.Interval": _INTERVAL,
    "Power.Active.Import": _POWER,
    "Current.Import": _CURRENT,
    "Voltage": _VOLTAGE,
    "SoC": _SOC,
}
_WHOLE: Final = 0  # no phase
_LINE_TO_LINE: Final = 4  # 1…3 line to neutral, 4…6 line to line
_PHASES: Final = {
    "": _WHOLE,
    **{"L1": 1, "L2": 2, "L3": 3, "L1-N": 1, "L2-N": 2, "L3-N": 3},
    **{"L1-L2": 4, "L2-L3": 5, "L3-L1": 6},
}
_LOCATIONS: Final = {"Outlet": 0, "Inlet": 1, "Cable": 2, "Body": 3, "EV": 4}
_WORST: Final = 9  # rank of line-to-line voltages: only where nothing else is

_STRANGE: Final = 1 << 40  # exponent of a unit that is not of the measurand: no multiplier makes up for it
# By measurand, as powers of ten of Wh, W, A, V, %. Case says nothing but in M, which is mega.
_ENERGY: Final = {"Wh": 0, "wh": 0, "kWh": 3, "kwh": 3, "MWh": 6, "MWH": 6}
_UNITS: Final[list[dict[str, int]]] = [
    {},
    _ENERGY,
    _ENERGY,
    {"W": 0, "w": 0, "kW": 3, "kw": 3, "MW": 6},
    {"A": 0, "a": 0},
    {"V": 0, "v": 0, "kV": 3, "kv": 3},
    {"Percent": 0, "percent": 0, "%": 0},
]


class Kind:
    """What one (measurand, phase, location, context, format) means; made once, then looked up."""

    __slots__ = ("begins", "ends", "fingerprint", "identity", "measurand", "phase", "rank")

    def __init__(self, identity: str, fingerprint: int, measurand: int, phase: int, rank: int) -> None:
        self.identity = identity
        self.fingerprint = fingerprint
        self.measurand = measurand
        self.phase = phase
        self.rank = rank
        # By its context it is of the begin or of the end of a transaction, whatever its time stamp.
        self.begins = False
        self.ends = False


class Slot:
    """One measurand's values within a reading, in millionths."""

    __slots__ = ("begun", "broken", "disputed", "first", "mask", "rank", "second", "third", "whole")

    def __init__(self) -> None:
        self.rank = _WORST + 1
        self.mask = 0  # bit 0: whole, bits 1…3: the phases
        self.begun = 0  # those of which a value of the begin was told
        self.broken = False
        self.disputed = False
        self.whole = 0
        self.first = 0
        self.second = 0
        self.third = 0


class Reading:
    """What one MeterValue says: whole Wh, µWh, W, A, V, %; None where it says nothing.

    `fingerprint` is that of the samples' identities whatever their order; `unusable` counts the values of
    known measurands that are no numbers or of a strange unit. `series` says which register `register_wh` is
    of: 0 for none, else 16 × location + its phases, 1 being one for all of them. `disputed`: that register
    has two values, more than rounding apart. `begins` and `ends`: a register is told to be that of the
    transaction's begin or end.
    """

    __slots__ = (
        "_others",
        "begins",
        "current_a",
        "disputed",
        "ends",
        "fingerprint",
        "interval_uwh",
        "power_w",
        "register_wh",
        "series",
        "soc_percent",
        "unusable",
        "voltage_v",
    )

    def __init__(self) -> None:
        self.fingerprint = 0
        self.unusable = 0
        self.disputed = False
        self.begins = False
        self.ends = False
        self.series = 0
        self.register_wh: int | None = None
        self._others: dict[int, int] | None = None  # the registers that were not the best
        self.interval_uwh: int | None = None
        self.power_w: float | None = None
        self.current_a: float | None = None
        self.voltage_v: float | None = None
        self.soc_percent: float | None = None

    def register_in(self, series: int) -> int | None:
        """The register of that series, Wh; of the best one where `series` is 0. None: not told here."""
        if series in (0, self.series) or self._others is None:
            return self.register_wh if series in (0, self.series) else None
        return self._others.get(series)


_kinds: dict[tuple[Any, ...], Kind] = {}


def kind_of(measurand: Any, phase: Any, location: Any, context: Any, format_: Any) -> Kind:
    """The kind of a sample; anything falsy stands for OCPP's default."""
    key = (measurand, phase, location, context, format_)
    kind = _kinds.get(key)
    if kind is None:
        if len(_kinds) >= _KINDS_KEPT:
            _kinds.clear()
        kind = _kinds[key] = _make_kind(key)
    return kind


def _make_kind(key: tuple[Any, ...]) -> Kind:
    # OCPP 1.6 §7.43: the defaults of a SampledValue.
    measurand = key[0] or "Energy.Active.Import.Register"
    phase = key[1] or ""
    location = key[2] or "Outlet"
    context = key[3] or "Sample.Periodic"
    format_ = key[4] or "Raw"
    identity = f"{measurand}|{phase}|{location}|{context}|{format_}"
    digest = hashlib.blake2b(identity.encode(), digest_size=8).digest()
    number = _MEASURANDS.get(measurand, _IGNORED)
    at_phase = _PHASES.get(phase, -1)
    rank = _LOCATIONS.get(location, _WORST - 1)
    if at_phase >= _LINE_TO_LINE:
        rank = _WORST
    # Signed data is for people to verify. A clock-aligned interval overlaps the periodic ones.
    if format_ != "Raw" or (number == _INTERVAL and context == "Sample.Clock"):
        number = _IGNORED
    if number == _SOC:
        at_phase = _WHOLE
    elif at_phase < 0 or (at_phase >= _LINE_TO_LINE and number != _VOLTAGE):
        number = _IGNORED
    kind = Kind(
        identity,
        int.from_bytes(digest, "big") & _MASK,
        number,
        at_phase - 3 if at_phase >= _LINE_TO_LINE else at_phase,
        rank,
    )
    kind.begins = context == _BEGIN
    kind.ends = context == _END
    return kind


def identities(samples: Iterable[Any]) -> list[str]:
    """`measurand|phase|location|context|format` of each sample, defaults filled in."""
    return [kind_of(s.measurand, s.phase, s.location, s.context, s.format).identity for s in samples]


def parse(text: str, exponent: int) -> int:
    """`text` × 10**`exponent` in millionths, rounded half to even; UNUSABLE if no number within LIMIT.

    Takes a comma for the decimal point and blanks around. `exponent` is 0…6, or that of a strange unit.
    """
    if exponent == _STRANGE:
        return _UNUSABLE
    places = 6 + exponent
    number = 0
    digits = 0
    decimals = -1  # -1: before the point
    signed = False
    negative = False
    dropped = 0  # first digit behind `places`, and whether any later one is not 0
    sticky = False
    ended = False
    for c in text:
        if "0" <= c <= "9":
            if ended:
                return _UNUSABLE
            digits += 1
            digit = ord(c) - 48
            if decimals >= places:
                if decimals == places:
                    dropped = digit
                elif digit:
                    sticky = True
                decimals += 1
                continue
            if number > _TENTH:
                return _UNUSABLE
            number = number * 10 + digit
            if decimals >= 0:
                decimals += 1
        elif c in ".,":
            if decimals >= 0 or ended:
                return _UNUSABLE
            decimals = 0
        elif c in " \t\r\n":
            ended = ended or digits > 0 or decimals >= 0 or signed
        elif c in "+-":
            if digits or decimals >= 0 or signed:
                return _UNUSABLE
            signed = True
            negative = c == "-"
        elif c in "eE":
            return _parse_scientific(text, places)
        else:
            return _UNUSABLE
    if not digits:
        return _UNUSABLE
    decimals = max(decimals, 0)
    while decimals < places:
        if number > _TENTH:
            return _UNUSABLE
        number *= 10
        decimals += 1
    if dropped > 5 or (dropped == 5 and (sticky or number & 1)):
        number += 1
    return -number if negative else number


def _parse_scientific(text: str, places: int) -> int:
    text = text.strip(" \t\r\n")
    if not _SCIENTIFIC.fullmatch(text):
        return _UNUSABLE
    # Sixty digits and two of exponent at most, so the context below is exact until the one rounding.
    with decimal.localcontext(decimal.Context(prec=200)):
        value = decimal.Decimal(text.replace(",", ".")).scaleb(places)
        if abs(value) > LIMIT:
            return _UNUSABLE
        return int(value.to_integral_value(decimal.ROUND_HALF_EVEN))


class Pad:
    """What one MeterValue's samples add up to while they are read."""

    __slots__ = ("current", "interval", "more", "power", "reading", "register", "voltage")

    def __init__(self) -> None:
        self.reading = Reading()
        self.register: Slot | None = None
        self.more: list[Slot] | None = None  # registers at other locations
        self.interval: Slot | None = None
        self.power: Slot | None = None
        self.current: Slot | None = None
        self.voltage: Slot | None = None


def read(samples: Iterable[Any]) -> Reading:
    """Folds the samples of one MeterValue of OCPP 1.6: values are text."""
    pad = Pad()
    for sample in samples:
        kind = kind_of(sample.measurand, sample.phase, sample.location, sample.context, sample.format)
        pad.reading.fingerprint = (pad.reading.fingerprint + kind.fingerprint) & _MASK
        if kind.measurand != _IGNORED:
            _take(pad, kind, parse(sample.value, exponent_of(kind.measurand, sample.unit)))
    return _sum_up(pad)


def read_numbers(samples: Iterable[Any]) -> Reading:
    """Folds the samples of one MeterValue of OCPP 2.x: values are numbers, `unit_of_measure` scales them."""
    pad = Pad()
    for sample in samples:
        kind = kind_of(sample.measurand, sample.phase, sample.location, sample.context, None)
        pad.reading.fingerprint = (pad.reading.fingerprint + kind.fingerprint) & _MASK
        if kind.measurand != _IGNORED:
            measure = sample.unit_of_measure
            exponent = 0
            if measure:
                multiplier = measure.multiplier
                if multiplier:
                    exponent = multiplier
                exponent += exponent_of(kind.measurand, measure.unit)
            _take(pad, kind, scale(sample.value, exponent))
    return _sum_up(pad)


def exponent_of(measurand: int, unit: Any) -> int:
    """The power of ten of a unit of that measurand, however it is written; an absurd one where it is none."""
    if not isinstance(unit, str) or not unit:
        return 0  # not told: the measurand's own
    exponent = _UNITS[measurand].get(unit)
    return _spelt(_UNITS[measurand], unit) if exponent is None else exponent


def _spelt(units: dict[str, int], unit: str) -> int:
    unit = unit.strip()
    exponent = units.get(unit)
    if exponent is None and not unit.startswith(("m", "M")):
        exponent = units.get(unit.lower())
    return _STRANGE if exponent is None else exponent


def scale(value: float, exponent: int) -> int:
    """`value` × 10**`exponent` in millionths; UNUSABLE if that is no number within LIMIT.

    The nearest millionth is what the decimal number said, as long as it has no more than 15 digits.
    """
    if not -_FACTORS_EACH_WAY <= exponent + 6 <= _FACTORS_EACH_WAY:
        return _UNUSABLE
    factor = _FACTORS[abs(exponent + 6)]
    millionths = value * factor if exponent >= -6 else value / factor
    if not -_LARGEST <= millionths <= _LARGEST:  # NaN is not either
        return _UNUSABLE
    # Half to even as by `round`, in a fraction of its time: such a sum has no room for a fraction.
    if 0.0 <= millionths < _WHOLE_FROM:
        millionths = (millionths + _WHOLE_FROM) - _WHOLE_FROM
    elif -_WHOLE_FROM < millionths < 0.0:
        millionths = (millionths - _WHOLE_FROM) + _WHOLE_FROM
    return int(millionths)


def _take(pad: Pad, kind: Kind, value: int) -> None:
    measurand = kind.measurand
    if value == _UNUSABLE:
        pad.reading.unusable += 1
    if measurand == _REGISTER:
        _put(_register_at(pad, kind.rank), kind, value)
        pad.reading.begins |= kind.begins
        pad.reading.ends |= kind.ends
    elif measurand == _POWER:
        if pad.power is None:
            pad.power = Slot()
        _put(pad.power, kind, value)
    elif measurand == _CURRENT:
        if pad.current is None:
            pad.current = Slot()
        _put(pad.current, kind, value)
    elif measurand == _VOLTAGE:
        if pad.voltage is None:
            pad.voltage = Slot()
        _put(pad.voltage, kind, value)
    elif measurand == _INTERVAL:
        if pad.interval is None:
            pad.interval = Slot()
        _put(pad.interval, kind, value)
    elif value != _UNUSABLE:
        if 0 <= value <= 100_000_000:
            pad.reading.soc_percent = float(value) / 1e6
        else:
            pad.reading.unusable += 1


def _register_at(pad: Pad, rank: int) -> Slot:
    slot = pad.register
    if slot is None:
        slot = pad.register = Slot()
        slot.rank = rank
        return slot
    if slot.rank == rank:
        return slot
    if pad.more is None:
        pad.more = []
    for slot in pad.more:
        if slot.rank == rank:
            return slot
    slot = Slot()
    slot.rank = rank
    pad.more.append(slot)
    return slot


def _registers(reading: Reading, slot: Slot, more: list[Slot] | None) -> None:
    """The best register, and the others beside it; one that is unreadable gives way to no other location."""
    if more is not None:
        reading._others = {}
        for other in more:
            _put_aside(reading._others, slot if other.rank < slot.rank else other)
            if other.rank < slot.rank:
                slot = other
    reading.disputed = slot.disputed
    if slot.mask & 1:
        reading.series = 16 * slot.rank + 1
        reading.register_wh = whole_units(slot.whole)
        if slot.mask != 1 and not slot.broken:
            if reading._others is None:
                reading._others = {}
            reading._others[16 * slot.rank + (slot.mask & 14)] = whole_units(_phases(slot))
    elif slot.mask and not slot.broken:
        reading.series = 16 * slot.rank + slot.mask
        reading.register_wh = whole_units(_phases(slot))


def _put_aside(others: dict[int, int], slot: Slot) -> None:
    if slot.mask & 1:
        others[16 * slot.rank + 1] = whole_units(slot.whole)
    if slot.mask & 14 and not slot.broken:
        others[16 * slot.rank + (slot.mask & 14)] = whole_units(_phases(slot))


def _sum_up(pad: Pad) -> Reading:
    reading = pad.reading
    if pad.register is not None:
        _registers(reading, pad.register, pad.more)
    if pad.interval is not None and _has(pad.interval):
        reading.interval_uwh = _total(pad.interval)
    if pad.power is not None and _has(pad.power):
        reading.power_w = float(_total(pad.power)) / 1e6
    if pad.current is not None and _has(pad.current):
        reading.current_a = float(_largest(pad.current)) / 1e6
    if pad.voltage is not None and _has(pad.voltage):
        reading.voltage_v = _mean(pad.voltage)
    return reading


def _put(slot: Slot, kind: Kind, value: int) -> None:
    if kind.rank > slot.rank:
        return
    if kind.rank < slot.rank:
        slot.rank = kind.rank
        slot.mask = 0
        slot.begun = 0
        slot.broken = False
        slot.disputed = False
    if value == _UNUSABLE:
        slot.broken = slot.broken or kind.phase != _WHOLE
        return
    bit = 1 << kind.phase
    if kind.begins:
        slot.begun |= bit
    if slot.mask & bit:
        # Told twice (begin and end of a transaction under one time stamp), the larger value counts.
        before = _value(slot, kind.phase)
        if not slot.begun & bit and (value - before > _JITTER or before - value > _JITTER):
            slot.disputed = True
        value = max(value, before)
    if kind.phase == _WHOLE:
        slot.whole = value
    elif kind.phase == 1:
        slot.first = value
    elif kind.phase == 2:
        slot.second = value
    else:
        slot.third = value
    slot.mask |= bit


def _value(slot: Slot, phase: int) -> int:
    if phase == _WHOLE:
        return slot.whole
    if phase == 1:
        return slot.first
    return slot.second if phase == 2 else slot.third


def _has(slot: Slot) -> bool:
    return bool(slot.mask & 1) or (slot.mask != 0 and not slot.broken)


def _total(slot: Slot) -> int:
    return slot.whole if slot.mask & 1 else _phases(slot)


def _phases(slot: Slot) -> int:
    total = 0
    if slot.mask & 2:
        total += slot.first
    if slot.mask & 4:
        total += slot.second
    if slot.mask & 8:
        total += slot.third
    return total


def _largest(slot: Slot) -> int:
    if slot.mask & 1:
        return slot.whole
    largest = _UNUSABLE
    if slot.mask & 2:
        largest = slot.first
    if slot.mask & 4 and slot.second > largest:
        largest = slot.second
    if slot.mask & 8 and slot.third > largest:
        largest = slot.third
    return largest


def _mean(slot: Slot) -> float:
    if slot.mask & 1:
        return float(slot.whole) / 1e6
    phases = (slot.mask >> 1 & 1) + (slot.mask >> 2 & 1) + (slot.mask >> 3 & 1)
    mean = float(_total(slot)) / (1e6 * phases)
    return mean / _SQRT3 if slot.rank == _WORST else mean


def whole_units(millionths: int) -> int:
    """Millionths in whole units, rounded half to even."""
    quotient = millionths // 1_000_000
    rest = millionths - quotient * 1_000_000
    if rest > 500_000 or (rest == 500_000 and quotient & 1):
        return quotient + 1
    return quotient
