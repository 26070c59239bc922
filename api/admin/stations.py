"""Charge points: registering them, letting them in or not, what they are doing, what they are to be told."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from api.kernel.bodies import given
from api.kernel.editable import Editable, Values
from api.kernel.identities import identity as checked_identity
from api.kernel.listing import Scope, among, custom, equal, prefix, since
from api.kernel.operations import Route
from api.kernel.problems import INVALID_DATA
from api.kernel.resource import Resource, narrowed
from api.kernel.rows import Computed
from api.kernel.views import Camel, shown
from api.shapes.stations import AddedStation, Profile, Station
from engine.domain.caller import Caller
from engine.domain.state import Registration
from engine.errors import Invalid
from engine.masking import MASK
from engine.node import Node
from engine.ocpp.blocks.device_model.passwords import is_secret
from engine.operations import provisioning
from engine.operations.station_removal import remove_station
from engine.store.editings import CHARGE_POINTS
from engine.store.filters import Condition, Operator
from engine.store.plan import Row
from engine.store.readings import BY_IDENTITY, NEWEST, OLDEST, STATIONS
from engine.store.repositories.provisioning import ReportedKey, Setting
from engine.store.repositories.stations import StationPatch

PASSWORD_BYTES: Final = (
    16  # of a password made here; written as 32 hexadecimal digits, which every charger takes
)
WITH_PASSWORD: Final = frozenset({1, 2})  # security profiles
OPEN: Final = (
    "Whoever knows its identity can connect as this charge point: it has security profile 0, no password. "
    "Accept it with a password, or move it up once it is connected."
)

Password = Annotated[str, Meta(min_length=16, max_length=40)]  # OCPP 1.6 security whitepaper A00


class Secret(Camel, frozen=True, kw_only=True):
    """`password` null: none."""

    password: Password | UnsetType | None = UNSET


class SettingView(Camel, frozen=True, kw_only=True):
    name: str
    value: str
    status: str
    reason: str | None
    requested_at: datetime
    answered_at: datetime | None


class KeyView(Camel, frozen=True, kw_only=True):
    name: str
    value: str | None
    readonly: bool
    at: datetime


class ConfigurationView(Camel, frozen=True, kw_only=True):
    """`requested` is what people want set, `reported` what the charge point said."""

    requested: Sequence[SettingView]
    reported: Sequence[KeyView]


class Acceptance(Camel, frozen=True, kw_only=True):
    """How it is to be let in from its next connection on; absent members stay as they are."""

    security_profile: Profile | UnsetType = UNSET
    password: Password | UnsetType = UNSET


class AcceptedView(Camel, frozen=True, kw_only=True):
    """`triggered`: whether the charge point was there and agreed to send its boot again.

    `warning` is there while anybody can connect as it; `password` once, where one was made.
    """

    triggered: bool
    security_profile: int
    warning: str | None
    password: str | UnsetType = UNSET


def connected(node: Node, wanted: bool) -> Condition:
    """Whether it has a connection to this node."""
    operator = Operator.AMONG if wanted else Operator.NONE_OF
    return Condition(field="identity", operator=operator, value=node.registry.connected())


stations: Final = Resource(
    "charge point",
    Station,
    STATIONS,
    key="identity",
    filters={
        "identity": prefix("identity"),
        "status": among("status"),
        "networkStatus": among("network_status"),
        "registrationStatus": among("registration_status", Registration),
        "connected": custom(bool, connected),
        "securityProfile": equal("security_profile"),
        "vendor": equal("vendor"),
        "model": equal("model"),
        "firmwareVersion": prefix("firmware_version"),
        "changedSince": since("last_updated_at"),
    },
    orders={"oldest": OLDEST, "newest": NEWEST, "identity": BY_IDENTITY},
    computed={
        "connected": Computed(
            value=lambda node, row: node.registry.is_connected(row["identity"]), needs=("identity",)
        )
    },
)


async def ruled(node: Node, caller: Caller, values: Values, row: Row | None) -> Values:
    """Of a password its hash is kept; who says whether its boots are accepted has decided."""
    if row is None:
        values = {"name": checked_identity(values["identity"]), **values}
    if "registration_status" in values:
        values = {**values, "accept_when_configured": False}
    password = values.pop("password", UNSET)
    return values if password is UNSET else {**values, "password_sha256": hashed(password)}


def hashed(password: str | None) -> bytes | None:
    return None if password is None else hashlib.sha256(password.encode()).digest()


edited: Final = Editable(stations, CHARGE_POINTS, before_write=ruled, besides=Secret, supplied=("name",))


async def add(node: Node, body: Any, query: Scope, caller: Caller) -> AddedStation:
    """Register a charge point; one that needs a password and is given none gets one made here."""
    values = given(body)
    made: str | UnsetType = UNSET
    if values.get("security_profile", 1) in WITH_PASSWORD and "password" not in values:
        values["password"] = made = secrets.token_hex(PASSWORD_BYTES)
    station = await edited.add(node, narrowed(caller, query), values)
    return shown(AddedStation, station, password=made)


async def delete(node: Node, identity: str, caller: Caller) -> None:
    """Out of service for good; sessions that run end, held for review."""
    await remove_station(node, caller, identity)


async def accept(node: Node, identity: str, body: Acceptance, caller: Caller) -> AcceptedView:
    """Accept its boots from now on; one that is connected is asked to boot again, not to have to wait.

    A password without a profile means profile 1, and a profile that wants a password which there is not
    gets one made here.
    """
    before = await node.store.stations.get(caller, identity)
    profile, password = body.security_profile, body.password
    if profile is UNSET:
        profile = max(before.security_profile, 0 if password is UNSET else 1)
    if profile not in WITH_PASSWORD and password is not UNSET:
        fields = {"password": [f"security profile {profile} takes none"]}
        raise Invalid(INVALID_DATA, fields)
    made: str | UnsetType = UNSET
    if profile in WITH_PASSWORD and password is UNSET and not before.has_password:
        password = made = secrets.token_hex(PASSWORD_BYTES)
    patch = StationPatch(security_profile=profile)
    if password is not UNSET:
        patch = replace(patch, password_sha256=hashed(password))
    row, triggered = await provisioning.accept(node, caller, identity, patch)
    warning = OPEN if row.security_profile == 0 else None
    return AcceptedView(
        triggered=triggered, security_profile=row.security_profile, warning=warning, password=made
    )


async def configuration(node: Node, identity: str, caller: Caller) -> ConfigurationView:
    row = await node.store.stations.get(caller, identity)
    requested = await node.store.configuration.requested(row.id)
    reported = await node.store.configuration.reported(row.id)
    return ConfigurationView(
        requested=[shown(SettingView, _masked(one)) for one in requested],
        reported=[shown(KeyView, _masked(one)) for one in reported],
    )


def _masked(row: Setting | ReportedKey) -> Setting | ReportedKey:
    return msgspec.structs.replace(row, value=MASK) if is_secret(row.name) else row


ROUTES = (
    stations.listing("/stations", "Charge points"),
    Route("POST", "/stations", add, 201, body=edited.new),
    stations.one("/stations/<identity>", "A charge point with its connectors"),
    edited.update("/stations/<identity>", "Change a charge point"),
    Route("DELETE", "/stations/<identity>", delete, 204),
    Route("POST", "/stations/<identity>/accept", accept, limit=None),
    Route("GET", "/stations/<identity>/configuration", configuration),
)
