"""Every single way to break a document of an official JSON schema, and what the policy owes to each.

Which keyword is broken is read off the schema. What *repair* makes of it is told here a second time, from the
rules of `docs/explanation/policy.md`: only the quirks themselves, which are data, are the program's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from engine.ocpp.quirks import GENERIC
from tests.ocpp.strategies import example
from tools.codegen import INT_MAX, INT_MIN, NAMES_16
from tools.schemas import Schema

ABSENT: Final = object()  # in the place of a member: leave it out


# --- what can be wrong -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a value stands: a member of an object, or an item of a list."""

    path: str  # `$.meterValue[0].timestamp`
    key: str  # how quirks call it: `MeterValue.timestamp`; items are called like their list
    optional: bool
    wrap: Callable[[Any], Any]  # a value here → the whole document, valid but for that value
    above: Place | None
    is_item: bool = False
    may_be_empty: bool = False  # of an item: whether its list is right without it

    def within(self, value: Any) -> Iterator[tuple[Place, Any]]:
        """This place and all around it, each with what it holds when `value` stands here."""
        place: Place | None = self
        while place is not None:
            yield place, _at(place.path, self.wrap(value))
            place = place.above


@dataclass(frozen=True)
class Broken:
    """A document that breaks one keyword at one place. It has what is required, and what leads there."""

    keyword: str
    path: str
    schema: Schema  # of the value at `path`
    value: Any
    place: Place | None  # None: the payload as a whole
    make: Callable[[Any], Any]

    @property
    def document(self) -> Any:
        return self.make(self.value)

    def __str__(self) -> str:
        return f"{self.keyword} {self.path}" + ("" if self.value is ABSENT else f" = {self.value!r:.40}")


def violations(schema: Schema, name: str) -> Iterator[Broken]:
    """Every single violation of a message's schema, at every depth."""
    for payload in ([], "text", 12, True):
        yield Broken("structure", "$", schema, payload, None, lambda value: value)
    yield from _in_object(schema, name, "$", None, lambda value: value)


def _in_object(
    schema: Schema, owner: str, path: str, above: Place | None, wrap: Callable[[Any], Any]
) -> Iterator[Broken]:
    properties, required = schema.get("properties", {}), schema.get("required", ())
    needed = {name: example(properties[name], full=False) for name in properties if name in required}
    order = {name: number for number, name in enumerate(properties)}

    def put(name: str, value: Any) -> Any:
        """The whole document with `value` for this member, members in the schema's order."""
        members = needed | {name: value}
        if value is ABSENT:
            del members[name]
        elif name in order and name not in needed:
            members = dict(sorted(members.items(), key=lambda member: order[member[0]]))
        return wrap(members)

    if schema.get("additionalProperties") is False:
        yield Broken(
            "additionalProperties", f"{path}.zzUnknown", {}, 1, above, lambda value: put("zzUnknown", value)
        )
    for name, declared in properties.items():
        place = Place(
            path=f"{path}.{name}",
            key=f"{owner}.{name}",
            optional=name not in required,
            wrap=lambda value, name=name: put(name, value),
            above=above,
        )
        if not place.optional:
            yield Broken("required", place.path, declared, ABSENT, place, place.wrap)
        yield from _in_value(declared, name, place)


def _in_value(schema: Schema, name: str, place: Place) -> Iterator[Broken]:
    for keyword, value in wrong(schema):
        yield Broken(keyword, place.path, schema, value, place, place.wrap)
    if schema.get("type") == "object":
        owner = schema.get("x-name") or NAMES_16.get(name, name[0].upper() + name[1:])
        yield from _in_object(schema, owner, place.path, place, place.wrap)
    elif schema.get("type") == "array":
        least = schema.get("minItems", 0)
        others = [example(schema["items"], full=False)] * (least - 1)
        item = Place(
            path=f"{place.path}[0]",
            key=place.key,
            optional=False,
            wrap=lambda value: place.wrap([value, *others]),
            above=place,
            is_item=True,
            may_be_empty=least == 0,
        )
        yield from _in_value(schema["items"], name, item)


