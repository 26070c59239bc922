"""Bounds beyond which nobody is billed without a person looking. No session is refused by them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from engine.domain.state import ChargePoint, StationSettings

FUTURE_TOLERANCE: Final = timedelta(minutes=5)  # a charger's clock may be ahead by this much
EARLIEST_YEAR: Final = 2015  # OCPP 1.6 is of October 2015: an older stamp comes from a clock never set
MARGIN_WH: Final = 1_000  # coarse registers and time stamps of whole minutes


def settings_of(cp: ChargePoint, evse_number: int) -> StationSettings:
    """The station's settings, with the power that it reported of an EVSE where that is less."""
    power = cp.max_power_w.get(evse_number)
    if power is None or power >= cp.settings.max_power_w:
        return cp.settings
    return replace(cp.settings, max_power_w=power)


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
