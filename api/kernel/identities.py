"""The names by which charge points and locations stand in addresses."""

from __future__ import annotations

from typing import Final

from engine.errors import Invalid

MAX_IDENTITY: Final = 255


def identity(text: str) -> str:
    """`text`, if it may stand as one segment of a path; raises Invalid."""
    if not 1 <= len(text) <= MAX_IDENTITY or "/" in text or not text.isprintable():
        raise Invalid(
            "An identity has 1 to 255 printable characters and no slash.", {"identity": [text[:48]]}
        )
    return text
