"""Writes `engine/ocpp/messages/*.py` from the official JSON schemas (`python -m tools.codegen`).

One Struct per schema and per nested object, members in the schema's order (`tools.schemas` reads them).
"""

from __future__ import annotations

import argparse
import json
import keyword
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.generated import update
from tools.schemas import Schema, essence, read_schemas

VERSIONS = ("v16", "v201", "v21")
TITLES = {"v16": "1.6", "v201": "2.0.1", "v21": "2.1"}
MESSAGES = Path(__file__).parents[1] / "engine" / "ocpp" / "messages"

# OCPP 1.6 declares its nested objects in place, under the member's name; these are the specification's names
# where they are not simply that name (1.6 §7).
NAMES_16 = {
    "configurationKey": "KeyValue",
    "csChargingProfiles": "ChargingProfile",
    "localAuthorizationList": "AuthorizationData",
    "log": "LogParameters",
    "transactionData": "MeterValue",
}
# An OCPP `integer` has 32 bits (2.0.1 part 2, primitive types; `xs:int` in 1.6's WSDL); no schema says so.
INT_MIN, INT_MAX = -(2**31), 2**31 - 1
# What a generated module may import, by group; it imports what it uses.
IMPORTS = (
    {"datetime": ("datetime",), "decimal": ("Decimal",), "typing": ("Annotated", "Any", "Literal")},
    {"msgspec": ("UNSET", "Meta", "UnsetType", "field")},
    {"engine.ocpp.messages": ("CustomData",), "engine.ocpp.step": ("Message",)},
)


@dataclass(frozen=True)
class Type:
    """A nested type before it has its final name: what it was called, and whose schema it stands in."""

    wanted: str
    schema: Schema
    message: str

    @property
    def content(self) -> str:
        return json.dumps(essence(self.schema), sort_keys=True)


@dataclass
class Namespace:
    """Final names of nested types: equal contents share one; of different ones the most used keeps it."""

    taken: set[str]
    uses: list[Type] = field(default_factory=list)
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def settle(self) -> None:
        """Give every noted type its name; must run once, after all were noted."""
        for wanted in dict.fromkeys(use.wanted for use in self.uses):
            variants = Counter(use.content for use in self.uses if use.wanted == wanted)
            for rank, (content, _) in enumerate(variants.most_common()):
                first = next(use for use in self.uses if (use.wanted, use.content) == (wanted, content))
                name = wanted if rank == 0 and wanted not in self.taken else f"{first.message}{wanted}"
                self.taken.add(name)
                self.names[wanted, content] = name

    def name(self, use: Type) -> str:
        return self.names[use.wanted, use.content]


def _nested(schema: Schema, member: str, owner: str, version: str) -> str | None:
    """The name that a member's object or enum asks for; None when it is neither."""
    if "x-name" in schema:
        return str(schema["x-name"])
    if schema.get("type") == "object":
        return NAMES_16.get(member, member[0].upper() + member[1:])
    return None


def _attribute(member: str) -> str:
    """`csChargingProfiles` → `cs_charging_profiles`, `numEPriceLevels` → `num_e_price_levels`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", "_", member).lower()
    return f"{words}_" if keyword.iskeyword(words) else words


def _camel(attribute: str) -> str:
    """What msgspec's `rename="camel"` makes of an attribute."""
    first, *rest = attribute.split("_")
    return first + "".join(word.title() for word in rest)


