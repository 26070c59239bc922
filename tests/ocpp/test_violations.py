"""Each message of each version, broken in every single way: the right CALLERROR, or the right repair.

One test per message, because there are fifty thousand ways; a failure lists all that went wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from engine.domain.state import Policy
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.outcome import Decoded
from engine.ocpp.policy import decode
from engine.ocpp.rpc import error_frame
from engine.ocpp.step import Refusal
from tests.ocpp.strategies import schemas, to_json
from tests.ocpp.violations import Broken, mended, violations
from tools.schemas import Schema

MODULES: Final = {"v16": v16, "v201": v201, "v21": v21}
PROTOCOLS: Final = {"v16": "ocpp1.6", "v201": "ocpp2.0.1", "v21": "ocpp2.1"}
EVERY: Final = [(version, name) for version in MODULES for name in schemas(version)]

# The words of the wire, by what is broken: OCPP-J 1.6 §4.2.3 (table 7), with its two own spellings;
CODES_16: Final[Mapping[str, str]] = {
    "structure": "FormationViolation",
    "additionalProperties": "FormationViolation",
    "required": "ProtocolError",
    "type": "TypeConstraintViolation",
    "format": "TypeConstraintViolation",
    "maxLength": "TypeConstraintViolation",
    "pattern": "PropertyConstraintViolation",
    "enum": "PropertyConstraintViolation",
    "range": "PropertyConstraintViolation",
    "multipleOf": "PropertyConstraintViolation",
    "items": "OccurenceConstraintViolation",
}
# 2.0.1 and 2.1 part 4 §4.3.
CODES_2X: Final[Mapping[str, str]] = {
    "structure": "ProtocolError",
    "additionalProperties": "ProtocolError",
    "required": "OccurrenceConstraintViolation",
    "type": "TypeConstraintViolation",
    "format": "TypeConstraintViolation",
    "maxLength": "TypeConstraintViolation",
    "pattern": "PropertyConstraintViolation",
    "enum": "PropertyConstraintViolation",
    "range": "PropertyConstraintViolation",
    "multipleOf": "PropertyConstraintViolation",
    "items": "OccurrenceConstraintViolation",
}
CODES: Final = {"v16": CODES_16, "v201": CODES_2X, "v21": CODES_2X}


@pytest.mark.parametrize(("version", "name"), EVERY, ids=[f"{version}-{name}" for version, name in EVERY])
def test_every_single_violation(version: str, name: str) -> None:
    kind, protocol = getattr(MODULES[version], name), PROTOCOLS[version]
    wrong: list[str] = []
    for broken in violations(schemas(version)[name], name):
        payload = to_json(broken.document)
        refused = decode(kind, payload, Policy.STRICT, version=protocol)
        repaired = decode(kind, payload, Policy.REPAIR, version=protocol)
        faults = [*_misjudged(broken, refused, version), *_mismended(broken, repaired, refused, kind)]
        if decode(kind, payload, Policy.OBSERVE, version=protocol) != repaired:
            faults.append("observed otherwise than repaired")
        wrong += [f"{broken}: {fault}" for fault in faults]
    assert not wrong, "\n".join(wrong)


def _misjudged(broken: Broken, refused: Any, version: str) -> Iterator[str]:
    """What strict mode says wrongly."""
    if not isinstance(refused, Refusal):
        yield "accepted"
        return
    code = CODES[version][broken.keyword].encode()
    if b',"' + code + b'",' not in error_frame("7", refused, PROTOCOLS[version]):
        yield f"refused as {refused.code} and not as {code.decode()}"
    if not refused.description.startswith(f"{broken.path}: "):
        yield f"found in another place: {refused.description}"


def _mismended(broken: Broken, repaired: Any, refused: Any, kind: Any) -> Iterator[str]:
    """What repair mode does wrongly: it mends into exactly what is meant, or refuses for the same place."""
    expected = mended(broken)
    if expected is None:
        if isinstance(repaired, Decoded):
            yield f"mended, by {repaired.repairs}"
        elif repaired != refused and not repaired.description.startswith(f"{broken.path}: "):
            yield f"refused for another reason: {repaired.description}"
    elif isinstance(repaired, Refusal):
        yield f"not mended by {expected.rules}: {repaired.description}"
    elif (repaired.repairs, set(repaired.places)) != (expected.rules, {expected.path}):
        yield f"mended by {repaired.repairs} at {repaired.places}, not by {expected.rules}"
    else:
        meant = decode(kind, to_json(expected.document), Policy.STRICT)
        if not isinstance(meant, Decoded) or meant.message != repaired.message:
            yield f"mended into {repaired.message}"


@pytest.mark.parametrize(("version", "least"), [("v16", 2_900), ("v201", 16_000), ("v21", 38_000)])
def test_every_keyword_of_every_schema_is_broken(version: str, least: int) -> None:
    """Each place where a schema has a keyword is broken in it, at every depth."""
    total = 0
    for name, schema in schemas(version).items():
        made = [(broken.keyword, broken.path) for broken in violations(schema, name)]
        assert set(made) == {("structure", "$"), *_keywords(schema, "$")}, name
        total += len(made)
    assert total >= least


def _keywords(schema: Schema, path: str) -> Iterator[tuple[str, str]]:
    """What a document of this schema can break, and where."""
    match schema.get("type"):
        case "object":
            if schema.get("additionalProperties") is False:
                yield "additionalProperties", f"{path}.zzUnknown"
            yield from (("required", f"{path}.{member}") for member in schema.get("required", ()))
        case "array" if schema.get("minItems") or "maxItems" in schema:
            yield "items", path
        case "integer":
            yield "range", path  # 32 bits
        case "number" if "minimum" in schema or "maximum" in schema:
            yield "range", path
        case "string" if schema.get("format") == "date-time":
            yield "format", path  # `uri` is a remark: 1.6 lets stations take other schemes
        case "string" if "enum" not in schema:
            yield "pattern", path  # no NUL
    yield from ((keyword, path) for keyword in ("enum", "maxLength", "multipleOf") if keyword in schema)
    if "type" in schema and path != "$":
        yield "type", path
    for member, below in schema.get("properties", {}).items():
        yield from _keywords(below, f"{path}.{member}")
    if "items" in schema:
        yield from _keywords(schema["items"], f"{path}[0]")
