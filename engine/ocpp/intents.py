"""What people and programs want of a charge point, without a word of any OCPP version, and what came of it.

Nothing above the protocol layer asks which version a station speaks: it hands an intent to
`registry.command`. How an intent is said and how the answer is read is in `engine.ocpp.translation`.
EVSE 0 is the station as a whole. Identifiers of requests are the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Meta

from engine.domain.state import Frozen

# --- what is wanted ----------------------------------------------------------------------------------------

CertificateType = Literal["V2G", "MO", "MF", "CSMS", "OEM"]
ListedType = Literal["V2G", "MO", "MF", "CSMS", "OEM", "V2GChain"]
Unit = Literal["A", "W"]
Moment = Annotated[datetime, Meta(tz=True)]
Triggered = Literal[
    "BootNotification",
    "CustomTrigger",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "PublishFirmwareStatusNotification",
    "SignChargingStationCertificate",
    "SignCombinedCertificate",
    "SignV2GCertificate",
    "StatusNotification",
    "TransactionEvent",
]


class Spoken(Frozen, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Base of all that stands here, as JSON tells it: members in camelCase, times with their zone."""


class Intent(Spoken, frozen=True):
    """Base of everything that can be wanted."""


class AdditionalInfo(Spoken, frozen=True):
    """What a token is known by besides its id tag, such as EVCCID or PIN (AdditionalInfoType, OCPP 2.x)."""

    additional_id_token: str
    type: str


class Start(Intent, frozen=True):
    """Begin a transaction. `profile` is a TxProfile in the shape of 2.0.1's ChargingProfileType.

    `registry.command` opens its session and puts that one's number and tag where none are given.
    """

    id_tag: str | None = None
    request_id: int | None = None  # remoteStartId: comes back with the transaction (OCPP 2.x)
    evse_number: int | None = None
    id_type: str = "ISO14443"  # IdTokenEnumType
    group_id: str | None = None
    additional_info: tuple[AdditionalInfo, ...] = ()
    profile: Mapping[str, Any] | None = None


class Stop(Intent, frozen=True):
    """End a running transaction, by the id that its station gave it."""

    transaction_id: str


class Unlock(Intent, frozen=True):
    """Release the cable of a connector."""

    evse_number: int
    connector_number: int = 1


class Reset(Intent, frozen=True):
    """Restart: at once, at once with transactions that go on afterwards (2.1), or when nobody charges."""

    when: Literal["now", "now_and_resume", "idle"] = "idle"
    evse_number: int = 0


class ChangeAvailability(Intent, frozen=True):
    """Put the station (EVSE 0) or one EVSE into service or take it out; a running transaction ends first."""

    operative: bool
    evse_number: int = 0
    connector_number: int | None = None


class SetProfile(Intent, frozen=True):
    """Set a charging profile, a ChargingProfileType of 2.0.1; its one schedule may stand without a list.

    `evse_number` None: where its transaction is, else the station.
    """

    profile: Mapping[str, Any]
    evse_number: int | None = None


class ClearProfile(Intent, frozen=True):
    """Clear charging profiles: by id, or all that fit; nothing given: all. `purpose` in the words of 2.x."""

    profile_id: int | None = None
    evse_number: int | None = None
    purpose: str | None = None
    stack_level: int | None = None


class GetCompositeSchedule(Intent, frozen=True):
    """What the station will draw in the next `duration` seconds, in A or W; EVSE 0: as a whole."""

    evse_number: int
    duration: int  # seconds
    unit: Unit | None = None


class GetLog(Intent, frozen=True):
    """Have the station upload its log to `location`: `kind` diagnostics or security."""

    location: str  # URL to upload to
    request_id: int
    kind: Literal["diagnostics", "security"] = "diagnostics"
    oldest: Moment | None = None
    latest: Moment | None = None
    retries: int | None = None
    retry_interval: int | None = None  # seconds


class UpdateFirmware(Intent, frozen=True):
    """Have the station fetch a firmware and install it; signed where certificate and signature are given."""

    location: str
    request_id: int
    retrieve_at: Moment
    install_at: Moment | None = None
    signing_certificate: str | None = None
    signature: str | None = None
    retries: int | None = None
    retry_interval: int | None = None  # seconds


