"""What is known of a station's inside: variables, monitors, displays, profiles and limits, statuses.

All of it came from the station, through the journal; here it is only read, page by page along its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.state import Frozen
from engine.store.repositories.base import Repository, page

VariableKey = tuple[str, str, int, int, str, str, str]


class Variable(Frozen, frozen=True):
    """One attribute of a variable (OCPP 2.x). Absent parts of its name are '' or 0."""

    component: str
    component_instance: str
    evse_number: int
    connector_number: int
    variable: str
    variable_instance: str
    attribute: str  # Actual | Target | MinSet | MaxSet
    value: str | None  # None: not known, never told or a secret
    mutability: str | None
    persistent: bool | None
    constant: bool | None
    data_type: str | None
    unit: str | None
    min_limit: float | None
    max_limit: float | None
    values_list: str | None
    supports_monitoring: bool | None
    at: datetime

    @property
    def key(self) -> VariableKey:
        """Where it stands in the listing."""
        return (
            self.component,
            self.component_instance,
            self.evse_number,
            self.connector_number,
            self.variable,
            self.variable_instance,
            self.attribute,
        )


class Monitor(Frozen, frozen=True):
    """What the station watches (OCPP 2.x); `active` is False once it was cleared."""

    monitor_id: int
    component: str
    component_instance: str
    evse_number: int
    connector_number: int
    variable: str
    variable_instance: str
    type: str  # UpperThreshold | LowerThreshold | Delta | Periodic | PeriodicClockAligned …
    value: float
    severity: int  # 0 danger … 9 debug
    transaction: bool
    kind: str | None  # HardWiredMonitor | PreconfiguredMonitor | CustomMonitor
    active: bool
    at: datetime


class DisplayMessage(Frozen, frozen=True):
    message_id: int
    message: str  # MessageInfo of OCPP 2.x, JSON
    active: bool
    at: datetime


class HeldProfile(Frozen, frozen=True):
    """A charging profile; `evse_number` 0 is the station (connector 0 of OCPP 1.6)."""

    evse_number: int
    profile_id: int
    purpose: str
    stack_level: int
    source: str  # CSO (we) | EMS | SO | Other …
    profile: str  # as sent, JSON
    active: bool
    at: datetime


class HeldLimit(Frozen, frozen=True):
    """A charging limit that somebody else set."""

    evse_number: int
    source: str
    grid_critical: bool
    schedules: str  # JSON
    active: bool
    at: datetime


class StatusRow(Frozen, frozen=True):
    """`scope` network: its connection, seen from here. hardware: what it said of itself or a connector."""

    id: int
    scope: str
    status: str
    evse_number: int | None
    connector_number: int | None
    error_code: str | None
    info: str | None
    vendor_id: str | None
    vendor_error_code: str | None
    at: datetime
    received_at: datetime


VARIABLE_KEY: Final = (
    "component, component_instance, evse_number, connector_number, variable, variable_instance, attribute"
)
# Binary order, whatever the database's collation: it is the order of the cursor too.
VARIABLE_ORDER: Final = (
    'component collate "C", component_instance collate "C", evse_number, connector_number, '
    'variable collate "C", variable_instance collate "C", attribute collate "C"'
)
VARIABLES: Final = f"""
select {VARIABLE_KEY}, value, mutability, persistent, constant, data_type, unit, min_limit, max_limit,
       values_list, supports_monitoring, at
from device_variables
where charge_point_id = $1
  and ($2::text is null or lower(component) = lower($2)) and ($3::text is null or lower(variable) = lower($3))
  and ($4::text is null or ({VARIABLE_ORDER})
       > ($4, $5::text, $6::integer, $7::integer, $8::text, $9::text, $10::text))
order by {VARIABLE_ORDER}
limit $11
"""  # noqa: S608 - names of columns
MONITORS: Final = """
select monitor_id, component, component_instance, evse_number, connector_number, variable, variable_instance,
       type, value, severity, transaction, kind, active, at
from variable_monitors
where charge_point_id = $1 and monitor_id > $2 and ($3::boolean is null or active = $3)
order by monitor_id limit $4
"""
DISPLAYED: Final = """
select message_id, message, active, at from display_messages
where charge_point_id = $1 and message_id > $2 and ($3::boolean is null or active = $3)
order by message_id limit $4
"""
PROFILES: Final = """
select evse_number, profile_id, purpose, stack_level, source, profile, active, at from charging_profiles
where charge_point_id = $1 and (evse_number, profile_id) > ($2::integer, $3::bigint)
  and ($4::boolean is null or active = $4)
order by evse_number, profile_id limit $5
"""
LIMITS: Final = """
select evse_number, source, grid_critical, schedules, active, at from charging_limits
where charge_point_id = $1 and ($2::boolean is null or active = $2)
order by evse_number, source
"""
# A station's own rows, newest first; the index has them by station and time.
STATUSES: Final = """
select id, scope, status, evse_number, connector_number, error_code, info, vendor_id, vendor_error_code, at,
       received_at
from status_log
where charge_point_id = $1 and ($2::text is null or scope = $2)
  and ($3::timestamptz is null or (at, id) < ($3, $4::bigint))
order by at desc, id desc limit $5
"""


class Inventory(Repository):
    """Every listing is of one charge point, by its id."""

    async def variables(
        self,
        charge_point_id: int,
        *,
        component: str | None = None,
        variable: str | None = None,
        after: VariableKey | None = None,
        limit: int = 100,
    ) -> Sequence[Variable]:
        """By name; names compare without regard to case, as OCPP has them."""
        key = after or (None,) * 7
        return await self._many(Variable, VARIABLES, charge_point_id, component, variable, *key, page(limit))

    async def monitors(
        self, charge_point_id: int, *, active: bool | None = None, after: int = -1, limit: int = 100
    ) -> Sequence[Monitor]:
        """By number."""
        return await self._many(Monitor, MONITORS, charge_point_id, after, active, page(limit))

    async def display_messages(
        self, charge_point_id: int, *, active: bool | None = None, after: int = -1, limit: int = 100
    ) -> Sequence[DisplayMessage]:
        """By number."""
        return await self._many(DisplayMessage, DISPLAYED, charge_point_id, after, active, page(limit))

    async def charging_profiles(
        self,
        charge_point_id: int,
        *,
        active: bool | None = None,
        after: tuple[int, int] = (-1, 0),
        limit: int = 100,
    ) -> Sequence[HeldProfile]:
        """By EVSE and number."""
        return await self._many(HeldProfile, PROFILES, charge_point_id, *after, active, page(limit))

    async def charging_limits(
        self, charge_point_id: int, *, active: bool | None = None
    ) -> Sequence[HeldLimit]:
        """All of them: a row per EVSE and source."""
        return await self._many(HeldLimit, LIMITS, charge_point_id, active)

    async def statuses(
        self,
        charge_point_id: int,
        *,
        scope: str | None = None,
        before: tuple[datetime, int] | None = None,
        limit: int = 100,
    ) -> Sequence[StatusRow]:
        """Newest first."""
        at, number = before or (None, None)
        return await self._many(StatusRow, STATUSES, charge_point_id, scope, at, number, page(limit))
