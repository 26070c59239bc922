"""All settings of a node: one frozen Struct, filled from defaults, `voltrio.toml`, `VOLTRIO_*` and flags.

Later sources win. A setting is declared once, here: its field name is the TOML key, its upper case with
`VOLTRIO_` the environment variable, with dashes the flag of `voltrio serve`. Unknown keys are refused, naming
the nearest match.
"""

from __future__ import annotations

import difflib
import ipaddress
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.errors import SettingsError
from engine.validation import faults

Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one node. Ports: 0 lets the system choose. Sizes are bytes, times seconds."""

    # Where the truth is kept.
    data: Annotated[str, Meta(description="Folder of the embedded database and of keys.")] = "var"
    database: Annotated[
        str | None,
        Meta(description="postgresql:// address of your own server; embedded PostgreSQL if absent."),
    ] = None

    # Chargers.
    ocpp_host: Annotated[str, Meta(description="Address on which chargers connect.")] = "127.0.0.1"
    ocpp_port: Annotated[Port, Meta(description="Port for ws:// (OCPP security profiles 0 and 1).")] = 9000
    ocpp_tls_port: Annotated[
        Port | None, Meta(description="Port for wss:// (security profiles 2 and 3); needs a certificate.")
    ] = None
    tls_certificate: Annotated[
        str | None, Meta(description="PEM file with the server's certificate chain.")
    ] = None
    tls_key: Annotated[str | None, Meta(description="PEM file with the server's private key.")] = None
    tls_client_ca: Annotated[
        str | None, Meta(description="PEM file of the CAs that sign charger certificates (profile 3).")
    ] = None
    accept_unknown: Annotated[
        bool, Meta(description="Create unknown charge points as pending instead of refusing them.")
    ] = False
    policy: Annotated[
        Literal["strict", "repair", "observe"],
        Meta(description="Messages that break their schema: refuse, mend, or mend and log. Per station too."),
    ] = "repair"
    takes_payments: Annotated[
        bool,
        Meta(
            description="Stations may take payments: DirectPayment tokens (OCPP 2.1) are accepted without a "
            "look-up. Per station too."
        ),
    ] = False
    heartbeat_interval: Annotated[
        int, Meta(ge=1, le=604_800, description="Heartbeat interval told to chargers, s.")
    ] = 300
    ping_interval: Annotated[Seconds, Meta(description="A silent connection is pinged after so long.")] = 60.0
    ping_timeout: Annotated[Seconds, Meta(description="… and closed when it stays silent so long.")] = 30.0
    call_timeout: Annotated[Seconds, Meta(description="Deadline for a charger's answer to a command.")] = 30.0
    call_queue: Annotated[Count, Meta(description="Commands that may wait for one charger.")] = 32
    remote_start_timeout: Annotated[
        Seconds, Meta(description="A session asked for remotely expires when it does not begin within.")
    ] = 300.0
    long_term_unavailable_after: Annotated[
        Seconds, Meta(description="When a lost charger counts as unavailable for long.")
    ] = 86_400.0
    max_message_size: Annotated[Count, Meta(description="Largest OCPP message accepted.")] = 1_048_576
    max_out_buffer: Annotated[
        Count, Meta(description="A charger that lets more than this pile up is closed.")
    ] = 1_048_576
    max_connections: Annotated[
        Count, Meta(description="Chargers connected to this node; fewer where the open files are limited.")
    ] = 50_000
    max_waiting: Annotated[
        Count, Meta(description="Connections that have not logged in; silent ones give way.")
    ] = 10_000
    max_waiting_per_address: Annotated[
        Count, Meta(description="… and from one address, or one /64 of IPv6.")
    ] = 5_000
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Load balancers (addresses, networks) that are believed who is behind them."),
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...],
        Meta(description="Values of Origin with which charge points may connect; web pages send one."),
    ] = ()
    handshake_timeout: Annotated[Seconds, Meta(description="TLS and HTTP upgrade must be done within.")] = (
        20.0
    )
    connection_rate: Annotated[Seconds, Meta(description="New connections per second that are let in.")] = (
        2_000.0
    )
    boot_rate: Annotated[Seconds, Meta(description="Boots per second that are answered at once.")] = 1_000.0
    message_rate: Annotated[
        Seconds,
        Meta(description="Messages per second that one charger may send over time; more wait."),
    ] = 100.0
    data_rate: Annotated[
        Seconds, Meta(description="Bytes of messages per second that one charger may send over time.")
    ] = 65_536.0
    rate_burst: Annotated[
        Seconds, Meta(description="So many seconds' worth of both a charger may send at once.")
    ] = 10.0
    reconnect_interval: Annotated[
        Seconds,
        Meta(description="A charge point that connects or boots all the time may do so once within."),
    ] = 10.0
    auth_failures: Annotated[
        Count, Meta(description="Failed log-ins per address and identity and minute.")
    ] = 10
    drain_timeout: Annotated[Seconds, Meta(description="How long SIGTERM waits for work in flight.")] = 10.0

    # Certificates.
    organisation: Annotated[
        str, Meta(min_length=1, max_length=40, description="Operator's name in the certificates it issues.")
    ] = "Voltrio"
    certificate_authority: Annotated[
        str | None,
        Meta(description="URL of the CA that signs charger certificates; the built-in one if absent."),
    ] = None
    certificate_days: Annotated[Count, Meta(description="How long certificates of the built-in CA hold.")] = (
        365
    )
    certificate_renewal_days: Annotated[
        Count, Meta(description="Chargers renew their certificate so many days before it expires.")
    ] = 30
    contract_certificates: Annotated[
        str | None,
        Meta(
            description="URL of a provider of contract certificates (ISO 15118), or `sandbox` to try it out."
        ),
    ] = None
    contract_roots: Annotated[
        str | None, Meta(description="PEM file of the CAs (V2G, MO) that contract certificates must lead to.")
    ] = None
    contracts_without_ocsp: Annotated[
        bool,
        Meta(
            description="Accept contracts also while no OCSP responder tells whether they are revoked; one "
            "that is told to be is never accepted."
        ),
    ] = False
    ocsp_hosts: Annotated[
        tuple[str, ...], Meta(description="OCSP responders that may be asked although they are not public.")
    ] = ()

    # People and programs.
    http_host: Annotated[str, Meta(description="Address of the HTTP API.")] = "127.0.0.1"
    http_port: Annotated[Port, Meta(description="Port of the HTTP API, health and metrics.")] = 8080
    max_http_connections: Annotated[
        Count, Meta(description="Connections to both HTTP ports; fewer where the open files are limited.")
    ] = 1_000
    http_rate: Annotated[
        Seconds, Meta(description="HTTP requests per second of one address that are served; more wait.")
    ] = 500.0
    http_tls_certificate: Annotated[
        str | None,
        Meta(description="PEM file with a certificate chain: both HTTP ports then speak HTTPS only."),
    ] = None
    http_tls_key: Annotated[str | None, Meta(description="PEM file with its private key.")] = None
    http_hosts: Annotated[
        tuple[str, ...],
        Meta(description="Names under which the HTTP ports may be asked, besides those of loopback."),
    ] = ()
    http_origins: Annotated[
        tuple[str, ...],
        Meta(description="Origins (https://…) whose web pages may use the HTTP ports (CORS)."),
    ] = ()
    manage_host: Annotated[str, Meta(description="Address of the management API.")] = "127.0.0.1"
    manage_port: Annotated[Port, Meta(description="Port of the management API.")] = 9410
    manage_token: Annotated[
        str | None, Meta(description="Bearer token of the management API; required off loopback.")
    ] = None

    # Keeping.
    message_log_exclude: Annotated[
        tuple[str, ...], Meta(description="Actions whose frames are not kept in the message log.")
    ] = ("Heartbeat", "MeterValues", "TransactionEvent")
    message_log_days: Annotated[Count, Meta(description="Message log retention, days.")] = 90
    meter_values_days: Annotated[Count, Meta(description="Meter value retention, days.")] = 1_095
    event_days: Annotated[
        Count, Meta(description="How long events stay in the outbox that all its readers have taken, days.")
    ] = 30
    status_log_days: Annotated[Count, Meta(description="Status log retention, days.")] = 365
    log_format: Annotated[Literal["console", "json"], Meta(description="How log lines look.")] = "console"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least level logged.")
    ] = "info"


FIELDS: Mapping[str, msgspec.structs.FieldInfo] = {f.name: f for f in msgspec.structs.fields(Settings)}
ENVIRONMENT_PREFIX = "VOLTRIO_"


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings from the three sources, later ones over earlier ones, checked as a whole.

    `flags` whose value is None were not given. Raises SettingsError that says what to do.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, given in _sources(file, environment or {}, flags or {}):
        values |= given
        sources |= dict.fromkeys(given, source)
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError:
        wrong = faults(values, Settings, strict=False)
        lines = (f"{name} ({sources[name]}): {'; '.join(what)}" for name, what in wrong.items())
        raise SettingsError("\n".join(lines)) from None
    _check(settings)
    return settings


def _sources(
    file: Path | None, environment: Mapping[str, str], flags: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where values come from, and what each source says; later ones win."""
    if file is not None:
        try:
            yield str(file), _known(tomllib.loads(file.read_text()), str(file))
        except FileNotFoundError:
            raise SettingsError(f"{file}: no such file") from None
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{file}: {error}") from None
        except UnicodeDecodeError:
            raise SettingsError(f"{file}: not a text in UTF-8") from None
    yield "environment", _from_environment(environment)
    yield "command line", _known({k: v for k, v in flags.items() if v is not None}, "command line")


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    named = {k: v for k, v in environment.items() if k.startswith(ENVIRONMENT_PREFIX)}
    values = _known({k.removeprefix(ENVIRONMENT_PREFIX).lower(): v for k, v in named.items()}, "environment")
    return {k: v.split(",") if isinstance(FIELDS[k].default, tuple) else v for k, v in values.items()}


def _known(values: Mapping[str, Any], source: str) -> dict[str, Any]:
    for key in values:
        if key not in FIELDS:
            nearest = difflib.get_close_matches(key, FIELDS, 1, 0.5)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise SettingsError(f"{source}: unknown setting {key!r}{hint}")
    return dict(values)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check(settings: Settings) -> None:
    for network in settings.trusted_proxies:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise SettingsError(f"trusted_proxies: {error}") from None
    if not is_loopback(settings.manage_host) and not settings.manage_token:
        raise SettingsError(
            f"manage_host {settings.manage_host!r} is reachable from outside and the management API "
            "has no authentication of its own: set manage_token (--manage-token) too"
        )
    if (settings.http_tls_certificate is None) is not (settings.http_tls_key is None):
        raise SettingsError("http_tls_certificate and http_tls_key go together")
    if settings.ocpp_tls_port is not None and not (settings.tls_certificate and settings.tls_key):
        raise SettingsError("ocpp_tls_port needs tls_certificate and tls_key")