class InstallCertificate(Intent, frozen=True):
    """Give the station a root certificate, PEM. OCPP 1.6 knows CSMS and MF only; OEM came with 2.1."""

    type: CertificateType
    certificate: str  # PEM


class CertificateHash(Spoken, frozen=True):
    """Names a certificate as OCSP does; hexadecimal."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str


class DeleteCertificate(Intent, frozen=True):
    """Have the station forget a root certificate, named by its hashes as ListCertificates tells them."""

    certificate: CertificateHash


class ListCertificates(Intent, frozen=True):
    """Which root certificates of these types the station has, and its own chain of V2G, as hashes."""

    types: tuple[ListedType, ...]


class GetConfiguration(Intent, frozen=True):
    """Read keys of 1.6, variables of 2.x: `component[;instance[;EVSE]]/variable[;instance[;attribute]]`."""

    names: tuple[str, ...]


class SetConfiguration(Intent, frozen=True):
    """Set keys or variables to values, by the names that GetConfiguration takes."""

    values: Mapping[str, str]


class ReportConfiguration(Intent, frozen=True):
    """Ask for the whole configuration, or a part. OCPP 1.6 answers at once, 2.x in reports that follow.

    `settings`: what can be set; `summary`: availability and what is wrong.
    """

    request_id: int
    part: Literal["all", "settings", "summary"] = "all"


class Reserve(Intent, frozen=True):
    """Keep an EVSE for an id tag until `expiresAt`. EVSE 0: any one."""

    reservation_id: int
    id_tag: str
    expires_at: Moment
    evse_number: int = 0
    connector_type: str | None = None  # ConnectorEnumType
    id_type: str = "ISO14443"
    group_id: str | None = None
    additional_info: tuple[AdditionalInfo, ...] = ()


class CancelReservation(Intent, frozen=True):
    """Give up a reservation, by its number."""

    reservation_id: int


class Trigger(Intent, frozen=True):
    """Have the station send a message now, or do what `customTrigger` of its vendor's stands for (2.1)."""

    message: Triggered
    evse_number: int | None = None
    connector_number: int | None = None
    custom_trigger: str | None = None  # with CustomTrigger


class ClearCache(Intent, frozen=True):
    """Have the station forget which id tags it has seen."""


class ListEntry(Spoken, frozen=True):
    """A tag of the local list; without a status it is taken off (differential updates only)."""

    id_tag: str
    status: str | None = None  # AuthorizationStatusEnumType
    id_type: str = "ISO14443"
    group_id: str | None = None
    additional_info: tuple[AdditionalInfo, ...] = ()
    expires_at: Moment | None = None


class SendLocalList(Intent, frozen=True):
    """Give the station its list of id tags, whole (`full`) or what changed; versions count up from 1."""

    version: int
    entries: tuple[ListEntry, ...] = ()
    full: bool = True


class GetLocalListVersion(Intent, frozen=True):
    """Which version of the list of id tags the station has; 0: none or empty, −1: it keeps none (1.6)."""


class GetTransactionStatus(Intent, frozen=True):
    """Whether a transaction goes on, and whether the station still has messages to deliver."""

    transaction_id: str | None = None


class TransferData(Intent, frozen=True):
    """Send a message of a vendor's own. OCPP 1.6 knows text only; `data` is any JSON value."""

    vendor_id: str
    message_id: str | None = None
    data: Any = None


# --- what came of it ---------------------------------------------------------------------------------------


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"  # will be done when what goes on has ended
    REBOOT_REQUIRED = "reboot_required"
    REJECTED = "rejected"
    NOT_FOUND = "not_found"  # the station has nothing of that name or number
    NOT_SUPPORTED = "not_supported"
    FAILED = "failed"


class Result(Spoken, frozen=True):
    """`word` is the station's own (`Accepted`, `UnlockFailed` …), `reason` what it added, if anything."""

    verdict: Verdict
    word: str
    reason: str | None = None


