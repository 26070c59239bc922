"""Names of variables as text: what is read is what was spelt, and nothing else is a name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.device import VariableName
from engine.ocpp.variable_names import ATTRIBUTES, Attribute, document, parse, spell

words = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
absent_or_word = st.just("") | words


@st.composite
def names(draw):
    evse = draw(st.integers(0, 99))
    connector = draw(st.integers(0, 9)) if evse else 0
    return VariableName(draw(words), draw(absent_or_word), evse, connector, draw(words), draw(absent_or_word))


@given(names(), st.sampled_from(ATTRIBUTES))
def test_what_is_spelt_is_read(name, attribute):
    assert parse(spell(name, attribute)) == Attribute(name, attribute)


@pytest.mark.parametrize(
    ("text", "name", "attribute"),
    [
        ("OCPPCommCtrlr/HeartbeatInterval", ("OCPPCommCtrlr", "", 0, 0, "HeartbeatInterval", ""), "Actual"),
        ("EVSE;;1/Available;;Target", ("EVSE", "", 1, 0, "Available", ""), "Target"),
        ("Connector;a;1;2/Lock;b", ("Connector", "a", 1, 2, "Lock", "b"), "Actual"),
    ],
)
def test_names(text, name, attribute):
    assert parse(text) == Attribute(VariableName(*name), attribute)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "HeartbeatInterval",
        "/x",
        "x/",
        "a/b/c",
        "a;b;x/c",
        "a;;0/c",
        "a;;;1/c",
        "a;;1;1;1/c",
        "a/b;c;Maximal",
        "a/b;c;Actual;d",
        "a;;９/c",
        "a;;1234567890/c",
    ],
)
def test_other_texts_are_no_names(text):
    assert parse(text) is None


def test_as_ocpp_has_them():
    assert document(parse("Connector;a;1;2/Lock;b;MaxSet")) == {
        "component": {"name": "Connector", "instance": "a", "evse": {"id": 1, "connectorId": 2}},
        "variable": {"name": "Lock", "instance": "b"},
        "attributeType": "MaxSet",
    }
    assert document(parse("A/B")) == {"component": {"name": "A"}, "variable": {"name": "B"}}
