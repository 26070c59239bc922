"""A payload's text as a raw document: objects, lists and text as in `json`, numbers as int or Decimal.

A number that no float can hold is a `Beyond`, which msgspec does not convert: so whatever it converts fits.
"""

from __future__ import annotations

import gc
import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

from engine.ocpp.shapes import MAX_FLOAT

MAX_INTEGER_DIGITS: Final = 20  # longer ones are beyond every bound, and must not cost a conversion


class Beyond(Decimal):
    """A number that no float can hold."""


def loads(text: str) -> Any:
    """Raises ValueError."""
    # A document has no cycles; while it is made the collector would look at everything else again and again.
    collects = gc.isenabled()
    gc.disable()
    try:
        return json.loads(text, parse_float=_decimal, parse_int=_integer, parse_constant=_constant)
    finally:
        if collects:
            gc.enable()


def are_several(text: str) -> bool:
    """Whether more than a payload stands where a message has its payload."""
    try:
        return len(loads(f"[{text}]")) > 1
    except ValueError:
        return False


def _decimal(digits: str) -> Decimal:
    try:
        number = Decimal(digits)
    except InvalidOperation:  # an exponent beyond what even Decimal can hold
        raise ValueError("number out of range") from None
    return number if number.copy_abs() <= MAX_FLOAT else Beyond(number)


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else _decimal(digits)


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