class Started(Result, frozen=True):
    transaction_id: str | None = None  # where the cable was in already (OCPP 2.x)
    session_id: int | None = None
    authorization_id: int | None = None


class Period(Spoken, frozen=True):
    start: int  # seconds
    limit: float | None
    phases: int | None = None


class Schedule(Result, frozen=True):
    evse_number: int | None = None
    begins_at: Moment | None = None
    duration: int | None = None  # seconds
    unit: str | None = None
    periods: tuple[Period, ...] = ()


class Upload(Result, frozen=True):
    filename: str | None = None  # None: the station has nothing to upload, or does not say


class Certificate(Spoken, frozen=True):
    type: str  # ListedType, or a later one in the station's own word
    hash: CertificateHash
    children: tuple[CertificateHash, ...] = ()


class Certificates(Result, frozen=True):
    certificates: tuple[Certificate, ...] = ()


class Value(Spoken, frozen=True):
    name: str
    value: str | None
    readonly: bool | None = None  # None: not told


class Values(Result, frozen=True):
    """`unknown`: names that the station does not know or does not tell."""

    values: tuple[Value, ...] = ()
    unknown: tuple[str, ...] = ()


class Settled(Result, frozen=True):
    """What became of each name; the result as a whole is accepted if every one was."""

    verdicts: Mapping[str, Verdict] = {}
    reasons: Mapping[str, str] = {}  # of those that were not: the station's word, and what it added


class ListVersion(Result, frozen=True):
    version: int = 0


class TransactionStatus(Result, frozen=True):
    ongoing: bool | None = None
    messages_waiting: bool = False


class Transferred(Result, frozen=True):
    data: Any = None


# The station's words. One that is not here is a refusal: nothing was done.
WORDS: Mapping[str, Verdict] = {
    "Accepted": Verdict.ACCEPTED,
    "AcceptedCanceled": Verdict.ACCEPTED,
    "Unlocked": Verdict.ACCEPTED,
    "Scheduled": Verdict.SCHEDULED,
    "RebootRequired": Verdict.REBOOT_REQUIRED,
    "Unpublished": Verdict.ACCEPTED,
    "EmptyResultSet": Verdict.NOT_FOUND,
    "NoFirmware": Verdict.NOT_FOUND,
    "NoProfile": Verdict.NOT_FOUND,
    "NoProfiles": Verdict.NOT_FOUND,
    "NoTariff": Verdict.NOT_FOUND,
    "NotFound": Verdict.NOT_FOUND,
    "TxNotFound": Verdict.NOT_FOUND,
    "Unknown": Verdict.NOT_FOUND,
    "UnknownTransaction": Verdict.NOT_FOUND,
    "UnknownConnector": Verdict.NOT_FOUND,
    "UnknownComponent": Verdict.NOT_FOUND,
    "UnknownVariable": Verdict.NOT_FOUND,
    "UnknownVendorId": Verdict.NOT_SUPPORTED,
    "UnknownMessageId": Verdict.NOT_SUPPORTED,
    "NotSupported": Verdict.NOT_SUPPORTED,
    "NotImplemented": Verdict.NOT_SUPPORTED,
    "NotSupportedAttributeType": Verdict.NOT_SUPPORTED,
    "NotSupportedMessageFormat": Verdict.NOT_SUPPORTED,
    "NotSupportedPriority": Verdict.NOT_SUPPORTED,
    "NotSupportedState": Verdict.NOT_SUPPORTED,
    "LanguageNotSupported": Verdict.NOT_SUPPORTED,
    "ConditionNotSupported": Verdict.NOT_SUPPORTED,
    "UnsupportedMonitorType": Verdict.NOT_SUPPORTED,
    "Failed": Verdict.FAILED,
    "UnlockFailed": Verdict.FAILED,
    "Faulted": Verdict.FAILED,
}


def verdict_of(word: str) -> Verdict:
    return WORDS.get(word, Verdict.REJECTED)


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """One for many: the first that is not accepted."""
    return next((verdict for verdict in verdicts if verdict is not Verdict.ACCEPTED), Verdict.ACCEPTED)
