"""Single repairs: a value that breaks one keyword of its shape → the value it plainly means, or NO.

Every repair is one small step with a name (it is counted by it); `engine.ocpp.policy` applies steps until the
value fits. Nothing here invents meaning: what is not plainly meant stays refused.
"""

from __future__ import annotations

import json
import re
from calendar import isleap
from collections.abc import Callable, Mapping
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any, TypeAlias

import msgspec

from engine.ocpp.quirks import Place, Quirks
from engine.ocpp.rpc import ENCODER
from engine.ocpp.shapes import MAX_NUMBER, Choice, Flag, Many, Moment, Number, Shape, Text, Whole, fold

NO = msgspec.UNSET  # this repair does not apply

Repair: TypeAlias = Callable[[Any, Any, Place, Quirks], Any]

NUMBER = re.compile(r"[+-]?\d{1,18}(?:[.,]\d{1,18})?")
DATE = re.compile(
    r"(?P<date>\d{4}[-/.]?\d\d[-/.]?\d\d)[Tt ]+(?P<hour>\d\d):?(?P<minute>\d\d)"
    r"(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
    r" ?(?P<zone>[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?)?"
)
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def _number_as_text(value: Any, shape: Text, place: Place, quirks: Quirks) -> Any:
    """12.30 → "12.30": the digits as they were sent."""
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else NO


def _boolean_as_text(value: Any, shape: Text, place: Place, quirks: Quirks) -> Any:
    return json.dumps(value) if isinstance(value, bool) else NO


def _object_as_text(value: Any, shape: Text, place: Place, quirks: Quirks) -> Any:
    if place not in quirks.embedded or not isinstance(value, dict | list):
        return NO
    return ENCODER.encode(value).decode()


def _nul_character(value: str, shape: Text, place: Place, quirks: Quirks) -> Any:
    """Padding of fixed-size buffers; inside an identifier it is no padding."""
    kept = value.rstrip("\0")
    return kept.replace("\0", "") if "\0" not in kept or place in quirks.text else NO


def _padding(value: str, shape: Text, place: Place, quirks: Quirks) -> Any:
    kept = value.strip()
    return kept if shape.longest is not None and len(kept) <= shape.longest else NO


def _text_cut(value: str, shape: Text, place: Place, quirks: Quirks) -> Any:
    return value[: shape.longest] if place in quirks.text else NO


def _alias(value: str, shape: Choice, place: Place, quirks: Quirks) -> Any:
    meant = quirks.aliases.get(place, {}).get(value.strip())
    return meant if meant in shape.values else NO


def _enum_case(value: str, shape: Choice, place: Place, quirks: Quirks) -> Any:
    meant = shape.folded.get(fold(value))
    return meant if meant is not None and meant.casefold() == value.casefold() else NO


def _enum_spelling(value: str, shape: Choice, place: Place, quirks: Quirks) -> Any:
    """Other separators or padding: `Sample-Periodic`, `SuspendedEV `."""
    return shape.folded.get(fold(value), NO)


def _enum_other(value: str, shape: Choice, place: Place, quirks: Quirks) -> Any:
    meant = quirks.otherwise.get(place)
    return meant if value.strip() and meant in shape.values else NO


def _integral_number(value: Any, shape: Whole, place: Place, quirks: Quirks) -> Any:
    if not isinstance(value, Decimal) or value.copy_abs() >= MAX_NUMBER:
        return NO
    return int(value) if value == value.to_integral_value() else NO


def _number_rounded(value: Any, shape: Whole, place: Place, quirks: Quirks) -> Any:
    if place not in quirks.rounded or not isinstance(value, Decimal) or value.copy_abs() >= MAX_NUMBER:
        return NO
    return int(value.to_integral_value(ROUND_HALF_EVEN))


def _text_as_number(value: Any, shape: Whole | Number, place: Place, quirks: Quirks) -> Any:
    if not isinstance(value, str) or not NUMBER.fullmatch(value.strip()):
        return NO
    number = Decimal(value.strip().replace(",", "."))
    return int(number) if number == number.to_integral_value() else number