def wrong(schema: Schema) -> Iterator[tuple[str, Any]]:
    """(keyword, value) pairs: values that break exactly this keyword of the schema itself."""
    kind = schema.get("type")
    if kind is None:
        return
    for other, value in (("object", {}), ("array", []), ("string", "text"), ("boolean", True)):
        if kind != other:
            yield "type", value
    yield "type", None
    if kind not in ("integer", "number"):
        yield "type", 12
        yield "type", 1.5
    else:
        yield "type", str(example(schema))  # within the range
        yield "type", "1,5"
    match schema:
        case {"enum": [first, *_] as values}:
            yield "enum", "NoSuchValue"
            yield "enum", ""
            yield from (("enum", word) for word in (first.swapcase(), f" {first}-") if word not in values)
        case {"type": "string", "format": "date-time"}:
            for moment in ("yesterday", "2024-02-29T12:34:56", "2023-02-29T12:34:56Z", "20240131 0800Z", ""):
                yield "format", moment
        case {"type": "string"}:
            most = schema.get("maxLength", 5)
            yield "pattern", "t\0xt"[:most] if most > 1 else "\0"
            yield "pattern", ("te" + "\0" * most)[:most]
            if "maxLength" in schema:
                yield "maxLength", "x" * (most + 1)
                yield "maxLength", "x" + " " * most
        case {"type": "integer"}:
            yield "type", 1.5
            yield "range", int(schema.get("maximum", INT_MAX)) + 1
            yield "range", int(schema.get("minimum", INT_MIN)) - 1
            yield "range", 10**30
        case {"type": "number"}:
            if "multipleOf" in schema:
                yield "multipleOf", Decimal("8.15")
            if "maximum" in schema:
                yield "range", schema["maximum"] + 1
            if "minimum" in schema:
                yield "range", schema["minimum"] - 1
        case {"type": "boolean"}:
            yield from (("type", value) for value in (1, 0, "True", "0"))
        case {"type": "array", "items": items}:
            if items.get("type") == "object":
                yield "type", example(items)
            if schema.get("minItems", 0) > 0:
                yield "items", []
            if "maxItems" in schema:
                yield "items", [example(items, full=False)] * (schema["maxItems"] + 1)


# --- what repair owes --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mended:
    """The document that a broken one is mended into: by which rules, and where."""

    document: Any
    rules: tuple[str, ...]
    path: str


def mended(broken: Broken) -> Mended | None:
    """What `repair` has to make of it; None: it is refused."""
    if broken.keyword == "additionalProperties":
        return Mended(broken.make(ABSENT), ("unknown-member",), broken.path)
    place = broken.place
    if place is None:
        return None
    if (broken.value is ABSENT or broken.value is None) and place.key in GENERIC.defaults:
        return Mended(place.wrap(GENERIC.defaults[place.key]), ("default",), place.path)
    if broken.value is not ABSENT:
        if broken.value is None and place.optional:
            return Mended(place.wrap(ABSENT), ("null-optional",), place.path)
        value, rules = _refitted(broken.value, broken.schema, place.key)
        if rules and fits(value, broken.schema):
            return Mended(place.wrap(value), rules, place.path)
    for around, holds in place.within(broken.value):
        if around.key in GENERIC.instead and holds is not ABSENT:
            return Mended(around.wrap(GENERIC.instead[around.key]), ("member-replaced",), around.path)
        if around.is_item:
            if around.key in GENERIC.expendable and around.may_be_empty:
                return Mended(_emptied(around), ("item-dropped",), around.path)
        elif around.optional and _is_empty(holds):
            return Mended(around.wrap(ABSENT), ("empty-optional",), around.path)
        elif around.optional and around.key in GENERIC.expendable:
            return Mended(around.wrap(ABSENT), ("member-dropped",), around.path)
    return None


def fits(value: Any, schema: Schema) -> bool:
    """Whether a plain value is right; of objects and lists nothing but the kind is looked at."""
    match schema:
        case {"enum": values}:
            return value in values
        case {"type": "string", "format": "date-time"}:
            return isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value))
        case {"type": "string"}:
            return isinstance(value, str) and len(value) <= schema.get("maxLength", len(value))
        case {"type": "integer"}:
            least, most = schema.get("minimum", INT_MIN), schema.get("maximum", INT_MAX)
            return isinstance(value, int) and least <= value <= most
        case {"type": "number"}:
            return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True


