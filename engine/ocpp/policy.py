"""Turns a payload into its Struct: straight through where it is right, else by the station's policy.

*strict* answers the CALLERROR that the version's specification names; *repair* mends what real chargers get
wrong and names each repair; *observe* is *repair* whose repairs the caller also logs. The single repairs are
in `engine.ocpp.mending`, their data in `engine.ocpp.quirks`. Whatever the bytes are, `decode` raises nothing.

Of a name that an object has twice the last value counts, as in every JSON parser here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from engine.domain.state import Policy
from engine.masking import masked_members
from engine.ocpp.messages import CustomData, decode_hook
from engine.ocpp.outcome import Decoded, ViolationError, written
from engine.ocpp.quirks import quirks_of
from engine.ocpp.rpc import MAX_DESCRIPTION, Code
from engine.ocpp.shapes import record_of
from engine.ocpp.step import Message, Refusal
from engine.ocpp.walk import MAX_REPAIRS, walk

# Which JSON-schema keyword fails → which error the specification names (OCPP-J 1.6 §4.2.3, table 7).
FAULTS_16: Mapping[str, Code] = {
    "json": Code.FORMAT_VIOLATION,  # "syntactically incorrect"
    "elements": Code.FORMAT_VIOLATION,
    "structure": Code.FORMAT_VIOLATION,  # "or not conform the PDU structure": the payload is no object
    "additionalProperties": Code.FORMAT_VIOLATION,
    "required": Code.PROTOCOL_ERROR,  # "payload is incomplete"
    "type": Code.TYPE_CONSTRAINT_VIOLATION,  # "violates data type constraints"
    "format": Code.TYPE_CONSTRAINT_VIOLATION,  # dateTime is a data type
    "maxLength": Code.TYPE_CONSTRAINT_VIOLATION,  # so is CiString20Type
    "pattern": Code.PROPERTY_CONSTRAINT_VIOLATION,  # "contains an invalid value"
    "enum": Code.PROPERTY_CONSTRAINT_VIOLATION,
    "range": Code.PROPERTY_CONSTRAINT_VIOLATION,  # minimum, maximum
    "multipleOf": Code.PROPERTY_CONSTRAINT_VIOLATION,
    "items": Code.OCCURRENCE_CONSTRAINT_VIOLATION,  # minItems, maxItems
    "repairs": Code.FORMAT_VIOLATION,
}
# 2.0.1 part 4 §4.3: only what is no JSON is "syntactically incorrect", and cardinality includes 1..1.
FAULTS_2X: Mapping[str, Code] = {
    **FAULTS_16,
    "elements": Code.RPC_FRAMEWORK_ERROR,  # "not a valid RPC request"
    "structure": Code.PROTOCOL_ERROR,
    "additionalProperties": Code.PROTOCOL_ERROR,
    "required": Code.OCCURRENCE_CONSTRAINT_VIOLATION,
}
WORDS: Mapping[str, str] = {
    "json": "not valid JSON",
    "elements": "followed by more elements; a message ends with its payload",
    "structure": "must be an object",
    "additionalProperties": "no such member",
    "required": "missing",
    "type": "wrong type",
    "format": "not an RFC 3339 time stamp with a time zone",
    "maxLength": "too long",
    "pattern": "contains a NUL character",
    "enum": "not one of the allowed values",
    "range": "out of range",
    "multipleOf": "too many decimal places",
    "items": "wrong number of items",
    "repairs": f"more than {MAX_REPAIRS} deviations from the schema, which are not mended",
}


def received(kind: type, value: object) -> object:
    """`decode_hook` for what comes from outside: what vendors add is stored as it is, so without secrets."""
    custom = decode_hook(kind, value)
    return CustomData(masked_members(custom)) if isinstance(custom, CustomData) else custom


class _Decoders(dict[type[Message], "msgspec.json.Decoder[Message] | None"]):
    """One strict decoder per payload type; None where only the walk can tell right from wrong.

    A hot path may use one directly, leaving to `decode` what the decoder refuses, and any payload with the
    escape `\\u0000` in it. `hook` is msgspec's `dec_hook`.
    """

    def __init__(self, hook: Callable[[type, object], object]) -> None:
        super().__init__()
        self.hook = hook

    def __missing__(self, kind: type[Message]) -> msgspec.json.Decoder[Message] | None:
        decoder = None if record_of(kind).exact else msgspec.json.Decoder(kind, dec_hook=self.hook)
        self[kind] = decoder
        return decoder


DECODERS = _Decoders(received)
OURS = _Decoders(decode_hook)  # of what people here send: to the letter
# The first and the last day there are stand for "never set" and "for ever". In UTC they may be days that do
# not exist, so they are read as their neighbours.
CALENDAR_ENDS: Final = re.compile(rb'"(9999-12-31|0001-01-01)([Tt ][0-9:.]+(?:[Zz]|[+-][0-9:]+)?")')


def _a_day_inside(found: re.Match[bytes]) -> bytes:
    return b'"' + (b"9999-12-30" if found[1] == b"9999-12-31" else b"0001-01-02") + found[2]


def decode(  # noqa: PLR0917 - the station's three words stand together, as in every call
    kind: type[Message],
    payload: bytes,
    policy: Policy,
    vendor: str = "",
    model: str = "",
    version: str = "ocpp1.6",
    *,
    decoders: _Decoders = DECODERS,
) -> Decoded | Refusal:
    """A payload as a message of `kind`, or the CALLERROR that answers it.

    `vendor` and `model` choose the quirks (what BootNotification said, "" before that).
    """
    if b"9999-12-31" in payload or b"0001-01-01" in payload:
        payload = CALENDAR_ENDS.sub(_a_day_inside, payload)
    decoder = decoders[kind]
    # PostgreSQL's text cannot hold NUL. Hardly a payload has an escape at all, and one byte is found fastest.
    if decoder is not None and (b"\\" not in payload or b"\\u0000" not in payload):
        try:
            return Decoded(message=decoder.decode(payload))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # what is wrong, and whether it can be mended, is found out below
    quirks = quirks_of(vendor, model) if policy is not Policy.STRICT else None
    try:
        return walk(kind, payload, quirks, decoders.hook)
    except ViolationError as violation:
        code = (FAULTS_16 if version == "ocpp1.6" else FAULTS_2X)[violation.keyword]
        description = f"{written(violation.path)}: {WORDS[violation.keyword]}"
        return Refusal(code=code, description=description[:MAX_DESCRIPTION])
