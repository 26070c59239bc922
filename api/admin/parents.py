"""Rows that others belong to, by what stands for them in paths."""

from __future__ import annotations

from typing import Final

from api.kernel.resource import Parent
from engine.store.readings import STATIONS

OF_STATION: Final = Parent(name="charge point", reading=STATIONS, key="identity", field="charge_point_id")