class Module:
    """The text of one version's module."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.schemas = read_schemas(version)
        self.spaces = Namespace(set(self.schemas))
        for message, schema in self.schemas.items():
            self._note(schema, message)
        self.spaces.settle()
        self.aliases: dict[str, str] = {}  # Str20 → its definition
        self.blocks: dict[str, str] = {}  # every class and enum, dependencies first

    def _types(self, schema: Schema, message: str) -> Iterator[tuple[str, Schema, Type | None]]:
        """Members of an object, the schema of each (of its items, for a list) and its nested type if any."""
        for member, declared in schema.get("properties", {}).items():
            inner = declared
            while inner.get("type") == "array":
                inner = inner["items"]
            wanted = _nested(inner, member, message, self.version)
            yield member, inner, Type(wanted, inner, message) if wanted else None

    def _note(self, schema: Schema, message: str) -> None:
        for _, inner, use in self._types(schema, message):
            if use:
                self.spaces.uses.append(use)
            if inner.get("type") == "object":
                self._note(inner, message)

    def render(self) -> str:
        """The module's source."""
        for message, schema in self.schemas.items():
            self._object(message, schema, message)
        body = "\n".join([*self.aliases.values(), "", *self.blocks.values(), self._tables(), ""])
        title = f'"""OCPP {TITLES[self.version]} payloads. Generated by tools.codegen; do not edit."""'
        return f"{title}\n\n{_imports(body)}\n{body}"

    def _object(self, name: str, schema: Schema, message: str) -> None:
        if name in self.blocks:
            return
        required = set(schema.get("required", ()))
        lines = [f"class {name}(Message, frozen=True, kw_only=True):"]
        uses = {member: use for member, _, use in self._types(schema, message)}
        for member, declared in schema.get("properties", {}).items():
            kind = self._kind(declared, uses[member], message)
            lines.append(f"    {self._member(member, kind, member in required)}")
        if len(lines) == 1:
            lines.append("    pass")
        self.blocks[name] = "\n" + "\n".join(lines) + "\n"

    @staticmethod
    def _member(member: str, kind: str, required: bool) -> str:
        attribute = _attribute(member)
        optional = "" if required else " | UnsetType"
        renamed = f'name="{member}"' if _camel(attribute) != member else ""
        default = "" if required else ("default=UNSET" if renamed else "UNSET")
        value = f"field({', '.join(filter(None, (default, renamed)))})" if renamed else default
        return f"{attribute}: {kind}{optional}" + (f" = {value}" if value else "")

    def _kind(self, schema: Schema, use: Type | None, message: str) -> str:
        """The annotation of a schema; notes aliases and nested types on the way."""
        match schema:
            case {"type": "array", "items": items}:
                bounds = _bounds(schema, minItems="min_length", maxItems="max_length")
                return _annotated(f"list[{self._kind(items, use, message)}]", bounds)
            case {"type": "object"} if use:
                if schema.get("additionalProperties") is not False:
                    return use.wanted  # CustomData, the one open object
                self._object(self.spaces.name(use), schema, message)
                return self.spaces.name(use)
            case {"enum": values} if use:
                name = self.spaces.name(use)
                self.blocks.setdefault(name, f"\n{name} = {_literal(values)}\n")
                return name
            case {"enum": values}:
                return _literal(values)
            case {"type": "string", "format": "date-time"}:
                return self._alias("DateTime", "datetime", "tz=True")
            case {"type": "string", "maxLength": length}:
                return self._alias(f"Str{length}", "str", f"max_length={length}")
            case {"type": "integer"}:
                low, high = int(schema.get("minimum", INT_MIN)), int(schema.get("maximum", INT_MAX))
                name = "Int" if (low, high) == (INT_MIN, INT_MAX) else f"Int{_span(schema)}"
                return self._alias(name, "int", f"ge={low}, le={high}")
            case {"type": "number", "multipleOf": step}:
                return self._alias("Tenth", "Decimal", f'extra={{"multiple_of": "{step}"}}')
            case {"type": "number"}:
                return _annotated("float", _bounds(schema, minimum="ge", maximum="le"))
            case {"type": "string"}:
                return "str"
            case {"type": "boolean"}:
                return "bool"
        if "type" in schema:
            raise ValueError(f"{message}: no rule for {schema}")
        return "Any"

    def _alias(self, name: str, base: str, meta: str) -> str:
        self.aliases.setdefault(name, f"{name} = Annotated[{base}, Meta({meta})]")
        return name

    def _tables(self) -> str:
        answered = [name for name in self.schemas if f"{name}Response" in self.schemas]
        lines = ["\nACTIONS: dict[str, tuple[type[Message], type[Message]]] = {"]
        lines += [f'    "{name}": ({name}, {name}Response),' for name in answered]
        lines.append("}")
        sent = [name for name in self.schemas if name not in answered and not name.endswith("Response")]
        if sent:  # 2.1's SEND: messages that are never answered
            lines.append("SENT: dict[str, type[Message]] = {")
            lines += [f'    "{name}": {name},' for name in sent]
            lines.append("}")
        return "\n".join(lines)


def _imports(body: str) -> str:
    """The import lines of what a module's body uses."""
    used = set(re.findall(r"\w+", body))
    lines = []
    for group in IMPORTS:
        found = {module: [name for name in names if name in used] for module, names in group.items()}
        lines += [f"from {module} import {', '.join(names)}\n" for module, names in found.items() if names]
        lines.append("\n")
    return "".join(lines[:-1])


def _bounds(schema: Schema, **words: str) -> str:
    return ", ".join(f"{word}={schema[key]}" for key, word in words.items() if key in schema)


def _annotated(kind: str, bounds: str) -> str:
    return f"Annotated[{kind}, Meta({bounds})]" if bounds else kind


def _literal(values: Sequence[str]) -> str:
    return f"Literal[{', '.join(json.dumps(value) for value in values)}]"


def _span(schema: Schema) -> str:
    """A name's tail for an integer's bounds: `From0To9`, `From0`."""
    words = (("From", schema.get("minimum")), ("To", schema.get("maximum")))
    return "".join(f"{word}{int(bound)}".replace("-", "Minus") for word, bound in words if bound is not None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the modules, or with `--check` only compare; the exit code is the number of stale ones."""
    parser = argparse.ArgumentParser(prog="python -m tools.codegen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a module is stale")
    parser.add_argument("versions", nargs="*", metavar="VERSION", help=f"default: {' '.join(VERSIONS)}")
    options = parser.parse_args(arguments)
    unknown = set(options.versions) - set(VERSIONS)
    if unknown:
        parser.error(f"unknown version {', '.join(sorted(unknown))}; known are {', '.join(VERSIONS)}")
    versions = options.versions or VERSIONS
    modules = ((MESSAGES / f"{version}.py", Module(version).render()) for version in versions)
    return update(modules, "python -m tools.codegen", check=options.check)


if __name__ == "__main__":
    sys.exit(main())
