"""OCPP payloads as Structs, one generated module per version (`python -m tools.codegen`).

Nothing here imports a version: a node that speaks only 1.6 does not pay for the others.
"""

from __future__ import annotations

from typing import Any

VENDOR_ID_LENGTH = 255


class CustomData(dict[str, Any]):
    """A 2.x `customData` object: any members besides its `vendorId` (2.0.1 part 2, CustomDataType).

    A dict rather than a Struct, because a Struct would lose what vendors put in. Decoders make it through
    `decode_hook`.
    """


def decode_hook(kind: type, value: object) -> object:
    """msgspec's `dec_hook` for the types here; ValueError says what the schema forbids."""
    if kind is not CustomData:
        raise NotImplementedError(f"no decoder for {kind!r}")
    if not isinstance(value, dict):
        raise ValueError("Expected `object`")
    vendor = value.get("vendorId")
    if not isinstance(vendor, str):
        raise ValueError("Object missing required field `vendorId`")
    if len(vendor) > VENDOR_ID_LENGTH:
        raise ValueError(f"Expected `str` of length <= {VENDOR_ID_LENGTH} in `vendorId`")
    return CustomData(value)
