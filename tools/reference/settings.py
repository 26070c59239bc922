"""The reference page of settings, from their declarations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import inspect

from api.cli.options import plain
from engine.domain.state import StationSettings
from engine.settings import ENVIRONMENT_PREFIX, Settings
from engine.validation import choices
from tools.reference.notice import NOTICE

SETTINGS: Final = """\
# Settings

{notice}
A node takes its settings from four places; a later one wins over an earlier one:

1. the defaults below,
2. a TOML file: `voltrio.toml` in the working folder if there is one, or the one that `--config FILE` names,
3. environment variables: the key in capitals behind `{prefix}`, as in `{prefix}OCPP_PORT=9001`,
4. flags of `voltrio serve`: the key with dashes, as in `--ocpp-port 9001`.

Unknown keys are refused, and the nearest one is named. All are checked together before anything starts.
Sizes are bytes, times seconds unless they say days. Port 0 lets the system choose. A list is an array in the
file, has commas in the environment, and its flag is repeated. `{prefix}SERVER` and `{prefix}TOKEN` belong to
the [other commands](cli.md) and are no settings.

```toml
# voltrio.toml
ocpp_host = "0.0.0.0"
policy = "observe"
message_log_exclude = ["Heartbeat"]
```

| key | type | default | meaning |
|---|---|---|---|
{rows}

Two rules span more than one key: `manage_host` off loopback needs `manage_token`, and `ocpp_tls_port` needs
`tls_certificate` and `tls_key`.

## Settings of one station

A station's own settings stand in its record: `PATCH /admin-api/v1/stations/<identity>` with
`{{"settings": {{"policy": "strict"}}}}` ([admin API](admin-api.md)). The object replaces the one before; a
setting that is not in it is as the node has it, or as here. They hold from the next message on.

| key | type | default | meaning |
|---|---|---|---|
{station_rows}
"""
STATION: Final[Mapping[str, str]] = {
    "heartbeat_interval": "Heartbeat interval told with an accepted boot, s. The node's setting by default.",
    "boot_retry_interval": "Least wait told with a pending or rejected boot, s.",
    "policy": "What becomes of [malformed messages](../explanation/policy.md); the node's by default.",
    "read_configuration_after_boot": "GetConfiguration after every accepted boot.",
    "trigger_status_after_boot": "TriggerMessage(StatusNotification) after every accepted boot.",
    "auto_start_without_authorization": "Id tags that nobody knows are accepted here.",
    "ask_transactions_after_connect": "OCPP 2.x: GetTransactionStatus for each session that is open here.",
    "takes_payments": "OCPP 2.1: DirectPayment tokens are accepted, not looked up; the node's by default.",
    "tell_running_cost": "OCPP 2.x: running cost and price in the answers to events of a transaction.",
    "master_pass_group": "OCPP 2.x: group whose tags end any transaction and start none.",
    "max_power_w": "The most this station can deliver, W: more energy than that holds a session for review.",
    "max_session_wh": "The most one session can take, Wh, however long: more holds it for review.",
}


def page() -> str:
    """docs/reference/settings.md"""
    return SETTINGS.format(
        notice=NOTICE,
        prefix=ENVIRONMENT_PREFIX,
        rows=_rows(Settings, lambda field: plain(field.type)[1]),
        station_rows=_rows(StationSettings, lambda field: STATION[field.name]),
    )


def _rows(struct: type[msgspec.Struct], meaning: Callable[[inspect.Field], str]) -> str:
    """A table's rows: name, type, default, meaning."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - holds for every Struct
    words = {field.name: choices(field.type) for field in msgspec.structs.fields(struct)}
    return "\n".join(
        f"| `{field.name}` | {_type(plain(field.type)[0], words[field.name])} | {_default(field.default)} "
        f"| {meaning(field)} |"
        for field in info.fields
    )


def _type(kind: inspect.Type, words: Sequence[str]) -> str:
    if words:
        return " · ".join(f"`{word}`" for word in words)
    match kind:
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType():
            return "integer" + _bounds(kind)
        case inspect.FloatType():
            return "number" + _bounds(kind)
        case inspect.VarTupleType():
            return "list of strings"
    return "string"


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    bounds = ((">", kind.gt), ("≥", kind.ge), ("≤", kind.le))
    return "".join(f" {sign} {bound}" for sign, bound in bounds if bound is not None)


def _default(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "on" if value else "off"
        case float():
            return f"`{value:g}`" if value < 10_000 else f"`{value:.0f}`"
        case tuple():
            return ", ".join(f"`{one}`" for one in value)
    return f"`{value}`"
