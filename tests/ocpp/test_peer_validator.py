"""An independent judge: the PyPI package `ocpp` validates the same documents with jsonschema.

Where the two differ on purpose:
* date-times: jsonschema does not check `format`; we do.
* integers: OCPP's have 32 bits; JSON schema's have no bounds.
* NUL characters: JSON schema allows them; PostgreSQL's text does not.
* `StopTransaction.transactionData`: its schema lacks MeterValues' lower bounds and the unit `Hertz`.
"""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft6Validator
from ocpp.messages import get_validator

from engine.domain.state import Policy
from engine.ocpp.messages import v16
from engine.ocpp.outcome import Decoded
from engine.ocpp.policy import decode
from tests.ocpp.strategies import schemas, to_json, valid
from tests.ocpp.violations import violations, wrong

OURS_ALONE = {"format", "range", "pattern"}


def peer_accepts(name: str, payload: bytes) -> bool:
    action = name.removesuffix("Response")
    kind = 3 if name.endswith("Response") else 2
    validator = get_validator(kind, action, "1.6", parse_float=Decimal)
    return bool(validator.is_valid(json.loads(payload, parse_float=Decimal)))


def we_accept(name: str, payload: bytes) -> bool:
    return isinstance(decode(getattr(v16, name), payload, Policy.STRICT), Decoded)


# What jsonschema calls a keyword of ours.
PEER_WORDS = {"minItems": "items", "maxItems": "items", "minimum": "range", "maximum": "range"}


@pytest.mark.parametrize("name", schemas("v16"))
def test_single_violations_are_judged_alike(name):
    for broken in violations(schemas("v16")[name], name):
        payload = to_json(broken.document)
        lenient = broken.keyword in OURS_ALONE or (broken.keyword, broken.path) == (
            "items",
            "$.transactionData[0].sampledValue",
        )
        assert peer_accepts(name, payload) is lenient, broken
        assert not we_accept(name, payload), broken


@pytest.mark.parametrize("version", ["v16", "v201", "v21"])
def test_violations_break_what_they_say(version):
    """Each wrong value breaks its keyword and no other, by jsonschema's reckoning; ours alone break none."""
    distinct = {
        json.dumps(schema, sort_keys=True)
        for top in schemas(version).values()
        for schema in parts(top)
        if schema.get("type") not in (None, "object")
    }
    for text in distinct:
        schema = json.loads(text, parse_float=Decimal)
        judge = Draft6Validator(schema)
        for keyword, value in wrong(schema):
            found = {PEER_WORDS.get(error.validator, error.validator) for error in judge.iter_errors(value)}
            if keyword == "type":
                found.discard("enum")  # what is no text is no word of a list either
            assert found == {keyword} or (not found and keyword in OURS_ALONE), (keyword, value, schema)


def parts(schema):
    """The schema and all below it."""
    yield schema
    for below in schema.get("properties", {}).values():
        yield from parts(below)
    if "items" in schema:
        yield from parts(schema["items"])


@given(data=st.data(), name=st.sampled_from(sorted(set(schemas("v16")) - {"StopTransaction"})))
def test_valid_documents_are_judged_alike(data, name):
    payload = to_json(data.draw(valid(schemas("v16")[name])))
    assert peer_accepts(name, payload)
    assert we_accept(name, payload)


@given(data=st.data(), name=st.sampled_from(sorted(set(schemas("v16")) - {"StopTransaction"})))
def test_random_documents_are_judged_alike(data, name):
    """Members left out, added, or replaced by small values of any type."""
    document = data.draw(valid(schemas("v16")[name]))
    for member in data.draw(st.sets(st.sampled_from([*document, "zz"]))):
        document.pop(member, None)
        if data.draw(st.booleans()):
            document[member] = data.draw(
                st.none() | st.booleans() | st.integers(0, 9) | st.just([]) | st.just({})
            )
    payload = to_json(document)
    assert we_accept(name, payload) is peer_accepts(name, payload)
