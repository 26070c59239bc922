"""Valid documents made from the official JSON schemas. How they are broken: `tests.ocpp.violations`.

A document is what `json` gives, with Decimal for numbers that have a `multipleOf`. For any OCPP version.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st

from tools.codegen import INT_MAX, INT_MIN
from tools.schemas import Schema, read_schemas

ENCODER = msgspec.json.Encoder(decimal_format="number")

schemas = cache(read_schemas)


def to_json(document: Any) -> bytes:
    return ENCODER.encode(document)


# --- valid documents ---------------------------------------------------------------------------------------


def valid(schema: Schema) -> st.SearchStrategy[Any]:
    """Random valid documents, members in the schema's order."""
    match schema:
        case {"enum": values}:
            return st.sampled_from(values)
        case {"type": "object"}:
            return _objects(schema)
        case {"type": "array", "items": items}:
            least = schema.get("minItems", 0)
            most = min(schema.get("maxItems", least + 2), least + 2)
            return st.lists(valid(items), min_size=least, max_size=most)
        case {"type": "string", "format": "date-time"}:
            return st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1)).map(_stamp)  # noqa: DTZ001 - the strategy wants it naive
        case {"type": "string"}:
            text = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
            return st.text(text, max_size=min(schema.get("maxLength", 40), 40))
        case {"type": "integer"}:
            least, most = int(schema.get("minimum", INT_MIN)), int(schema.get("maximum", INT_MAX))
            return st.integers(least, most)
        case {"type": "number", "multipleOf": _}:
            return st.integers(-(10**6), 10**6).map(lambda tenths: Decimal(tenths).scaleb(-1))
        case {"type": "number"}:
            return st.floats(schema.get("minimum", -1e6), schema.get("maximum", 1e6))
        case {"type": "boolean"}:
            return st.booleans()
    return st.none() | st.booleans() | st.text(st.characters(codec="ascii", exclude_characters="\0"))


def _objects(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    properties, required = schema.get("properties", {}), set(schema.get("required", ()))
    members = {name: valid(declared) for name, declared in properties.items()}

    @st.composite
    def build(draw: st.DrawFn) -> dict[str, Any]:
        return {
            name: draw(member) for name, member in members.items() if name in required or draw(st.booleans())
        }

    return build()


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def example(schema: Schema, *, full: bool = True) -> Any:
    """One valid document: with every member, or only with the required ones."""
    match schema:
        case {"enum": [first, *_]}:
            return first
        case {"type": "object"}:
            required = schema.get("required", ())
            return {
                name: example(declared, full=full)
                for name, declared in schema.get("properties", {}).items()
                if full or name in required
            }
        case {"type": "array", "items": items}:
            return [example(items, full=full) for _ in range(max(1, schema.get("minItems", 1)))]
        case {"type": "string", "format": "date-time"}:
            return "2024-02-29T12:34:56.789000Z"
        case {"type": "string"}:
            return "text"[: schema.get("maxLength", 4)]
        case {"type": "integer"}:
            return int(schema.get("minimum", 7))
        case {"type": "number", "multipleOf": _}:
            return Decimal("8.1")
        case {"type": "number"}:
            return schema.get("minimum", schema.get("maximum", 1.5))
        case {"type": "boolean"}:
            return True
    return {"anything": 1}