def _step_rounded(value: Any, shape: Number, place: Place, quirks: Quirks) -> Any:
    """Downwards: a limit must not rise by being rounded."""
    if shape.places is None:
        return NO
    return Decimal(value).quantize(Decimal(1).scaleb(-shape.places), ROUND_FLOOR)


def _text_as_boolean(value: Any, shape: Flag, place: Place, quirks: Quirks) -> Any:
    return BOOLEANS.get(value.strip().lower(), NO) if isinstance(value, str) else NO


def _number_as_boolean(value: Any, shape: Flag, place: Place, quirks: Quirks) -> Any:
    return bool(value) if isinstance(value, int) and value in (0, 1) else NO


def _date_shape(value: str, shape: Moment, place: Place, quirks: Quirks) -> Any:
    """Other ways to write the same moment: `2024/01/31 08:00:00,5+01` → `2024-01-31T08:00:00.5+01:00`."""
    found = DATE.fullmatch(value.strip())
    if not found:
        return NO
    digits = re.sub(r"\D", "", found["date"])
    second = min(int(found["second"] or 0), 59)  # a leap second belongs to the minute before
    fraction = f".{found['fraction'][:6]}" if found["fraction"] else ""
    zone = found["zone"] or ""
    if zone[:1] in "+-" and zone:
        hours, minutes = zone[:3], zone[3:].lstrip(":") or "00"
        zone = f"{hours}:{minutes}"
    elif zone:
        zone = "Z"
    shaped = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}T{found['hour']}:{found['minute']}:{second:02}"
    return shaped + fraction + zone if shaped + fraction + zone != value else NO


def _zone_missing(value: str, shape: Moment, place: Place, quirks: Quirks) -> Any:
    """UTC, as OCPP recommends for all times (Growatt THOR among others: evcc-io/evcc#10399)."""
    found = DATE.fullmatch(value)
    return f"{value}Z" if found and not found["zone"] else NO


def _date_rollover(value: str, shape: Moment, place: Place, quirks: Quirks) -> Any:
    """A clock with a 29 February every year means the day after the 28th (steve-community/steve#769)."""
    year, rest = value[:4], value[4:]
    if not rest.startswith("-02-29T") or not re.fullmatch("[0-9]{4}", year) or isleap(int(year)):
        return NO
    return f"{year}-03-01{rest[6:]}"


def _single_item(value: Any, shape: Many, place: Place, quirks: Quirks) -> Any:
    return [value] if isinstance(value, dict) and value else NO


# What breaks (shape, keyword) → the repairs to try, in this order, by the name they are counted under.
REPAIRS: Mapping[tuple[type[Shape], str], tuple[tuple[str, Repair], ...]] = {
    (Text, "type"): (
        ("number-as-text", _number_as_text),
        ("boolean-as-text", _boolean_as_text),
        ("object-as-text", _object_as_text),
    ),
    (Text, "pattern"): (("nul-character", _nul_character),),
    (Text, "maxLength"): (("padding", _padding), ("text-cut", _text_cut)),
    (Choice, "enum"): (
        ("alias", _alias),
        ("enum-case", _enum_case),
        ("enum-spelling", _enum_spelling),
        ("enum-other", _enum_other),
    ),
    (Whole, "type"): (
        ("integral-number", _integral_number),
        ("number-rounded", _number_rounded),
        ("text-as-number", _text_as_number),
    ),
    (Number, "type"): (("text-as-number", _text_as_number),),
    (Number, "multipleOf"): (("number-rounded", _step_rounded),),
    (Flag, "type"): (("text-as-boolean", _text_as_boolean), ("number-as-boolean", _number_as_boolean)),
    (Moment, "format"): (
        ("date-shape", _date_shape),
        ("date-rollover", _date_rollover),
        ("zone-missing", _zone_missing),
    ),
    (Many, "type"): (("single-item", _single_item),),
}
