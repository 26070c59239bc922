"""Bodies of the management API, member by member as its reference names them. Unknown members are ignored.

The reference names no bounds. Those here are of what is stored or sent on (OCPP, OCPI); nothing has a minimum
that these do not have.
`securityProfile` counts from 0: Basic over ws (0, OCPP's profile 1), Basic over TLS (1), mutual TLS (2).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Text = Annotated[str, Meta(max_length=255)]
Pem = Annotated[str, Meta(min_length=1, max_length=65_536)]
CountryCode = Annotated[str, Meta(min_length=2, max_length=2)]
PartyId = Annotated[str, Meta(min_length=3, max_length=3)]
Language = Annotated[str, Meta(min_length=2, max_length=2)]
TokenUid = Annotated[str, Meta(min_length=1, max_length=36)]

# Those of OCPP 2.1, the longest. What is too long for the station's version is not sent, and says so.
SettingName = Annotated[str, Meta(min_length=1, max_length=255)]
SettingValue = Annotated[str, Meta(max_length=2_500)]
ChargeStationSettings = Annotated[dict[SettingName, SettingValue], Meta(max_length=500)]


class Camel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A body with camelCase members; absent ones are UNSET."""


class Snake(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A body with snake_case members, as OCPI has them."""


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """The error body: the phrase of the HTTP status, and what was wrong."""

    status: str
    error: str | UnsetType = UNSET


class ChargeStationAuth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    security_profile: Annotated[int, Meta(ge=0, le=2)] = msgspec.field(name="securityProfile")
    password_hash: Annotated[str, Meta(max_length=64)] | UnsetType = msgspec.field(
        name="base64SHA256Password", default=UNSET
    )
    invalid_username_allowed: bool | UnsetType = msgspec.field(name="invalidUsernameAllowed", default=UNSET)


class InstallCertificate(Camel, frozen=True, kw_only=True):
    type: Literal["V2G", "MO", "MF", "CSMS"]
    certificate: Pem
    status: Literal["Accepted", "Rejected", "Pending"] = "Pending"


class ChargeStationInstallCertificates(Camel, frozen=True, kw_only=True):
    certificates: Annotated[list[InstallCertificate], Meta(max_length=100)]


class ChargeStationTrigger(Camel, frozen=True, kw_only=True):
    trigger: Literal[
        "BootNotification",
        "StatusNotification",
        "SignV2GCertificate",
        "SignChargingStationCertificate",
        "SignCombinedCertificate",
    ]


class Token(Camel, frozen=True, kw_only=True):
    country_code: CountryCode
    party_id: PartyId
    type: Literal["AD_HOC_USER", "APP_USER", "OTHER", "RFID"]
    uid: TokenUid
    contract_id: Annotated[str, Meta(max_length=36)]
    visual_number: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    issuer: Annotated[str, Meta(max_length=64)]
    group_id: Annotated[str, Meta(max_length=36)] | UnsetType = UNSET
    valid: bool
    language_code: Language | UnsetType = UNSET
    cache_mode: Literal["ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER"]
    last_updated: datetime | UnsetType = UNSET  # ignored on input


class TokenView(Camel, frozen=True, kw_only=True):
    """A token on its way out: what was checked when it came in is not checked again."""

    country_code: str
    party_id: str
    type: str
    uid: str
    contract_id: str
    visual_number: str | UnsetType = UNSET
    issuer: str
    group_id: str | UnsetType = UNSET
    valid: bool
    language_code: str | UnsetType = UNSET
    cache_mode: str
    last_updated: datetime


class TokenPage(Camel, frozen=True, kw_only=True):
    """Query of the token list; more than 100 at a time are cut to 100."""

    offset: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    limit: Annotated[int, Meta(ge=0)] = 20


class Certificate(Camel, frozen=True, kw_only=True):
    certificate: Pem


class Registration(Camel, frozen=True, kw_only=True):
    token: Annotated[str, Meta(min_length=1, max_length=64)]
    url: Annotated[str, Meta(max_length=2_048, pattern=r"^https?://[^\s/]+")] | UnsetType = UNSET
    status: Literal["PENDING", "REGISTERED"] = "PENDING"


class GeoLocation(Snake, frozen=True, kw_only=True):
    latitude: Annotated[str, Meta(pattern=r"^-?\d{1,2}(\.\d{1,10})?$")]
    longitude: Annotated[str, Meta(pattern=r"^-?\d{1,3}(\.\d{1,10})?$")]


ConnectorStandard = Literal[
    "CHADEMO", "CHAOJI",
    "DOMESTIC_A", "DOMESTIC_B", "DOMESTIC_C", "DOMESTIC_D", "DOMESTIC_E", "DOMESTIC_F",
    "DOMESTIC_G", "DOMESTIC_H", "DOMESTIC_I", "DOMESTIC_J", "DOMESTIC_K", "DOMESTIC_L",
    "GBT_AC", "GBT_DC",
    "IEC_60309_2_single_16", "IEC_60309_2_three_16", "IEC_60309_2_three_32", "IEC_60309_2_three_64",
    "IEC_62196_T1", "IEC_62196_T1_COMBO", "IEC_62196_T2", "IEC_62196_T2_COMBO",
    "IEC_62196_T3A", "IEC_62196_T3C",
    "NEMA_5_20", "NEMA_6_30", "NEMA_6_50", "NEMA_10_30", "NEMA_10_50", "NEMA_14_30", "NEMA_14_50",
    "PANTOGRAPH_BOTTOM_UP", "PANTOGRAPH_TOP_DOWN", "TESLA_R", "TESLA_S", "UNKNOWN",
]  # fmt: skip


class Connector(Snake, frozen=True, kw_only=True):
    id: Annotated[str, Meta(min_length=1, max_length=36)]
    standard: ConnectorStandard
    format: Literal["SOCKET", "CABLE"]
    power_type: Literal["AC_1_PHASE", "AC_3_PHASE", "DC"]
    max_voltage: Annotated[int, Meta(ge=0, lt=2**31)]
    max_amperage: Annotated[int, Meta(ge=0, lt=2**31)]


class Evse(Snake, frozen=True, kw_only=True):
    uid: Annotated[str, Meta(min_length=1, max_length=36)]
    evse_id: Annotated[str, Meta(max_length=48)] | None = None
    connectors: Annotated[list[Connector], Meta(max_length=100)]


class Location(Snake, frozen=True, kw_only=True):
    country_code: CountryCode
    party_id: PartyId
    name: Annotated[str, Meta(max_length=255)] | None = None
    address: Text
    city: Text
    postal_code: Annotated[str, Meta(max_length=32)] | None = None
    country: Annotated[str, Meta(min_length=2, max_length=3)]
    coordinates: GeoLocation
    parking_type: (
        Literal[
            "ALONG_MOTORWAY",
            "PARKING_GARAGE",
            "PARKING_LOT",
            "ON_DRIVEWAY",
            "ON_STREET",
            "UNDERGROUND_GARAGE",
        ]
        | None
    ) = None
    evses: Annotated[list[Evse], Meta(max_length=1_000)] | None = None
