"""What can be wanted of a station as a device: its display, its monitors, its reports, its connection.

As in `engine.ocpp.intents`, without a word of any version. Enumerations have the words of OCPP 2.x; a
variable is named as in `GetConfiguration`, without an attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from engine.ocpp.intents import AdditionalInfo, CertificateHash, Intent, Moment, Result, Spoken, Verdict

Priority = Literal["AlwaysFront", "InFront", "NormalCycle"]
State = Literal["Charging", "Discharging", "Faulted", "Idle", "Suspended", "Unavailable"]
Format = Literal["ASCII", "HTML", "QRCODE", "URI", "UTF8"]
MonitorType = Literal[
    "UpperThreshold",
    "LowerThreshold",
    "Delta",
    "Periodic",
    "PeriodicClockAligned",
    "TargetDelta",
    "TargetDeltaRelative",
]

# --- display -----------------------------------------------------------------------------------------------


class Wording(Spoken, frozen=True):
    """What a display shows, in one language (RFC 5646)."""

    content: str
    format: Format = "UTF8"
    language: str | None = None


class SetDisplayMessage(Intent, frozen=True):
    """Show a message, in place of one of the same id; with a transaction, as long as that goes on."""

    message_id: int
    wording: Wording
    priority: Priority = "NormalCycle"
    state: State | None = None  # shown in this state only
    begins_at: Moment | None = None
    ends_at: Moment | None = None
    transaction_id: str | None = None
    evse_number: int | None = None  # the display of that EVSE
    others: tuple[Wording, ...] = ()  # the same in other languages


class GetDisplayMessages(Intent, frozen=True):
    """Have the station report its messages that fit what is given; nothing given: all."""

    request_id: int
    message_ids: tuple[int, ...] = ()
    priority: Priority | None = None
    state: State | None = None


class ClearDisplayMessage(Intent, frozen=True):
    """Take a message off the display, by its number."""

    message_id: int


# --- monitoring --------------------------------------------------------------------------------------------


class Stream(Spoken, frozen=True):
    """How values come that are sent in bulk: after so many seconds or so many values."""

    interval: int | None = None
    values: int | None = None


class Monitor(Spoken, frozen=True):
    """Watches a variable. `value`: the threshold, the distance, or the seconds between two reports."""

    variable: str
    type: MonitorType
    value: float
    severity: int  # 0 danger … 9 debug
    transaction: bool = False  # only while there is one
    monitor_id: int | None = None  # of the monitor that it replaces
    stream: Stream | None = None


class SetMonitors(Intent, frozen=True):
    """Watch variables: report when a value crosses a threshold, changes, or at intervals."""

    monitors: tuple[Monitor, ...]


class ClearMonitors(Intent, frozen=True):
    """Remove monitors, by their numbers."""

    monitor_ids: tuple[int, ...]


class ReportMonitors(Intent, frozen=True):
    """Have the station report its monitors: of these variables (or components) and kinds, else all."""

    request_id: int
    variables: tuple[str, ...] = ()
    kinds: tuple[Literal["Threshold", "Delta", "Periodic"], ...] = ()


class SetMonitoringBase(Intent, frozen=True):
    """Choose which monitors there are to be, before any of one's own."""

    base: Literal["All", "FactoryDefault", "HardWiredOnly"]


class SetMonitoringLevel(Intent, frozen=True):
    """Report what is at least as severe as this: 0 (danger) to 9 (debug)."""

    severity: int


# --- reports -----------------------------------------------------------------------------------------------


class ReportVariables(Intent, frozen=True):
    """Have the station report these variables (or components), and components in one of these conditions."""

    request_id: int
    variables: tuple[str, ...] = ()
    conditions: tuple[Literal["Active", "Available", "Enabled", "Problem"], ...] = ()


class ReportProfiles(Intent, frozen=True):
    """Have the station report its charging profiles: by id, or all that fit; something must be given."""

    request_id: int
    profile_ids: tuple[int, ...] = ()
    evse_number: int | None = None
    purpose: str | None = None
    stack_level: int | None = None
    sources: tuple[str, ...] = ()  # who set the limit: EMS, SO, CSO, Other …


class CustomerInformation(Intent, frozen=True):
    """Have the station report or forget what it knows of a customer, who is named in one of three ways."""

    request_id: int
    report: bool = True
    clear: bool = False
    id_tag: str | None = None
    id_type: str = "ISO14443"
    additional_info: tuple[AdditionalInfo, ...] = ()  # of the id tag
    customer: str | None = None  # as the vendor names customers
    certificate: CertificateHash | None = None


# --- connection and firmware -------------------------------------------------------------------------------


class SetNetworkProfile(Intent, frozen=True):
    """Put a way to connect into a slot. `apn` and `vpn` in the shape of 2.x's APNType and VPNType."""

    slot: int
    url: str
    security_profile: Literal[1, 2, 3]
    message_timeout: int  # seconds
    interface: str | None = None  # Wired0 … Wireless3; None: any
    version: Literal["ocpp1.6", "ocpp2.0.1", "ocpp2.1"] | None = None  # None: the one spoken now
    identity: str | None = None
    password: str | None = None
    apn: Mapping[str, Any] | None = None
    vpn: Mapping[str, Any] | None = None


class PublishFirmware(Intent, frozen=True):
    """Have a local controller fetch a firmware and offer it to the stations behind it."""

    location: str
    checksum: str  # MD5, hexadecimal
    request_id: int
    retries: int | None = None
    retry_interval: int | None = None  # seconds


class UnpublishFirmware(Intent, frozen=True):
    """Have a local controller no longer offer a firmware, named by its checksum."""

    checksum: str


# --- what came of it ---------------------------------------------------------------------------------------


class MonitorOutcome(Spoken, frozen=True):
    """`monitor_id` is given by the station, and there if it accepted."""

    variable: str
    type: str
    severity: int
    verdict: Verdict
    word: str
    reason: str | None = None
    monitor_id: int | None = None


class MonitorsSet(Result, frozen=True):
    """In the order of the monitors asked for; the result as a whole is accepted if every one was."""

    outcomes: tuple[MonitorOutcome, ...] = ()
