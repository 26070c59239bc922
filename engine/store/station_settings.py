"""Settings of one station as people give them: names that there are, values within their bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from engine.domain.state import Policy, StationSettings
from engine.errors import Invalid


def check(values: Mapping[str, Any]) -> None:
    """Raises Invalid for what is no setting, or no value of it."""
    settings = values.get("settings", {})
    unknown = settings.keys() - set(StationSettings.__struct_fields__)
    if unknown:
        raise Invalid("unknown settings", {name: [_unknown(name)] for name in sorted(unknown)})
    faults = {f"settings.{name}": fault for name, fault in _faults(settings)}
    if faults:
        raise Invalid("settings of a wrong kind, or out of bounds", faults)


def _faults(settings: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for name, value in settings.items():
        try:
            msgspec.convert({name: value}, StationSettings)
        except msgspec.ValidationError as error:
            words = f"; allowed: {', '.join(Policy)}" if name == "policy" else ""
            yield name, [str(error).partition(" - at ")[0] + words]


def _unknown(name: str) -> str:
    near = get_close_matches(name, StationSettings.__struct_fields__, 1)
    return f"is no setting of a station; did you mean {near[0]}?" if near else "is no setting of a station"
