"""The official JSON schemas of OCPP, read from the PyPI package `ocpp` (development only).

No OCPP rules live here: only what JSON schema says, and the few places where a schema contradicts its
specification (`_as_specified`).
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

# Words of a schema that say nothing about which documents are valid.
COMMENTS = {"title", "description", "comment", "javaType", "$schema", "$id", "additionalItems", "default"}


def read_schemas(version: str) -> dict[str, Schema]:
    """All schemas of a version, resolved, by message name (`Heartbeat`, `HeartbeatResponse`)."""
    spec = importlib.util.find_spec("ocpp")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the official schemas come with the package `ocpp`: pip install 'voltrio[dev]'")
    folder = Path(spec.submodule_search_locations[0]) / version / "schemas"
    schemas: dict[str, Schema] = {}
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stem):
        raw = json.loads(path.read_text("utf-8-sig"))
        schemas[path.stem.removesuffix("Request")] = _resolve(raw, raw.get("definitions", {}))
    return _as_specified(version, schemas)


def _resolve(schema: Any, definitions: Mapping[str, Schema], name: str | None = None) -> Any:
    """Replace `$ref`s by what they name, remembering the name as `x-name`."""
    if isinstance(schema, list):
        return [_resolve(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = schema["$ref"].removeprefix("#/definitions/")
        return _resolve(definitions[target], definitions, target.removesuffix("Type"))
    resolved = {key: _resolve(value, definitions) for key, value in schema.items() if key != "definitions"}
    return resolved | {"x-name": name} if name else resolved


def _as_specified(version: str, schemas: dict[str, Schema]) -> dict[str, Schema]:
    """Where schema files and specification contradict each other, the specification's type wins."""
    if version == "v16":
        # 1.6 §6.49: transactionData is a list of the MeterValue that MeterValues.req carries. The
        # schema of the latter has one more unit (errata v4.0 §3.84) and the lower bounds of its lists.
        values = schemas["MeterValues"]["properties"]["meterValue"]["items"]
        schemas["StopTransaction"]["properties"]["transactionData"]["items"] = values
    return schemas


def essence(schema: Any) -> Any:
    """The schema without comments; enum values in one order, so that equal types compare equal."""
    if isinstance(schema, list):
        return [essence(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: essence(value)
        for key, value in schema.items()
        if key not in COMMENTS or isinstance(value, dict)  # a *property* may be called `description`
    }
    if "enum" in kept:
        kept["enum"] = sorted(kept["enum"])
        kept.pop("additionalProperties", None)  # the official files say it of strings, where it means nothing
    return kept