def _refitted(value: Any, schema: Schema, key: str) -> tuple[Any, tuple[str, ...]]:
    """The value it plainly means and the rules that say so; no rules: it means nothing."""
    match schema, value:
        case {"enum": values}, str():
            return _chosen(value, values, key)
        case {"type": "string", "format": "date-time"}, str():
            return {
                "2024-02-29T12:34:56": ("2024-02-29T12:34:56Z", ("zone-missing",)),
                "2023-02-29T12:34:56Z": ("2023-03-01T12:34:56Z", ("date-rollover",)),
                "20240131 0800Z": ("2024-01-31T08:00:00Z", ("date-shape",)),
            }.get(value, (value, ()))
        case {"type": "string", "enum": _} | {"type": "string", "format": "date-time"}, _:
            return value, ()
        case {"type": "string"}, _:
            return _worded(value, schema.get("maxLength"), key)
        case {"type": "integer"}, float():
            return (round(value), ("number-rounded",)) if key in GENERIC.rounded else (value, ())
        case {"type": "integer"}, "1,5":
            known = key in GENERIC.rounded
            return (2, ("text-as-number", "number-rounded")) if known else (value, ())
        case {"type": "integer" | "number"}, str() if re.fullmatch(r"-?\d+([.,]\d+)?", value):
            number = Decimal(value.replace(",", "."))
            return (int(number) if number == int(number) else number), ("text-as-number",)
        case {"type": "number", "multipleOf": _}, Decimal():
            return value.quantize(Decimal("0.1"), ROUND_FLOOR), ("number-rounded",)
        case {"type": "boolean"}, "True" | "0":
            return value == "True", ("text-as-boolean",)
        case {"type": "boolean"}, int() if value in (0, 1):
            return bool(value), ("number-as-boolean",)
        case {"type": "array"}, dict() if value:
            return [value], ("single-item",)
    return value, ()


def _chosen(value: str, values: list[str], key: str) -> tuple[str, tuple[str, ...]]:
    like = [other for other in values if _letters(other) == _letters(value)]
    if len(like) == 1:
        return like[0], ("enum-case" if like[0].casefold() == value.casefold() else "enum-spelling",)
    if value and GENERIC.otherwise.get(key) in values:
        return GENERIC.otherwise[key], ("enum-other",)
    return value, ()


def _letters(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.casefold())


def _worded(value: Any, most: int | None, key: str) -> tuple[Any, tuple[str, ...]]:
    """Text of what should have been text, and no longer than it may be."""
    rules: list[str] = []
    match value:
        case bool():
            value, rules = str(value).lower(), ["boolean-as-text"]
        case int() | float():
            value, rules = str(value), ["number-as-text"]
        case list() | dict():
            return (str(value), ("object-as-text",)) if key in GENERIC.embedded else (value, ())
        case None:
            return value, ()
    if "\0" in value:
        if "\0" in value.rstrip("\0") and key not in GENERIC.text:
            return value, ()
        value, rules = value.replace("\0", ""), ["nul-character"]
    if most is not None and len(value) > most:
        if len(value.strip()) <= most:
            value, rules = value.strip(), [*rules, "padding"]
        elif key in GENERIC.text:
            value, rules = value[:most], [*rules, "text-cut"]
        else:
            return value, ()
    return value, tuple(rules)


def _emptied(item: Place) -> Any:
    """The document without the one item of a list."""
    assert item.above is not None
    return item.above.wrap([])


def _is_empty(value: Any) -> bool:
    return value in ([], {}) or (isinstance(value, str) and not value.strip())


def _at(path: str, document: Any) -> Any:
    """What stands at a path; ABSENT where nothing does."""
    for member, index in re.findall(r"\.(\w+)|\[(\d+)\]", path):
        document = document[int(index)] if index else document.get(member, ABSENT)
    return document
