"""Every fault of a document is named, at its place and in plain words."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from engine.validation import DOCUMENT, MOST, choices, faults


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Part(msgspec.Struct, tag="part", forbid_unknown_fields=True):
    size: Annotated[int, Meta(ge=1, le=3)]
    names: list[Annotated[str, Meta(max_length=3)]] = []
    at: datetime | None = None
    colour: Colour | None = None
    numbers: dict[Annotated[str, Meta(max_length=2)], int] = {}


class Whole(msgspec.Struct, tag="whole", rename="camel"):
    all_parts: list[Part | None]
    word: Literal["zeta", "alpha"] = "zeta"
    ratio: Annotated[float, Meta(gt=0)] = 1.0
    text: Annotated[str, Meta(min_length=1)] = "x"
    raw: msgspec.Raw = msgspec.Raw(b"null")


DOCUMENTS: list[tuple[Any, Any, dict[str, list[str]]]] = [
    ({"allParts": []}, Whole, {}),
    ([], Whole, {DOCUMENT: ["must be an object, not a list"]}),
    ({}, Whole, {"allParts": ["is missing"]}),
    (
        {"allParts": [], "word": "zet", "ratio": 0, "text": "", "raw": {"anything": 1}},
        Whole,
        {
            "word": ["is none of the allowed words (did you mean zeta?); allowed: zeta, alpha"],
            "ratio": ["must be more than 0"],
            "text": ["must not be empty"],
        },
    ),
    (
        {
            "type": "whole",
            "allParts": [
                {"type": "part", "size": 9, "names": ["abcd", 1], "at": "later", "colour": "green"},
                None,
                {"type": "part", "siz": 1, "numbers": {"abc": "x"}},
            ],
        },
        Whole | Part,
        {
            "allParts[0].size": ["must be at most 3"],
            "allParts[0].names[0]": ["must have at most 3 characters"],
            "allParts[0].names[1]": ["must be text, not a whole number"],
            "allParts[0].at": ["must be a time with its zone, such as 2030-12-31T23:59:59Z"],
            "allParts[0].colour": ["is none of the allowed words; allowed: red, blue"],
            "allParts[2].size": ["is missing"],
            "allParts[2].siz": [
                "is not known here (did you mean size?); there are: size, names, at, colour, numbers"
            ],
            "allParts[2].numbers.abc": [
                "the name: must have at most 2 characters",
                "must be a whole number, not text",
            ],
        },
    ),
]


@pytest.mark.parametrize(("document", "kind", "expected"), DOCUMENTS)
def test_all_faults_are_named(document: Any, kind: Any, expected: dict[str, list[str]]) -> None:
    assert faults(document, kind) == expected


def test_numbers_as_text_are_taken_where_that_is_asked_for() -> None:
    given = {"allParts": [], "ratio": "2.5"}
    assert faults(given, Whole, strict=False) == {}
    assert faults(given, Whole) == {"ratio": ["must be a number, not text"]}


def test_a_document_of_faults_alone_is_not_walked_to_its_end() -> None:
    assert len(faults({"allParts": [5] * 100_000}, Whole)) == MOST


def test_choices_keep_the_order_of_their_declaration() -> None:
    assert choices(Literal["zeta", "alpha"] | None) == ["zeta", "alpha"]
    assert choices(Annotated[Colour, Meta(description="of it")]) == ["red", "blue"]
    assert choices(int) == []


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4) | st.just("red"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["size", "names", "at", "colour", "numbers", "type", "z"]), inner)
    ),
    max_leaves=8,
)


@given(values)
def test_there_are_faults_exactly_where_msgspec_refuses(value: Any) -> None:
    document: Mapping[str, Any] = {"allParts": [value]}
    try:
        msgspec.convert(document, Whole)
    except msgspec.ValidationError:
        found = faults(document, Whole)
        assert found
        assert all(place.startswith("allParts[0]") for place in found)
        assert not any("`" in what or "Expected" in what for texts in found.values() for what in texts)
    else:
        assert faults(document, Whole) == {}
