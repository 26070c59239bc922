"""Documents made from the official JSON schemas: valid ones at random, and every single way to break one.

A document is what `json` gives, with Decimal for numbers that have a `multipleOf`. For any OCPP version.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st

from engine.ocpp.codegen import INT_MAX, INT_MIN, Schema, read_schemas

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


# --- single violations -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Broken:
    """A document that breaks one keyword at one place (`$.meterValue[0].timestamp`)."""

    keyword: str
    path: str
    make: Callable[[], Any]

    @property
    def document(self) -> Any:
        return self.make()

    def __str__(self) -> str:
        return f"{self.keyword} {self.path}"


def violations(schema: Schema) -> Iterator[Broken]:
    """Every single violation of a schema, each in an otherwise valid document that has every member."""
    whole = example(schema)
    yield Broken("structure", "$", list)
    yield Broken("structure", "$", str)
    yield from _in_object(schema, "$", _Place(whole))


@dataclass(frozen=True)
class _Place:
    """Where in the document we are: `put` gives a maker of copies with another value there."""

    whole: Any
    steps: tuple[str | int, ...] = ()

    def at(self, step: str | int) -> _Place:
        return _Place(self.whole, (*self.steps, step))

    def put(self, change: Callable[[Any], Any]) -> Callable[[], Any]:
        def make() -> Any:
            whole = copy.deepcopy(self.whole)
            if not self.steps:
                return change(whole)
            target = whole
            for step in self.steps[:-1]:
                target = target[step]
            target[self.steps[-1]] = change(target[self.steps[-1]])
            return whole

        return make


def _in_object(schema: Schema, path: str, place: _Place) -> Iterator[Broken]:
    if schema.get("additionalProperties") is False:
        unknown = place.put(lambda value: value | {"zzUnknown": 1})
        yield Broken("additionalProperties", f"{path}.zzUnknown", unknown)
    for name, declared in schema.get("properties", {}).items():
        below = f"{path}.{name}"
        if name in schema.get("required", ()):
            without = place.put(lambda value, name=name: {key: value[key] for key in value if key != name})
            yield Broken("required", below, without)
        yield from _in_value(declared, below, place.at(name))


def _in_value(schema: Schema, path: str, place: _Place) -> Iterator[Broken]:
    for keyword, value in _wrong(schema):
        yield Broken(keyword, path, place.put(lambda _, value=value: value))
    if schema.get("type") == "object":
        yield from _in_object(schema, path, place)
    elif schema.get("type") == "array":
        yield from _in_value(schema["items"], f"{path}[0]", place.at(0))


def _wrong(schema: Schema) -> Iterator[tuple[str, Any]]:
    """(keyword, value) pairs: values that break exactly this keyword of the schema itself."""
    kind = schema.get("type")
    if kind is None:
        return
    yield "type", None
    if kind != "object":
        yield "type", {}
    if kind != "array":
        yield "type", []
    if kind not in ("integer", "number"):
        yield "type", 12
        yield "type", 1.5
    if kind != "string":
        yield "type", "text"
        yield "type", str(example(schema)) if kind == "integer" else "12"  # within the range
    elif "enum" in schema:
        yield "enum", "NoSuchValue"
        yield "enum", ""
    elif schema.get("format") == "date-time":
        yield "format", "yesterday"
        yield "format", "2024-02-29T12:34:56"
    else:
        yield "pattern", "te\0xt"[: schema.get("maxLength", 5)]
    if kind != "boolean":
        yield "type", True
    if "maxLength" in schema:
        yield "maxLength", "x" * (schema["maxLength"] + 1)
    if kind == "integer":
        yield "type", 1.5
        yield "range", int(schema.get("maximum", INT_MAX)) + 1
        yield "range", int(schema.get("minimum", INT_MIN)) - 1
        yield "range", 10**30
    if "multipleOf" in schema:
        yield "multipleOf", Decimal("8.15")
    if schema.get("minItems", 0) > 0:
        yield "items", []
